"""Sends what a session released to the topics that the customer's policy allows; to training only with a permit."""

from collections.abc import Iterable

from deid_stream.kafka.ports import Outbox
from deid_stream.kafka.record import MAX_BATCH_BYTES
from deid_stream.model.ids import record_id
from deid_stream.model.outputs import (
    AuditAction,
    AuditEntry,
    CallSummary,
    Output,
    Retraction,
    SanitizedAudio,
    SanitizedSegment,
)
from deid_stream.model.published import Closing
from deid_stream.model.topics import TopicNames
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.outcomes import count_audit
from deid_stream.policy.permit import Permit
from deid_stream.policy.policy import CompiledPolicy
from deid_stream.policy.status import Refusal, Standing
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.audio import encode_audio, payload
from deid_stream.wire.output import Record, encode_audit, encode_segment, encode_summary
from deid_stream.worker.consent import CallConsent, Consents

_RECORD_OVERHEAD_BYTES = 4_096
MAX_VALUE_BYTES = MAX_BATCH_BYTES - _RECORD_OVERHEAD_BYTES


class Gate:
    """The gate has no state: ``CallConsent`` remembers what the audit has already said about a call."""

    def __init__(self, names: TopicNames, consents: Consents, pipeline_version: str, metrics: Metrics) -> None:
        self.names = names
        self.consents = consents
        self.version = pipeline_version
        self.metrics = metrics
        self.doubted_until_ms: Ms = 0
        """Records up to this time may have been let go by an owner that died before its checkpoint, under an earlier
        policy; 0 where batches are transactions."""

    def publish(self, outbox: Outbox, outputs: Iterable[Output], consent: CallConsent, *, minor: bool) -> None:
        """Append a call's outputs. A refused record stands in the audit with the reason when it is the first of its
        call, and again whenever the reason changes."""
        passage = _Passage(self, outbox, self.consents.standing(consent.facts.customer_id), consent, minor=minor)
        passage.pass_on(outputs)
        if minor:
            consent.published.minor = True

    def write(self, outbox: Outbox, outputs: Iterable[Output]) -> None:
        """Append lines of the worker's own, and what is taken back of calls that are closed."""
        for output in outputs:
            if isinstance(output, Retraction):
                append_retraction(outbox, self.names, output)
            elif isinstance(output, AuditEntry):
                _append_audit(outbox, self.names.audit, output, self.consents.standing(output.customer_id).policy)


class _Passage:
    """One call's outputs of one drain: the policies do not change while they pass."""

    def __init__(self, gate: Gate, outbox: Outbox, standing: Standing, consent: CallConsent, *, minor: bool) -> None:
        self._gate = gate
        self._outbox = outbox
        self._standing = standing
        self._policy = standing.policy
        self._consent = consent
        self._facts = consent.facts
        self._published = consent.published
        self._minor = minor
        self._refuses_all = Refusal.MINOR if minor else None if gate.consents.fresh() else Refusal.STALE_POLICIES
        doubted = consent.published.doubted and standing.ever_allowed
        self._doubted_until_ms = gate.doubted_until_ms if doubted else 0

    def pass_on(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, SanitizedAudio):
                self._audio(output)
            elif isinstance(output, SanitizedSegment):
                self._segment(output)
            elif isinstance(output, CallSummary):
                self._summary(output)
            elif isinstance(output, Retraction):
                append_retraction(self._outbox, self._gate.names, output)
            else:
                self._entry(output)

    def _audio(self, audio: SanitizedAudio) -> None:
        chunk, names = audio.chunk, self._gate.names
        key, value, headers = encode_audio(audio, self._policy.version)
        if len(value) > MAX_VALUE_BYTES:
            self._too_large(chunk.time_ms, chunk.channel, chunk.seq)
            return
        published = self._published
        published.last_ms = chunk.time_ms
        if self._analysed(chunk.time_ms, chunk.channel, chunk.seq):
            self._outbox.append(names.analytics_audio, key, value, headers, chunk.time_ms)
            published.audio.note(chunk.channel, chunk.seq)
            published.chunks += 1
            published.bytes += len(value)
        permit = self._permit(chunk.time_ms, chunk.channel, chunk.seq)
        if permit is None:
            self._gate.metrics.training_withheld.inc("audio")
            if chunk.time_ms <= self._doubted_until_ms:
                published.doubt(self._facts.permitted_at, chunk.channel, chunk.seq, audio=True)
            return
        published.train(permit, chunk.channel, chunk.seq, audio=True)
        training = [*headers, (ce.PERMIT, self._consent.permit_header)]
        voice = value if audio.disguised is None else payload(chunk, audio.disguised)
        self._outbox.append(names.training_audio, key, voice, training, chunk.time_ms)

    def _segment(self, segment: SanitizedSegment) -> None:
        names = self._gate.names
        record = self._encoded(segment, None)
        if len(record.value or b"") > MAX_VALUE_BYTES:
            self._too_large(segment.time_ms, segment.channel, segment.seq)
            return
        published = self._published
        published.last_ms = segment.time_ms
        if self._analysed(segment.time_ms, segment.channel, segment.seq):
            self._outbox.append(names.analytics_transcripts, record.key, record.value, record.headers, segment.time_ms)
            published.transcripts.note(segment.channel, segment.seq)
            published.segments += 1
            published.bytes += len(record.value or b"")
        if not segment.is_final:
            return
        permit = self._permit(segment.time_ms, segment.channel, segment.seq)
        if permit is None:
            self._gate.metrics.training_withheld.inc("transcripts")
            if segment.time_ms <= self._doubted_until_ms:
                published.doubt(self._facts.permitted_at, segment.channel, segment.seq, audio=False)
            return
        published.train(permit, segment.channel, segment.seq, audio=False)
        record = self._encoded(segment, permit)
        record.headers.append((ce.PERMIT, self._consent.permit_header))
        self._outbox.append(names.training_transcripts, record.key, record.value, record.headers, segment.time_ms)

    def _encoded(self, segment: SanitizedSegment, permit: Permit | None) -> Record:
        version = self._policy.version
        return encode_segment(segment, policy_version=version, pipeline_version=self._gate.version, permit=permit)

    def _summary(self, summary: CallSummary) -> None:
        """The call's metadata. Of a call without any record that could be trained on, this is where the audit says
        that it would have been refused."""
        time_ms = summary.time_ms
        self._published.closed = self._published.urgent = True
        if self._analysed(time_ms, None, None):
            record = encode_summary(summary, policy_version=self._policy.version, pipeline_version=self._gate.version)
            self._outbox.append(self._gate.names.calls, record.key, record.value, record.headers, time_ms)
            self._published.closing = Closing(
                time_ms=time_ms,
                duration_ms=summary.duration_ms,
                values=summary.redactions,
                withheld=int(summary.withheld),
                opted_out=not self._policy.training,
            )
        facts = self._facts
        if not facts.said and not facts.permitted_at and (refusal := self._refusal(time_ms)) is not None:
            self._refused(refusal, time_ms, None, None)

    def _entry(self, entry: AuditEntry) -> None:
        if entry.action is AuditAction.WITHHELD:
            self._facts.withheld = True
        if self._minor:
            # a minor's session lets nothing out but its audit, so no refused record will say it
            self._refused(Refusal.MINOR, entry.time_ms, None, None)
        self._write(entry)

    # -- what may pass

    def _analysed(self, time_ms: Ms, channel: int | None, seq: int | None) -> bool:
        off = not self._policy.analytics
        if off and not self._facts.analytics_off:
            self._audit(AuditAction.WITHHELD, "analytics_off", time_ms, channel, seq)
        self._facts.analytics_off = off
        return not off

    def _refusal(self, time_ms: Ms) -> Refusal | None:
        return self._refuses_all or self._standing.refusal(time_ms)

    def _permit(self, time_ms: Ms, channel: int | None, seq: int | None) -> Permit | None:
        """The permit of a source record; without one, the audit says why."""
        refusal = self._refusal(time_ms)
        if refusal is not None:
            self._refused(refusal, time_ms, channel, seq)
            return None
        facts, before = self._facts, self._consent.permit
        permit = self._consent.permit_for(self._standing, time_ms)
        if permit is before and not facts.said:
            # as for almost every record of a call: nothing to tell
            return permit
        position = str(self._standing.position)
        if facts.withheld and facts.permitted_at != position:
            # said once for each policy, since records of before and after it may leave in turns
            self._audit(AuditAction.PERMITTED, "partial", time_ms, channel, seq)
            facts.said = ""
        facts.permitted_at = position
        return permit

    def _refused(self, refusal: Refusal, time_ms: Ms, channel: int | None, seq: int | None) -> None:
        self._facts.withheld = True
        if self._facts.said != refusal:
            self._facts.said = refusal
            self._audit(AuditAction.WITHHELD, f"training_{refusal}", time_ms, channel, seq)

    def _too_large(self, time_ms: Ms, channel: int | None, seq: int) -> None:
        self._facts.withheld = True
        self._audit(AuditAction.WITHHELD, "oversized", time_ms, channel, seq)

    def _audit(self, action: AuditAction, reason: str, time_ms: Ms, channel: int | None, seq: int | None) -> None:
        entry = AuditEntry(
            call_id=self._facts.call_id,
            customer_id=self._standing.customer_id,
            action=action,
            reason=reason,
            time_ms=time_ms,
            channel=channel,
            seq=seq,
        )
        self._write(entry)
        count_audit(self._gate.metrics, entry)

    def _write(self, entry: AuditEntry) -> None:
        _append_audit(self._outbox, self._gate.names.audit, entry, self._policy)


def _append_audit(outbox: Outbox, topic: str, entry: AuditEntry, policy: CompiledPolicy) -> None:
    record = encode_audit(entry, policy_version=policy.version)
    outbox.append(topic, record.key, record.value, record.headers, entry.time_ms)


def append_retraction(outbox: Outbox, names: TopicNames, retraction: Retraction) -> None:
    """Write tombstones for all records that the ranges name, whatever the policy says: what was allowed when they left
    is not allowed now."""
    headers = [(ce.CUSTOMER_ID, retraction.customer_id.encode())]
    for topics, ranges in (
        ((names.analytics_transcripts, names.training_transcripts), retraction.transcripts),
        ((names.analytics_audio, names.training_audio), retraction.audio),
    ):
        for known in ranges:
            for seq in range(known.first, known.last + 1):
                key = record_id(retraction.call_id, known.channel, seq)
                for topic in topics:
                    outbox.append(topic, key, None, headers, retraction.time_ms)

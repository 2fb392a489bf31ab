"""What a session released, to the topics that its customer's policy allows; training only with a permit."""

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
from deid_stream.model.topics import TopicNames
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.outcomes import count_audit
from deid_stream.policy.policy import CompiledPolicy, Permit
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.audio import encode_audio, payload
from deid_stream.wire.output import encode_audit, encode_segment, encode_summary

_RECORD_OVERHEAD_BYTES = 4_096
MAX_VALUE_BYTES = MAX_BATCH_BYTES - _RECORD_OVERHEAD_BYTES


class Gate:
    """Stateless. ``region`` is the deployment's; None where it does not say."""

    def __init__(self, names: TopicNames, region: str | None, pipeline_version: str, metrics: Metrics) -> None:
        self._names = names
        self._region = region
        self._version = pipeline_version
        self._metrics = metrics

    def publish(
        self, outbox: Outbox, outputs: Iterable[Output], policy: CompiledPolicy, *, minor: bool, training: bool
    ) -> None:
        """Append to the outbox. ``training`` False: the policies are stale, so nobody's may permit training."""
        permit: Permit | None = None
        permit_id = b""
        asked_ms: Ms = -1
        for output in outputs:
            if isinstance(output, AuditEntry):
                self._audit(outbox, output, policy)
                continue
            if isinstance(output, Retraction):
                self._retract(outbox, output)
                continue
            time_ms = output.chunk.time_ms if isinstance(output, SanitizedAudio) else output.time_ms
            # a permit depends on time only where the policy takes effect at one
            if asked_ms < 0 or (policy.effective_from_ms and time_ms != asked_ms):
                permit = policy.permit(minor=minor, region=self._region, now_ms=time_ms) if training else None
                permit_id = permit.id.encode() if permit else b""
                asked_ms = time_ms
            if isinstance(output, SanitizedAudio):
                self._audio(outbox, output, policy, permit_id)
            elif isinstance(output, SanitizedSegment):
                self._segment(outbox, output, policy, permit)
            else:
                self._summary(outbox, output, policy, minor=minor, permitted=permit is not None)

    def _audio(self, outbox: Outbox, audio: SanitizedAudio, policy: CompiledPolicy, permit_id: bytes) -> None:
        chunk = audio.chunk
        key, value, headers = encode_audio(audio, policy.version)
        if len(value) > MAX_VALUE_BYTES:
            self._too_large(outbox, chunk.call_id, chunk.customer_id, chunk.time_ms, policy, chunk.channel, chunk.seq)
            return
        if policy.analytics:
            outbox.append(self._names.analytics_audio, key, value, headers, chunk.time_ms)
        if permit_id:
            training = [*headers, (ce.PERMIT, permit_id)]
            voice = value if audio.disguised is None else payload(chunk, audio.disguised)
            outbox.append(self._names.training_audio, key, voice, training, chunk.time_ms)
        else:
            self._metrics.training_withheld.inc("audio")

    def _segment(
        self, outbox: Outbox, segment: SanitizedSegment, policy: CompiledPolicy, permit: Permit | None
    ) -> None:
        names = self._names
        record = encode_segment(segment, policy_version=policy.version, pipeline_version=self._version)
        if len(record.value or b"") > MAX_VALUE_BYTES:
            self._too_large(
                outbox, segment.call_id, segment.customer_id, segment.time_ms, policy, segment.channel, segment.seq
            )
            return
        if policy.analytics:
            outbox.append(names.analytics_transcripts, record.key, record.value, record.headers, segment.time_ms)
        if not segment.is_final:
            return
        if permit is None:
            self._metrics.training_withheld.inc("transcripts")
            return
        record = encode_segment(segment, policy_version=policy.version, pipeline_version=self._version, permit=permit)
        outbox.append(names.training_transcripts, record.key, record.value, record.headers, segment.time_ms)

    def _summary(
        self, outbox: Outbox, summary: CallSummary, policy: CompiledPolicy, *, minor: bool, permitted: bool
    ) -> None:
        """The call's metadata, and once a call why training got nothing of it."""
        if policy.analytics:
            record = encode_summary(summary, policy_version=policy.version, pipeline_version=self._version)
            outbox.append(self._names.calls, record.key, record.value, record.headers, summary.time_ms)
        reasons = []
        if not permitted:
            reasons.append(f"training_{self._refusal(policy, minor, summary.time_ms)}")
        if not policy.analytics:
            reasons.append("analytics_off")
        for reason in reasons:
            entry = AuditEntry(
                call_id=summary.call_id,
                customer_id=summary.customer_id,
                action=AuditAction.WITHHELD,
                reason=reason,
                time_ms=summary.time_ms,
            )
            self._audit(outbox, entry, policy)
            count_audit(self._metrics, entry)

    def _retract(self, outbox: Outbox, retraction: Retraction) -> None:
        """Tombstones for all that the ranges name, whatever the policy: what was allowed then is not allowed now."""
        names = self._names
        headers = [(ce.CUSTOMER_ID, retraction.customer_id.encode())]
        for topics, ranges in (
            ((names.analytics_transcripts, names.training_transcripts), retraction.transcripts),
            ((names.analytics_audio, names.training_audio), retraction.audio),
        ):
            for channel, first, last in ((known.channel, known.first, known.last) for known in ranges):
                for seq in range(first, last + 1):
                    key = record_id(retraction.call_id, channel, seq)
                    for topic in topics:
                        outbox.append(topic, key, None, headers, retraction.time_ms)

    def _refusal(self, policy: CompiledPolicy, minor: bool, now_ms: Ms) -> str:
        if minor:
            return "minor"
        if policy.version in ("unknown", "unreadable"):
            return f"{policy.version}_policy"
        if not policy.training:
            return "opt_out"
        if now_ms < policy.effective_from_ms:
            return "not_in_effect"
        if policy.permit(minor=minor, region=self._region, now_ms=now_ms) is not None:
            return "stale_policies"
        return "region"

    def _too_large(
        self,
        outbox: Outbox,
        call_id: str,
        customer_id: str,
        time_ms: Ms,
        policy: CompiledPolicy,
        channel: int | None,
        seq: int,
    ) -> None:
        entry = AuditEntry(
            call_id=call_id,
            customer_id=customer_id,
            action=AuditAction.WITHHELD,
            reason="oversized",
            time_ms=time_ms,
            channel=channel,
            seq=seq,
        )
        self._audit(outbox, entry, policy)
        count_audit(self._metrics, entry)

    def _audit(self, outbox: Outbox, entry: AuditEntry, policy: CompiledPolicy) -> None:
        record = encode_audit(entry, policy_version=policy.version)
        outbox.append(self._names.audit, record.key, record.value, record.headers, entry.time_ms)

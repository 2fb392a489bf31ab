"""Writes all outputs of one call: the published records in their order, the audit, and the totals of its summary (law
3)."""

from collections.abc import Sequence

import msgspec

from deid_stream.model.json import JsonObject
from deid_stream.model.outputs import (
    AuditAction,
    AuditEntry,
    CallSummary,
    Output,
    Retraction,
    SanitizedAudio,
    SanitizedSegment,
    SeqRange,
)
from deid_stream.model.runs import Runs
from deid_stream.model.spans import AudioSpan, Span
from deid_stream.units import Ms


class LedgerState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The totals of a call and the record ids that have left."""

    redactions: dict[str, int] = {}
    redacted_audio_ms: dict[str, Ms] = {}
    segments: int = 0
    transcripts: int = 0
    """Transcript records of any kind that were heard."""
    refused: int = 0
    withheld: bool = False
    lost: bool = False
    """Records that were pending at a restart did not come again."""
    left_text: tuple[SeqRange, ...] = ()
    left_audio: tuple[SeqRange, ...] = ()


class Ledger:
    """Writes the outputs of one call and keeps its totals."""

    def __init__(self, call_id: str, customer_id: str) -> None:
        self.call_id = call_id
        self.customer_id = customer_id
        self._outputs: list[Output] = []
        self._minor = False
        self._redactions: dict[str, int] = {}
        self._redacted_audio_ms: dict[str, Ms] = {}
        self._left_text = Runs()
        self._left_audio = Runs()
        self.segments = 0
        self.transcripts = 0
        self.refused = 0
        self.withheld = False
        self.lost = False

    def state(self) -> LedgerState:
        return LedgerState(
            redactions=dict(self._redactions),
            redacted_audio_ms=dict(self._redacted_audio_ms),
            segments=self.segments,
            transcripts=self.transcripts,
            refused=self.refused,
            withheld=self.withheld,
            lost=self.lost,
            left_text=self._left_text.ranges(),
            left_audio=self._left_audio.ranges(),
        )

    def restore(self, state: LedgerState, *, minor: bool) -> None:
        self._minor = minor
        self._redactions = dict(state.redactions)
        self._redacted_audio_ms = dict(state.redacted_audio_ms)
        self.segments = state.segments
        self.transcripts = state.transcripts
        self.refused = state.refused
        self.withheld = state.withheld
        self.lost = state.lost
        self._left_text = Runs(state.left_text)
        self._left_audio = Runs(state.left_audio)

    @property
    def released(self) -> bool:
        """Whether a transcript or a chunk of the call has left, or is among the outputs."""
        return bool(self._left_text or self._left_audio)

    def drain(self) -> list[Output]:
        """Return the outputs since the last call of ``drain``, in order."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def publish(self, output: SanitizedSegment | SanitizedAudio) -> None:
        """Let an output leave, unless the call is a minor's."""
        if self._minor:
            return
        self._outputs.append(output)
        if isinstance(output, SanitizedAudio):
            self._left_audio.note(output.chunk.channel, output.chunk.seq)
        else:
            self._left_text.note(output.channel, output.seq)

    def forbid(self, time_ms: Ms) -> None:
        """The call is a minor's: nothing more leaves, what has not left yet is thrown away, what has is taken back."""
        if self._minor:
            return
        self._minor = True
        self._outputs[:] = [o for o in self._outputs if not isinstance(o, SanitizedSegment | SanitizedAudio)]
        retraction = self.retraction(time_ms, "minor")
        if retraction is None:
            return
        self._outputs.append(retraction)
        ranges = (*retraction.transcripts, *retraction.audio)
        count = sum(known.last - known.first + 1 for known in ranges)
        self.audit(AuditAction.RETRACTED, "minor", time_ms, counts={"records": count})

    def retraction(self, time_ms: Ms, reason: str) -> Retraction | None:
        """The output that takes back every record of the call that has left; None where none has."""
        if not self.released:
            return None
        return Retraction(
            call_id=self.call_id,
            customer_id=self.customer_id,
            time_ms=time_ms,
            reason=reason,
            transcripts=self._left_text.ranges(),
            audio=self._left_audio.ranges(),
        )

    def redacted(self, spans: Sequence[Span], time_ms: Ms, channel: int, seq: int) -> None:
        """Count a segment's redactions by type and by the rule that found them."""
        counts, rules = _counted(spans)
        totals = self._redactions
        for name, count in counts.items():
            totals[name] = totals.get(name, 0) + count
        if counts:
            self.audit(AuditAction.REDACTED, "text", time_ms, channel, seq=seq, counts=counts, rules=rules)

    def rewritten(self, spans: Sequence[Span], time_ms: Ms) -> None:
        """Write the audit line about redactions in the call's metadata. They are not added to the call's totals: a
        ``call.started`` that is sent again would count them twice."""
        counts, rules = _counted(spans)
        if counts:
            self.audit(AuditAction.REDACTED, "free_text", time_ms, counts=counts, rules=rules)

    def silenced(self, span: AudioSpan, time_ms: Ms) -> None:
        """Count a silenced span and write its audit line."""
        totals = self._redacted_audio_ms
        totals[span.entity_type] = totals.get(span.entity_type, 0) + span.end_ms - span.start_ms
        self.audit(
            AuditAction.SILENCED, span.entity_type, time_ms, span.channel, start_ms=span.start_ms, end_ms=span.end_ms
        )

    def close(
        self,
        time_ms: Ms,
        *,
        duration_ms: Ms,
        channels: int,
        audio_chunks: int,
        metadata: JsonObject,
        incomplete: str | None,
        removed: dict[str, int],
    ) -> None:
        """Write the summary and the last audit line of the call. ``incomplete``: what is missing, see
        ``CallSummary.incomplete_reason``; ``removed``: rules by which the detector let its own guesses go."""
        self._outputs.append(
            CallSummary(
                call_id=self.call_id,
                customer_id=self.customer_id,
                time_ms=time_ms,
                duration_ms=duration_ms,
                channels=channels,
                segments=self.segments,
                audio_chunks=audio_chunks,
                redactions=dict(sorted(self._redactions.items())),
                redacted_audio_ms=dict(sorted(self._redacted_audio_ms.items())),
                withheld=self.withheld or self._minor,
                complete=incomplete is None,
                incomplete_reason=incomplete,
                refused=self.refused,
                metadata=metadata,
            )
        )
        self.audit(AuditAction.CLOSED, "minor" if self._minor else incomplete or "ended", time_ms, rules=removed)

    def audit(
        self,
        action: AuditAction,
        reason: str,
        time_ms: Ms,
        channel: int | None = None,
        *,
        seq: int | None = None,
        start_ms: Ms | None = None,
        end_ms: Ms | None = None,
        counts: dict[str, int] | None = None,
        rules: dict[str, int] | None = None,
    ) -> None:
        """One line; ``reason`` is from a closed list, never free text."""
        self._outputs.append(
            AuditEntry(
                call_id=self.call_id,
                customer_id=self.customer_id,
                action=action,
                reason=reason,
                time_ms=time_ms,
                channel=channel,
                seq=seq,
                start_ms=start_ms,
                end_ms=end_ms,
                counts=counts or {},
                rules=rules or {},
            )
        )


def _counted(spans: Sequence[Span]) -> tuple[dict[str, int], dict[str, int]]:
    """By type and by the rule that found them."""
    counts: dict[str, int] = {}
    rules: dict[str, int] = {}
    for span in spans:
        counts[span.entity_type] = counts.get(span.entity_type, 0) + 1
        rules[span.detector] = rules.get(span.detector, 0) + 1
    return counts, rules

"""What one call may show of itself: the outputs in their order, the audit and the totals of its summary (law 3)."""

from collections.abc import Sequence

from deid_stream.model.outputs import AuditAction, AuditEntry, CallSummary, Output
from deid_stream.model.spans import AudioSpan, Span
from deid_stream.session.state import CallState
from deid_stream.units import Ms


class Ledger:
    """Writes the totals into the call's state, so that they survive in the checkpoint."""

    def __init__(self, state: CallState) -> None:
        self._state = state
        self._outputs: list[Output] = []

    def drain(self) -> list[Output]:
        """Everything since the last call, in order."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def publish(self, output: Output) -> None:
        """Let an output leave, unless the call is a minor's."""
        if not self._state.minor:
            self._outputs.append(output)

    def redacted(self, spans: Sequence[Span], time_ms: Ms, channel: int, seq: int) -> None:
        """Count a segment's redactions by type."""
        counts: dict[str, int] = {}
        for span in spans:
            counts[span.entity_type] = counts.get(span.entity_type, 0) + 1
        totals = self._state.redactions
        for name, count in counts.items():
            totals[name] = totals.get(name, 0) + count
        if counts:
            self.audit(AuditAction.REDACTED, "text", time_ms, channel, seq=seq, counts=counts)

    def silenced(self, span: AudioSpan, time_ms: Ms) -> None:
        """Count a span of audio."""
        totals = self._state.redacted_audio_ms
        totals[span.entity_type] = totals.get(span.entity_type, 0) + span.end_ms - span.start_ms
        self.audit(
            AuditAction.SILENCED, span.entity_type, time_ms, span.channel, start_ms=span.start_ms, end_ms=span.end_ms
        )

    def close(self, duration_ms: Ms, channels: int, audio_chunks: int) -> None:
        """The call's last words."""
        state = self._state
        time_ms = state.ended_ms or state.last_record_ms
        self._outputs.append(
            CallSummary(
                call_id=state.call_id,
                customer_id=state.customer_id,
                time_ms=time_ms,
                duration_ms=duration_ms,
                channels=channels,
                segments=state.segments,
                audio_chunks=audio_chunks,
                redactions=dict(sorted(state.redactions.items())),
                redacted_audio_ms=dict(sorted(state.redacted_audio_ms.items())),
                withheld=state.withheld or state.minor,
                complete=state.ended_ms is not None,
                metadata=state.metadata,
            )
        )
        reason = "minor" if state.minor else "ended" if state.ended_ms is not None else "idle"
        self.audit(AuditAction.CLOSED, reason, time_ms)

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
    ) -> None:
        """One line; ``reason`` is from a closed list, never free text."""
        self._outputs.append(
            AuditEntry(
                call_id=self._state.call_id,
                customer_id=self._state.customer_id,
                action=action,
                reason=reason,
                time_ms=time_ms,
                channel=channel,
                seq=seq,
                start_ms=start_ms,
                end_ms=end_ms,
                counts=counts or {},
            )
        )

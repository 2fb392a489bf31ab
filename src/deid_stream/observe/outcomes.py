"""Counts the outputs of sessions in the metrics; nothing else does."""

from collections.abc import Iterable

from deid_stream.model.outputs import AuditAction, AuditEntry, CallSummary, Output, SanitizedAudio, SanitizedSegment
from deid_stream.observe.metrics import Metrics
from deid_stream.units import Ms


def count_outputs(metrics: Metrics, outputs: Iterable[Output], acknowledged_ms: Ms) -> None:
    """Count what the broker has acknowledged at ``acknowledged_ms`` (wall clock, ms since the epoch).

    A release whose ``allowed_ms`` is 0 was allowed by no record (a call that timed out): it has no delay.
    """
    for output in outputs:
        if isinstance(output, SanitizedAudio):
            _released(metrics, output.chunk.time_ms, output.allowed_ms, acknowledged_ms)
            metrics.audio_delay_ms.observe(max(0, acknowledged_ms - output.chunk.time_ms))
        elif isinstance(output, SanitizedSegment):
            _released(metrics, output.time_ms, output.allowed_ms, acknowledged_ms)
            if output.is_final:
                metrics.text_delay_ms.observe(max(0, acknowledged_ms - output.time_ms))
            for entity in output.entities:
                metrics.redactions.inc(entity.entity_type)
        elif isinstance(output, AuditEntry):
            count_audit(metrics, output)
        elif isinstance(output, CallSummary):
            if output.incomplete_reason is not None:
                metrics.incomplete_calls.inc(output.incomplete_reason)
            for reason, duration_ms in output.redacted_audio_ms.items():
                metrics.redacted_audio_ms.inc(reason, duration_ms)


def _released(metrics: Metrics, source_ms: Ms, allowed_ms: Ms, acknowledged_ms: Ms) -> None:
    if allowed_ms:
        metrics.holdback_ms.observe(max(0, allowed_ms - source_ms))
        metrics.release_delay_ms.observe(max(0, acknowledged_ms - allowed_ms))


def count_audit(metrics: Metrics, entry: AuditEntry) -> None:
    """Count one line of the audit; the policy gate makes some that no session let out."""
    if entry.action is AuditAction.WITHHELD:
        metrics.withheld.inc(entry.reason)
    elif entry.action is AuditAction.DROPPED:
        metrics.dropped.inc(entry.reason)
    elif entry.action is AuditAction.CORRECTED:
        metrics.revisions_after_release.inc()
    elif entry.action is AuditAction.QUARANTINED:
        metrics.quarantined.inc()

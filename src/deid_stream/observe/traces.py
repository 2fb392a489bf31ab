"""OpenTelemetry traces, off unless asked for (extra `traces`): what was published when, and what waited for what.

One trace per published batch: ``deid.batch`` from the first record that allowed a release to the broker's
acknowledgement, with ``deid.publish``, the broker's part of it, inside. One trace per released segment,
``deid.segment``, from its source record to the acknowledgement, with the moment that allowed it as an event, linked to
its batch. Attributes are counts, numbers and places: nothing that a caller said, and no id of the producer's.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from deid_stream.errors import ConfigError, install
from deid_stream.model.outputs import Output, SanitizedAudio, SanitizedSegment
from deid_stream.units import Ms

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

FILE: Final = "file:"
_NS: Final = 1_000_000
_CLOSE_MS: Final = 5_000


class Batch(NamedTuple):
    """What a worker has just published of one partition. Times are the wall clock's, ms since the epoch."""

    partition: int
    sent_ms: Ms
    acknowledged_ms: Ms
    records: Mapping[str, int]
    """By topic."""
    released: Iterable[Output]


class Traces(Protocol):
    """Receives the batches that a worker has published."""

    def published(self, batch: Batch) -> None: ...

    def close(self) -> None:
        """Send what waits, for five seconds at most."""
        ...


class NoTraces:
    """The default: nothing is recorded."""

    def published(self, batch: Batch) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def open_traces(target: str, version: str, instance: str) -> Traces:
    """``target`` is the setting `traces`: empty, ``file:PATH`` (one span a line, JSON), or the URL of a collector's
    OTLP/HTTP traces. ``instance`` names the process. Raises ConfigError without the extra, or for another target."""
    if not target:
        return NoTraces()
    if not target.startswith((FILE, "http://", "https://")):
        raise ConfigError(
            "traces must be file:PATH, or an http(s) URL of a collector, such as http://host:4318/v1/traces"
        )
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter, close = _file(Path(target.removeprefix(FILE))) if target.startswith(FILE) else _collector(target)
    except ImportError:
        raise ConfigError(f"traces need opentelemetry; {install('traces')}") from None
    # not Resource.create, which would add the command line and the host's name
    resource = Resource({"service.name": "deid-stream", "service.version": version, "service.instance.id": instance})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return _Recorded(provider.get_tracer("deid-stream", version), provider, close)


def _collector(url: str) -> "tuple[SpanExporter, Callable[[], None]]":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=url), lambda: None


def _file(path: Path) -> "tuple[SpanExporter, Callable[[], None]]":
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    try:
        out = path.open("a", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"traces cannot be written to {path.name}: {error.strerror}") from None
    return ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(indent=None) + "\n"), out.close


class _Closing(Protocol):
    def force_flush(self, timeout_millis: int) -> bool: ...

    def shutdown(self) -> None: ...


class _Recorded:
    def __init__(self, tracer: "Tracer", provider: _Closing, close: Callable[[], None]) -> None:
        self._tracer = tracer
        self._provider = provider
        self._close = close

    def published(self, batch: Batch) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import Link, set_span_in_context

        released = list(batch.released)
        allowed = [ms for output in released if (ms := _allowed_ms(output))]
        began_ms = min([batch.sent_ms, *allowed])
        end_ns = batch.acknowledged_ms * _NS
        root = self._tracer.start_span(
            "deid.batch",
            context=Context(),
            start_time=began_ms * _NS,
            attributes={
                "deid.partition": batch.partition,
                **{f"deid.records.{topic}": count for topic, count in batch.records.items()},
            },
        )
        publish = self._tracer.start_span("deid.publish", set_span_in_context(root), start_time=batch.sent_ms * _NS)
        publish.end(end_ns)
        for output in released:
            if isinstance(output, SanitizedSegment) and output.is_final:
                self._segment(output, batch.partition, end_ns, Link(root.get_span_context()))
        root.end(end_ns)

    def _segment(self, segment: SanitizedSegment, partition: int, end_ns: int, batch: object) -> None:
        from opentelemetry.context import Context

        span = self._tracer.start_span(
            "deid.segment",
            context=Context(),
            start_time=segment.time_ms * _NS,
            links=[batch],  # type: ignore[list-item]
            attributes={
                "deid.partition": partition,
                "deid.channel": segment.channel,
                "deid.revision": segment.revision,
                "deid.entities": len(segment.entities),
                "deid.duration_ms": segment.end_ms - segment.start_ms,
            },
        )
        if segment.allowed_ms:
            span.add_event("allowed", timestamp=segment.allowed_ms * _NS)
        span.end(end_ns)

    def close(self) -> None:
        self._provider.force_flush(_CLOSE_MS)
        self._provider.shutdown()
        self._close()


def _allowed_ms(output: Output) -> Ms:
    return output.allowed_ms if isinstance(output, SanitizedSegment | SanitizedAudio) else 0

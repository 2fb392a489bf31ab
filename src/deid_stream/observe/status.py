"""One process's heartbeat for ``deid.status``: what its metrics say now, and what has passed since the last minute.

Pure: the clock is an argument. Nothing of a call is in it.
"""

from collections import deque
from typing import Final

import msgspec

from deid_stream.observe.metrics import Counter, Histogram, Metrics
from deid_stream.units import Ms

WINDOW_MS: Final = 60_000
"""The time over which rates and delays are measured. Shorter: in quiet times nothing is shown; longer: a change shows
later."""
EVERY_MS: Final = 1_000


class Delay(msgspec.Struct, frozen=True):
    """Of the records that left within the window; None where there were none."""

    p50: float | None
    p99: float | None


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """A process's heartbeat. Counts by label are totals since the process started."""

    worker_id: str
    version: str
    time_ms: Ms
    started_ms: Ms
    ready: bool
    broker_connected: bool
    partitions: list[str]
    calls: int
    held_bytes: int
    held_bytes_limit: int
    in_per_s: float
    out_per_s: float
    text_delay_ms: Delay
    audio_delay_ms: Delay
    release_delay_ms: Delay
    lag: dict[str, int]
    """Records not worked on yet, by ``kind/partition``."""
    stream_delay_ms: dict[str, int]
    """How far a partition's stream time is behind the clock."""
    stuck_partitions: int
    policies: int
    policies_fresh: bool
    redactions: dict[str, int]
    withheld: dict[str, int]
    training_withheld: dict[str, int]
    dead_letters: dict[str, int]
    quarantined: int
    task_failures: int


class _Past(msgspec.Struct):
    time_ms: Ms
    records_in: float
    records_out: float
    delays: tuple[list[int], ...]


class Beat:
    """Makes heartbeats of one process; call ``beat`` once per second."""

    def __init__(self, metrics: Metrics, worker_id: str, version: str, started_ms: Ms) -> None:
        self._metrics = metrics
        self._worker_id = worker_id
        self._version = version
        self._started_ms = started_ms
        self._past: deque[_Past] = deque([self._now(started_ms)])

    def beat(self, now_ms: Ms, *, ready: bool) -> Heartbeat:
        """What there is to say at ``now_ms`` (epoch)."""
        metrics, now = self._metrics, self._now(now_ms)
        while len(self._past) > 1 and self._past[1].time_ms <= now_ms - WINDOW_MS:
            self._past.popleft()
        before = self._past[0]
        self._past.append(now)
        seconds = max(1, now_ms - before.time_ms) / 1000
        text, audio, release = (
            _delay(histogram, old, new)
            for histogram, old, new in zip(self._histograms(), before.delays, now.delays, strict=True)
        )
        return Heartbeat(
            worker_id=self._worker_id,
            version=self._version,
            time_ms=now_ms,
            started_ms=self._started_ms,
            ready=ready,
            broker_connected=bool(metrics.broker_connected.values[""]),
            partitions=sorted(metrics.stream_delay_ms.values, key=int),
            calls=int(metrics.live_calls.values[""]),
            held_bytes=int(metrics.held_bytes.values[""]),
            held_bytes_limit=int(metrics.held_bytes_limit.values[""]),
            in_per_s=round((now.records_in - before.records_in) / seconds, 1),
            out_per_s=round((now.records_out - before.records_out) / seconds, 1),
            text_delay_ms=text,
            audio_delay_ms=audio,
            release_delay_ms=release,
            lag=_whole(metrics.lag_records.values),
            stream_delay_ms=_whole(metrics.stream_delay_ms.values),
            stuck_partitions=int(metrics.stuck_partitions.values[""]),
            policies=int(metrics.policies.values[""]),
            policies_fresh=bool(metrics.policies_fresh.values[""]),
            redactions=_counted(metrics.redactions),
            withheld=_counted(metrics.withheld),
            training_withheld=_counted(metrics.training_withheld),
            dead_letters=_counted(metrics.dead_letters),
            quarantined=int(metrics.quarantined.values[""]),
            task_failures=int(sum(metrics.task_failures.values.values())),
        )

    def _histograms(self) -> tuple[Histogram, ...]:
        metrics = self._metrics
        return metrics.text_delay_ms, metrics.audio_delay_ms, metrics.release_delay_ms

    def _now(self, now_ms: Ms) -> _Past:
        metrics = self._metrics
        return _Past(
            now_ms,
            sum(metrics.records_in.values.values()),
            sum(metrics.records_out.values.values()),
            tuple(list(histogram.counts) for histogram in self._histograms()),
        )


def _counted(counter: Counter) -> dict[str, int]:
    return {label: int(value) for label, value in counter.values.items() if value}


def _whole(values: dict[str, float]) -> dict[str, int]:
    return {label: int(value) for label, value in values.items()}


def _delay(histogram: Histogram, before: list[int], now: list[int]) -> Delay:
    counts = [after - old for old, after in zip(before, now, strict=True)]
    bounds = histogram.definition.buckets
    return Delay(_quantile(counts, bounds, 0.5), _quantile(counts, bounds, 0.99))


def _quantile(counts: list[int], bounds: tuple[float, ...], share: float) -> float | None:
    """As Prometheus does: evenly spread within a bucket, the largest bound for what lies above it."""
    wanted, seen, low = share * sum(counts), 0, 0.0
    if not wanted:
        return None
    for count, high in zip(counts, bounds, strict=False):
        if seen + count >= wanted:
            return round(low + (high - low) * (wanted - seen) / count, 1)
        seen, low = seen + count, high
    return float(bounds[-1])

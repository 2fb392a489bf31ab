"""Every metric there is, in one list, and the numbers behind it.

Increments are plain additions, made per record or per batch in the worker's own thread; the scrape turns them into
Prometheus families. (A ``prometheus_client`` histogram takes a lock or two an observation: at 20,000 audio records a
second that is a tenth of a core.)
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_LATENCY_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
_HOLDBACK_MS: Final = (100, 500, 1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 60_000)
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

_RECOVERY_S: Final = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


class Definition(NamedTuple):
    name: str
    """As Prometheus shows it; of a counter, without ``_total``."""
    help: str
    label: str = ""
    buckets: tuple[float, ...] = ()


class Counter:
    """Only goes up. One value a label, or one under the empty label."""

    __slots__ = ("definition", "values")

    def __init__(self, name: str, text: str, label: str = "") -> None:
        self.definition = Definition(name, text, label)
        self.values: dict[str, float] = {} if label else {"": 0}

    def inc(self, label: str = "", amount: float = 1) -> None:
        self.values[label] = self.values.get(label, 0) + amount

    def collect(self) -> Metric:
        name, text, label, _ = self.definition
        family = CounterMetricFamily(name, text, labels=[label] if label else None)
        for key, value in list(self.values.items()):
            family.add_metric([key] if label else [], value)
        return family


class Gauge:
    """A reading. ``forget`` ends a label's series (a partition that was taken away)."""

    __slots__ = ("definition", "values")

    def __init__(self, name: str, text: str, label: str = "") -> None:
        self.definition = Definition(name, text, label)
        self.values: dict[str, float] = {} if label else {"": 0}

    def set(self, value: float, label: str = "") -> None:
        self.values[label] = value

    def forget(self, label: str) -> None:
        self.values.pop(label, None)

    def collect(self) -> Metric:
        name, text, label, _ = self.definition
        family = GaugeMetricFamily(name, text, labels=[label] if label else None)
        for key, value in list(self.values.items()):
            family.add_metric([key] if label else [], value)
        return family


class Histogram:
    """Counts by upper bound."""

    __slots__ = ("counts", "definition", "total")

    def __init__(self, name: str, text: str, buckets: tuple[float, ...]) -> None:
        self.definition = Definition(name, text, "", buckets)
        self.counts = [0] * (len(buckets) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.definition.buckets, value)] += 1
        self.total += value

    def collect(self) -> Metric:
        name, text, _, bounds = self.definition
        cumulated, buckets = 0, []
        for bound, count in zip((*map(str, bounds), "+Inf"), list(self.counts), strict=True):
            cumulated += count
            buckets.append((bound, cumulated))
        family = HistogramMetricFamily(name, text)
        family.add_metric([], buckets, self.total)
        return family


class Metrics(Collector):
    """One of each, for one process; register it with a ``CollectorRegistry`` to have it scraped."""

    def __init__(self) -> None:
        self.records_in = Counter("deid_records_in", "Records read.", "topic")
        self.records_out = Counter("deid_records_out", "Records published.", "topic")
        self.holdback_ms = Histogram(
            "deid_holdback_ms",
            "Record time from a source record to the record that allowed its release.",
            _HOLDBACK_MS,
        )
        self.release_delay_ms = Histogram(
            "deid_release_delay_ms",
            "Time from the record that allowed a release to the broker's acknowledgement of the output.",
            _LATENCY_MS,
        )
        self.redactions = Counter("deid_redactions", "Spans redacted in released text.", "entity_type")
        self.redacted_audio_ms = Counter(
            "deid_redacted_audio_ms", "Audio silenced, by what it held or why it was not trusted.", "reason"
        )
        self.withheld = Counter("deid_withheld", "Text or audio kept back for good: the fail-closed cases.", "reason")
        self.dropped = Counter("deid_dropped", "Records that made no difference: repeats, late ones.", "reason")
        self.dead_letters = Counter("deid_dead_letters", "Records that could not be read, by error code.", "code")
        self.revisions_after_release = Counter(
            "deid_revisions_after_release", "Transcript revisions that came when the earlier had left: corrected."
        )
        self.quarantined = Counter(
            "deid_quarantined", "Calls of which nothing more leaves, or all was taken back: see the audit."
        )
        self.spotcheck_calls = Counter("deid_spotcheck_calls", "Released calls listened to again, by result.", "result")
        self.spotcheck_finds = Counter(
            "deid_spotcheck_finds", "Words heard where there should be silence, by what it was to hide.", "entity_type"
        )
        self.training_withheld = Counter(
            "deid_training_withheld", "Records not offered for training, by topic.", "topic"
        )
        self.policy_changes = Counter("deid_policy_changes", "Policy records applied, by what they did.", "kind")
        self.policies = Gauge("deid_policies", "Customers with a policy.")
        self.detector_seconds = Histogram("deid_detector_seconds", "Time to find what is in one turn.", _SECONDS)
        self.batch_seconds = Histogram("deid_batch_seconds", "Time from a batch read to its commit.", _SECONDS)
        self.recovery_seconds = Histogram(
            "deid_recovery_seconds",
            "Time from a partition's assignment until what its calls were waiting with had been read again.",
            _RECOVERY_S,
        )
        self.checkpoints = Counter("deid_checkpoints", "Checkpoints written.")
        self.aborted_transactions = Counter("deid_aborted_transactions", "Transactions given up, by cause.", "cause")
        self.rebalances = Counter("deid_rebalances", "Times the partitions were shared out anew.")
        self.lag_records = Gauge("deid_lag_records", "Records not read yet.", "partition")
        self.stream_delay_ms = Gauge("deid_stream_delay_ms", "How far stream time is behind the clock.", "partition")
        self.live_calls = Gauge("deid_live_calls", "Calls in memory.")
        self.held_bytes = Gauge("deid_held_bytes", "Audio held back, in memory.")
        self.assigned_partitions = Gauge("deid_assigned_partitions", "Partitions this worker reads.")
        self.paused_partitions = Gauge("deid_paused_partitions", "Partitions paused: memory is full.")
        self.build_info = Gauge("deid_build_info", "1, for the version that runs.", "version")

    def __iter__(self) -> Iterator[Counter | Gauge | Histogram]:
        return (value for value in vars(self).values() if isinstance(value, Counter | Gauge | Histogram))

    def collect(self) -> Iterable[Metric]:
        return [metric.collect() for metric in self]

    def describe(self) -> Iterable[Metric]:
        return self.collect()

"""All metrics in one list, with their values.

Increments are plain additions, made per record or per batch in the worker's own thread; the scrape turns them into
Prometheus families. (A ``prometheus_client`` histogram takes a lock or two per observation: at 20,000 audio records per
second that is a tenth of a core.)
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deid_stream.observe import labels

_LATENCY_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
_DELAY_MS: Final = (100, 500, 1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 31_000, 33_000, 60_000)
"""Upper edges of buckets. Two lie close above the default hold-back of 30 s, since what waits for all of it leaves a
little later, and Prometheus interpolates percentiles within a bucket (with 60 s as the next edge a p99 of 30.4 s was
shown as 58 s)."""
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

_RETRACTION_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_RECOVERY_S: Final = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


class Definition(NamedTuple):
    name: str
    """As Prometheus shows it; of a counter, without ``_total``."""
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


class Counter:
    """Only goes up. One value per value of its label, or one under the empty label. Each label value of ``known`` is
    shown as 0 from the start (``observe.labels``)."""

    __slots__ = ("definition", "values")

    def __init__(self, name: str, text: str, label: str = "", known: Iterable[str] = ()) -> None:
        self.definition = Definition(name, text, (label,) if label else ())
        self.values: dict[str, float] = dict.fromkeys(known, 0) if label else {"": 0}

    def expect(self, labels: Iterable[str]) -> None:
        """Show these label values as 0 from now on (topics, which a prefix names at run time)."""
        for label in labels:
            self.values.setdefault(label, 0)

    def inc(self, label: str = "", amount: float = 1) -> None:
        self.values[label] = self.values.get(label, 0) + amount

    def collect(self) -> Metric:
        name, text, labels, _ = self.definition
        family = CounterMetricFamily(name, text, labels=labels or None)
        for key, value in list(self.values.items()):
            family.add_metric([key] if labels else [], value)
        return family


class Gauge:
    """A reading. It is exposed from the first ``set`` on, so a process that does not measure it exposes nothing.
    Several labels are joined by a slash (``audio/3``). ``forget`` ends a label's series (a partition that was taken
    away)."""

    __slots__ = ("_is_set", "definition", "values")

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self.definition = Definition(name, text, labels)
        self.values: dict[str, float] = {} if labels else {"": 0}
        self._is_set = False

    def set(self, value: float, *labels: str) -> None:
        self._is_set = True
        self.values["/".join(labels)] = value

    def forget(self, *labels: str) -> None:
        self.values.pop("/".join(labels), None)

    def collect(self) -> Metric:
        name, text, labels, _ = self.definition
        family = GaugeMetricFamily(name, text, labels=labels or None)
        for key, value in list(self.values.items()) if self._is_set else ():
            family.add_metric(key.split("/") if labels else [], value)
        return family


class Histogram:
    """Counts by upper bound."""

    __slots__ = ("counts", "definition", "total")

    def __init__(self, name: str, text: str, buckets: tuple[float, ...]) -> None:
        self.definition = Definition(name, text, (), buckets)
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
    """All metrics of one process; register it with a ``CollectorRegistry`` to have them scraped."""

    def __init__(self) -> None:
        self._count_records()
        self._count_control()
        self._measure_delays()
        self._count_failures()
        self._read_state()

    def _count_control(self) -> None:
        self.retraction_seconds = Histogram(
            "deid_retraction_seconds",
            "Time from an opt-out until all of the customer's training records were taken back.",
            _RETRACTION_S,
        )
        self.retractions_waiting = Gauge(
            "deid_retractions_waiting", "Customers whose training records are still being taken back after an opt-out."
        )
        self.taken_back = Counter(
            "deid_taken_back", "Tombstones that the control plane has written, by reason.", "reason", labels.TAKEN_BACK
        )
        self.index_calls = Gauge("deid_index_calls", "Calls of which the control plane knows what is held.")
        self.requests_open = Gauge("deid_requests_open", "Privacy requests that are not done.")
        self.requests_overdue = Gauge("deid_requests_overdue", "Open privacy requests past their deadline.")

    def _count_records(self) -> None:
        self.records_in = Counter("deid_records_in", "Records read.", "topic")
        self.records_out = Counter("deid_records_out", "Records published.", "topic")
        self.redactions = Counter(
            "deid_redactions", "Spans redacted in released text.", "entity_type", labels.ENTITY_TYPES
        )
        self.redacted_audio_ms = Counter(
            "deid_redacted_audio_ms",
            "Audio silenced (ms), by type of the value or by why it could not be judged.",
            "reason",
            labels.SILENCED,
        )
        self.withheld = Counter(
            "deid_withheld", "Text or audio kept back for good: the fail-closed cases.", "reason", labels.WITHHELD
        )
        self.dropped = Counter(
            "deid_dropped",
            "Records without effect (repeats, late ones), and call starts whose free text was withheld.",
            "reason",
            labels.DROPPED,
        )
        self.dropped_fields = Counter(
            "deid_dropped_fields",
            "Fields that were left out of outputs because their value is not one that may leave.",
            "field",
            labels.DROPPED_FIELDS,
        )
        self.revisions_after_release = Counter(
            "deid_revisions_after_release",
            "Transcript revisions that came after the earlier text had left, so that it was published again.",
        )
        self.incomplete_calls = Counter(
            "deid_incomplete_calls",
            "Calls that closed with something missing, by what was missing.",
            "reason",
            labels.INCOMPLETE,
        )
        self.customer_conflicts = Counter(
            "deid_customer_conflicts", "Records that were refused because they name another customer than their call's."
        )
        self.training_withheld = Counter(
            "deid_training_withheld", "Records not offered for training, by kind.", "topic", labels.TRAINING
        )
        self.policy_changes = Counter(
            "deid_policy_changes", "Policy records read, by what followed from them.", "kind", labels.POLICY_CHANGES
        )
        self.spotcheck_calls = Counter(
            "deid_spotcheck_calls", "Released calls listened to again, by result.", "result", labels.SPOTCHECK_RESULTS
        )
        self.spotcheck_finds = Counter(
            "deid_spotcheck_finds",
            "Words heard where silence should be, by type of the value that was to be silenced.",
            "entity_type",
            labels.SILENCED,
        )

    def _measure_delays(self) -> None:
        self.holdback_ms = Histogram(
            "deid_holdback_ms",
            "Record time from a source record to the record that allowed its release.",
            _DELAY_MS,
        )
        self.release_delay_ms = Histogram(
            "deid_release_delay_ms",
            "Time from the record that allowed a release to the broker's acknowledgement of the output.",
            _LATENCY_MS,
        )
        self.text_delay_ms = Histogram(
            "deid_text_delay_ms",
            "Time from a final segment's record to the acknowledgement of its sanitized record.",
            _DELAY_MS,
        )
        self.audio_delay_ms = Histogram(
            "deid_audio_delay_ms",
            "Time from an audio record to the acknowledgement of its sanitized record.",
            _DELAY_MS,
        )
        self.detector_seconds = Histogram(
            "deid_detector_seconds", "Time that the detector takes for one turn.", _SECONDS
        )
        self.batch_seconds = Histogram("deid_batch_seconds", "Time from a batch read to its commit.", _SECONDS)
        self.recovery_seconds = Histogram(
            "deid_recovery_seconds",
            "Time from a partition's assignment until the records that its calls still need have been read again.",
            _RECOVERY_S,
        )

    def _count_failures(self) -> None:
        self.dead_letters = Counter(
            "deid_dead_letters", "Records that could not be read, by error code.", "code", labels.DEAD_LETTERS
        )
        self.quarantined = Counter(
            "deid_quarantined",
            "Calls given up after an error or a spot check's find: nothing more of them leaves; see the audit.",
        )
        self.task_failures = Counter(
            "deid_task_failures", "Tasks that ended by an exception that no code expects (a bug).", "task", labels.TASKS
        )
        self.process_restarts = Counter(
            "deid_process_restarts",
            "Restarts of this process by its supervisor (`--processes`), by why the one before ended.",
            "reason",
            labels.RESTARTS,
        )
        self.aborted_transactions = Counter(
            "deid_aborted_transactions",
            "Batches that were given up and are done again, by cause.",
            "cause",
            labels.ABORTED,
        )
        self.checkpoints = Counter("deid_checkpoints", "Checkpoints written.")
        self.rebalances = Counter("deid_rebalances", "Times that the group's partitions were assigned anew.")

    def _read_state(self) -> None:
        self.lag_records = Gauge(
            "deid_lag_records",
            "Records not worked on yet (the backlog), whether or not their offsets are committed.",
            "kind",
            "partition",
        )
        self.stream_delay_ms = Gauge(
            "deid_stream_delay_ms", "How far a partition's stream time is behind the clock.", "partition"
        )
        self.stuck_partitions = Gauge(
            "deid_stuck_partitions", "Partitions with a backlog of which nothing has been worked on for a minute."
        )
        self.broker_connected = Gauge("deid_broker_connected", "1 while the broker answers, else 0.")
        self.last_poll = Gauge(
            "deid_last_poll_timestamp_seconds", "When the broker last answered a read (Unix time); 0: never."
        )
        self.policies = Gauge("deid_policies", "Customers with a policy.")
        self.policies_fresh = Gauge(
            "deid_policies_fresh", "1 while the policy topic answers; at 0 nothing goes to training."
        )
        self.policies_silent = Gauge(
            "deid_policies_silent_seconds",
            "Seconds since the policy topic answered last; above 60 nothing goes to training.",
        )
        self.live_calls = Gauge("deid_live_calls", "Calls in memory.")
        self.held_bytes = Gauge("deid_held_bytes", "Held audio in memory (bytes).")
        self.held_bytes_limit = Gauge(
            "deid_held_bytes_limit", "Held audio (bytes) at which this worker's partitions stop reading audio."
        )
        self.assigned_partitions = Gauge("deid_assigned_partitions", "Partitions this worker reads.")
        self.paused_partitions = Gauge(
            "deid_paused_partitions", "Topic partitions that are not read because the memory allowed for them is full."
        )
        self.ready = Gauge("deid_ready", "1 while /readyz says yes.")
        self.build_info = Gauge("deid_build_info", "1, for the version that runs.", "version")

    def __iter__(self) -> Iterator[Counter | Gauge | Histogram]:
        return (value for value in vars(self).values() if isinstance(value, Counter | Gauge | Histogram))

    def collect(self) -> Iterable[Metric]:
        return [metric.collect() for metric in self]

    def describe(self) -> Iterable[Metric]:
        return self.collect()

"""The contract of the topics: the name, the key, the cleanup policy and the retention of each.

Pure: what a broker really has is compared with it by ``problems``; ``kafka.topics_admin`` asks the broker.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Self

import msgspec

from deid_stream.units import DAY_MS

COMPACTION_LAG_MS: Final = DAY_MS
"""Longest time until compaction has removed a record that a tombstone retracts, also from a segment that is still being
written."""


class Topic(NamedTuple):
    kind: str
    """What the code calls it: a field of ``TopicNames``."""
    name: str
    """Without the deployment's prefix."""
    key: str
    """What the record key is made of."""
    cleanup: frozenset[str]
    retention_days: int | None
    """None: as long as the key lives (compacted)."""
    keep_days: int = 0
    """For this long compaction keeps every record of a key and not only the last, since readers may have to act on
    each."""
    lag_ms: int = COMPACTION_LAG_MS
    """Longest time until compaction has removed a record that a later one of its key replaces."""

    def configs(self) -> dict[str, str]:
        """The settings with which the topic is created."""
        configs = {"cleanup.policy": ",".join(sorted(self.cleanup))}
        if self.retention_days is not None:
            configs["retention.ms"] = str(self.retention_days * DAY_MS)
        if "compact" in self.cleanup:
            configs["max.compaction.lag.ms"] = str(self.lag_ms)
        if self.keep_days:
            for name in ("min.compaction.lag.ms", "max.compaction.lag.ms", "delete.retention.ms"):
                configs[name] = str(self.keep_days * DAY_MS)
        return configs


_DELETE: Final = frozenset({"delete"})
_COMPACT: Final = frozenset({"compact"})
_BOTH: Final = frozenset({"compact", "delete"})

EVENTS_KIND: Final = "events"
TRANSCRIPTS_KIND: Final = "transcripts"
AUDIO_KIND: Final = "audio"
INPUT_KINDS: Final = (EVENTS_KIND, TRANSCRIPTS_KIND, AUDIO_KIND)
"""The kinds of call records; at equal record time they are taken in this order."""

EVENTS: Final = Topic(EVENTS_KIND, "calls.events", "call_id", _DELETE, 3)
TRANSCRIPTS: Final = Topic(TRANSCRIPTS_KIND, "calls.transcripts", "call_id", _DELETE, 3)
AUDIO: Final = Topic(AUDIO_KIND, "calls.audio", "call_id", _DELETE, 3)
POLICIES: Final = Topic("policies", "customers.policies", "customer_id", _COMPACT, None, 7)
REQUESTS: Final = Topic("requests", "privacy.requests", "customer_id", _DELETE, 365)
ANALYTICS_TRANSCRIPTS: Final = Topic(
    "analytics_transcripts", "deid.analytics.transcripts", "call_id/channel/seq", _BOTH, 90
)
ANALYTICS_AUDIO: Final = Topic("analytics_audio", "deid.analytics.audio", "call_id/channel/seq", _BOTH, 90)
TRAINING_TRANSCRIPTS: Final = Topic(
    "training_transcripts", "deid.training.transcripts", "call_id/channel/seq", _BOTH, 365
)
TRAINING_AUDIO: Final = Topic("training_audio", "deid.training.audio", "call_id/channel/seq", _BOTH, 365)
KEYS: Final = Topic("keys", "deid.keys", "customer_id", _COMPACT, None, lag_ms=3_600_000)
"""Customers' wrapped keys. What was destroyed is to be gone from the disks within the hour."""
CALLS: Final = Topic("calls", "deid.calls", "call_id", _BOTH, 365)
AGGREGATES: Final = Topic("aggregates", "deid.aggregates", "customer/window", _BOTH, 365)
AUDIT: Final = Topic("audit", "deid.audit", "call_id", _DELETE, 365)
DEAD_LETTERS: Final = Topic("dead_letters", "deid.dlq", "call_id", _DELETE, 30)
STATUS: Final = Topic("status", "deid.status", "worker id", _BOTH, 1)
INDEX: Final = Topic("index", "deid.index", "source partition", _DELETE, 30)
CONTROL_CALLS: Final = Topic("control_calls", "deid.control.calls", "call_id customer_id", _COMPACT, None)
CONTROL_CUSTOMERS: Final = Topic("control_customers", "deid.control.customers", "customer_id", _COMPACT, None)
CONTROL_WINDOWS: Final = Topic("control_windows", "deid.control.windows", "published", _COMPACT, None)
REQUEST_STATUS: Final = Topic("request_status", "privacy.status", "request_id", _COMPACT, None)
CHECKPOINTS: Final = Topic("checkpoints", "deid.checkpoints", "partition/part", _COMPACT, None)

INPUTS: Final = (EVENTS, TRANSCRIPTS, AUDIO)
"""A call's records, one topic for each of ``INPUT_KINDS``."""
OUTPUTS: Final = (
    ANALYTICS_TRANSCRIPTS,
    ANALYTICS_AUDIO,
    TRAINING_TRANSCRIPTS,
    TRAINING_AUDIO,
    CALLS,
    AGGREGATES,
    AUDIT,
    DEAD_LETTERS,
    STATUS,
    INDEX,
    CONTROL_CALLS,
    CONTROL_CUSTOMERS,
    CONTROL_WINDOWS,
    REQUEST_STATUS,
    CHECKPOINTS,
    KEYS,
)
"""Topics that the service writes."""
SEALED: Final = (ANALYTICS_TRANSCRIPTS, ANALYTICS_AUDIO, TRAINING_TRANSCRIPTS, TRAINING_AUDIO)
"""Topics whose values are encrypted with ``encrypt_outputs``."""
TOPICS: Final = (*INPUTS, POLICIES, REQUESTS, *OUTPUTS)


class FullNames(msgspec.Struct, frozen=True):
    """Full names of some topics, with the deployment's prefix; the fields are kinds."""

    @classmethod
    def of(cls, prefix: str) -> Self:
        full = {topic.kind: prefix + topic.name for topic in TOPICS}
        return cls(**{field: full[field] for field in cls.__struct_fields__})

    @property
    def all(self) -> tuple[str, ...]:
        """Every name, in the order of the fields."""
        return tuple(getattr(self, field) for field in self.__struct_fields__)


class TopicNames(FullNames, frozen=True):
    """Full names of the topics that a worker uses."""

    events: str
    transcripts: str
    audio: str
    policies: str
    analytics_transcripts: str
    analytics_audio: str
    training_transcripts: str
    training_audio: str
    calls: str
    audit: str
    dead_letters: str
    status: str
    index: str
    checkpoints: str
    keys: str

    @property
    def inputs(self) -> dict[str, str]:
        """Topic name to kind, of a call's records."""
        return {self.events: EVENTS_KIND, self.transcripts: TRANSCRIPTS_KIND, self.audio: AUDIO_KIND}


class Problem(NamedTuple):
    """What is wrong with a topic, and what the operator does about it."""

    topic: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what}; {self.mend}"


class Found(NamedTuple):
    """A topic as the broker describes it; ``configs`` holds what the broker tells, which may be nothing."""

    partitions: int
    configs: Mapping[str, str]


def problems(found: Mapping[str, Found], *, prefix: str = "") -> list[Problem]:
    """Compare what the broker has (by full name) with what the contract says."""
    counts = Counter(topic.partitions for topic in found.values())
    usual = max(counts, key=lambda count: (counts[count], count)) if counts else 0
    return [problem for topic in TOPICS for problem in _problems(topic, prefix + topic.name, found, usual)]


def _problems(topic: Topic, name: str, found: Mapping[str, Found], usual: int) -> Iterable[Problem]:
    actual = found.get(name)
    if actual is None:
        yield Problem(name, "missing", "run `deid-stream topics create`")
        return
    if actual.partitions != usual:
        yield Problem(
            name,
            f"has {actual.partitions} partitions, the others {usual}",
            "a call must have one partition number everywhere: make the counts equal while no call is running",
        )
    cleanup = actual.configs.get("cleanup.policy")
    if cleanup is not None and frozenset(cleanup.replace(" ", "").split(",")) != topic.cleanup:
        wanted = ",".join(sorted(topic.cleanup))
        yield Problem(name, f"cleanup.policy is {cleanup}", f"set it to {wanted}")
    retention = actual.configs.get("retention.ms")
    if topic.retention_days is not None and retention is not None and int(retention) < 0:
        yield Problem(name, "retention.ms is unlimited", f"set a limit, for example {topic.retention_days * DAY_MS}")

"""The parts that all partitions of one worker process share."""

import asyncio
from collections.abc import Callable

import msgspec

from deid_stream.config import Settings
from deid_stream.kafka.customer_keys import CustomerKeys
from deid_stream.kafka.ports import GroupReader, Isolation, Kafka, Publishers
from deid_stream.model.topics import TopicNames
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.traces import Traces
from deid_stream.runtime.heartbeat import Heartbeat
from deid_stream.runtime.tasks import TaskGuard
from deid_stream.worker.calls import Sessions
from deid_stream.worker.gate import Gate
from deid_stream.worker.intake import Intake
from deid_stream.worker.outbox import Sealer
from deid_stream.worker.policies import Policies


class Context(msgspec.Struct, kw_only=True):
    """``wall_ms`` is the wall clock."""

    settings: Settings
    names: TopicNames
    kafka: Kafka
    """For what is read outside the group."""
    group: GroupReader
    publishers: Publishers
    isolation: Isolation
    """``read_committed`` where the broker has transactions."""
    sessions: Sessions
    gate: Gate
    intake: Intake
    policies: Policies
    metrics: Metrics
    guard: TaskGuard
    heartbeat: Heartbeat
    traces: Traces
    writer_id: str
    customer_keys: CustomerKeys | None = None
    """Where the deployment has keys of its customers'."""
    sealer: Sealer | None = None
    wall_ms: Callable[[], int]
    turn: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)
    """Held by the partition that is working, so that the network waits for one only."""

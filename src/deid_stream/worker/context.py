"""What every partition of one worker process shares."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from deid_stream.config import Settings
from deid_stream.model.topics import TopicNames
from deid_stream.observe.metrics import Metrics
from deid_stream.worker.gate import Gate
from deid_stream.worker.live import Sessions
from deid_stream.worker.policies import Policies
from deid_stream.worker.producer import Publisher


class Context(msgspec.Struct, kw_only=True):
    """``publisher`` takes a partition number over; ``wall_ms`` is the wall clock."""

    settings: Settings
    names: TopicNames
    options: dict[str, Any]
    """Of every Kafka client."""
    isolation: str
    """``read_committed`` where the broker has transactions."""
    session_timeout_ms: int
    fetch_wait_ms: int
    sessions: Sessions
    gate: Gate
    policies: Policies
    metrics: Metrics
    writer_id: str
    wall_ms: Callable[[], int]
    consumer: Any = None
    turn: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)
    """Held by the partition that is working, so that the network waits for one only."""
    publisher: Callable[[int], Awaitable[Publisher]]

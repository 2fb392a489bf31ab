"""What the product asks of Kafka: a few methods each, answered by ``clients`` and by the in-memory broker (``memory``).

    Kafka         one program's way to one cluster; makes the others
    LogReader     reads partitions outside any group, at offsets of the caller's choice
    GroupReader   a member of a consumer group: partitions are given and taken
    Publisher     one partition's batches out, each whole or not at all where the broker has transactions
    Admin         topics

Every method raises BrokerError (or a subclass; ``errors``) for what goes wrong between here and the broker, and nothing
else. A record that the client cannot read comes as an ``InRecord`` with ``unreadable`` set, at its offset: reading goes
on behind it."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

import msgspec

from deid_stream.kafka.connection import Connection
from deid_stream.kafka.record import InRecord, OutRecord, Place

Isolation = Literal["read_committed", "read_uncommitted"]
Batches = Mapping[Place, Sequence[InRecord]]


class LogReader(Protocol):
    """Outside any group. ``assign`` says what is read from where; ``poll`` reads it in offset order by partition."""

    async def partitions(self, topic: str) -> list[Place]:
        """The topic's partitions; empty where it is missing. Does not create it."""
        ...

    async def begin(self, place: Place) -> int:
        """The first offset that is kept."""
        ...

    async def end(self, place: Place) -> int:
        """The offset behind the last record that may be read now (with read_committed: behind the last stable one).
        Where reading stands may be lost: ``assign`` anew afterwards."""
        ...

    async def offset_at(self, place: Place, time_ms: int) -> int | None:
        """The first offset whose record is stamped ``time_ms`` (epoch) or later, or the start of its batch; None where
        there is none."""
        ...

    def assign(self, starts: Mapping[Place, int]) -> None:
        """Read these partitions from these offsets, and no others."""
        ...

    async def poll(self, timeout_ms: int, max_records: int | None = None) -> Batches:
        """What has come; empty after ``timeout_ms``."""
        ...

    async def position(self, place: Place) -> int:
        """The next offset that ``poll`` will look at: behind the last record given, and behind what is never given (the
        marks of transactions, aborted records)."""
        ...

    def heard_ms(self, place: Place) -> int | None:
        """When the broker last answered for the partition (epoch ms, this machine's clock); None: not yet."""
        ...


class GroupListener(Protocol):
    """Told by a GroupReader, in its own ``poll``, what the group gives and takes; awaited before the group goes on."""

    async def assigned(self, places: Collection[Place]) -> None: ...

    async def revoked(self, places: Collection[Place]) -> None: ...


class GroupOptions(msgspec.Struct, frozen=True, kw_only=True):
    group_id: str
    topics: tuple[str, ...]
    isolation: Isolation
    session_timeout_ms: int
    """A member that the broker has not heard from for so long is replaced."""
    fetch_wait_ms: int
    """Longest wait of a fetch for new records. Larger: fewer requests while idle; smaller: on the embedded broker,
    which lets a fetch wait to its end whatever arrives, less delay."""
    linger_ms: int = 10
    """How long ``poll`` gathers records. Larger: more of them come together, and each costs less; smaller: less
    delay."""
    from_end: bool = False
    """Where the group has committed nothing yet: begin with what comes from now on, instead of with the first
    record."""
    max_poll_interval_ms: int = 300_000


class GroupOffsets(Protocol):
    """How far a group has come, in the broker's book."""

    async def committed(self, place: Place) -> int | None:
        """Where the group stands; None where it has committed nothing."""
        ...

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        """Where a rebalance has taken a partition away, this is passed over: its new owner does the work again."""
        ...


class GroupReader(GroupOffsets, Protocol):
    """Partitions are shared out by range, so that equal numbers of all topics meet in one member."""

    async def start(self, listener: GroupListener) -> None:
        """Connect and join."""
        ...

    async def poll(self, timeout_ms: int) -> Batches:
        """What has come; empty after ``timeout_ms``, and while the group shares its partitions out."""
        ...

    def assignment(self) -> Collection[Place]: ...

    async def seek(self, place: Place, offset: int) -> bool:
        """Read on from ``offset``; False where the group has taken the partition away."""
        ...

    def pause(self, places: Collection[Place]) -> None:
        """Read no further until ``resume``; partitions that are not ours are passed over."""
        ...

    def resume(self, places: Collection[Place]) -> None: ...

    def paused(self) -> Collection[Place]: ...

    async def position(self, place: Place) -> int:
        """As LogReader's."""
        ...

    async def begin(self, place: Place) -> int:
        """As LogReader's."""
        ...

    async def behind(self, place: Place) -> int | None:
        """Records that may be read and that ``poll`` has not given yet; None where the broker has not said lately."""
        ...

    def heard_ms(self) -> int | None:
        """When the broker last answered for any partition of ours (epoch ms); None: not yet."""
        ...

    async def stop(self) -> None:
        """Leave the group. Does not raise, and ends although it is cancelled meanwhile."""
        ...


class Outbox(Protocol):
    """Records being gathered for one batch of one partition number."""

    @property
    def records(self) -> int:
        """How many there are."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Records by topic."""
        ...

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], time_ms: int
    ) -> None: ...


class Publisher(Protocol):
    """Takes one partition's batches to the broker."""

    def outbox(self) -> Outbox:
        """An empty one, of this publisher's own kind."""
        ...

    async def publish(
        self,
        outbox: Outbox,
        checkpoint_topic: str,
        checkpoint: Sequence[tuple[bytes, bytes]],
        offsets: Mapping[Place, int],
    ) -> int:
        """With transactions everything or nothing becomes visible; without, outputs come first, then the checkpoint,
        and the group's offsets follow when they can.

        Gives the offset of the first checkpoint record, -1 where the broker did not tell.
        """
        ...

    async def stop(self) -> None:
        """Does not raise."""
        ...


class Publishers(Protocol):
    """One program's publishers, which may share connections."""

    async def open(self, partition: int, group: GroupReader) -> Publisher:
        """Take the partition over: with transactions, fence whoever had it. ``group`` commits the offsets."""
        ...

    async def stop(self) -> None: ...


class Sender(Protocol):
    """Single records out, without transactions."""

    async def send(self, records: Sequence[OutRecord]) -> None:
        """Returns once every one is acknowledged."""
        ...


class NewTopic(msgspec.Struct, frozen=True):
    name: str
    partitions: int
    replication_factor: int
    configs: Mapping[str, str]


class Admin(Protocol):
    async def brokers(self) -> int:
        """How many there are."""
        ...

    async def topics(self) -> set[str]:
        """Names of all topics that this user sees."""
        ...

    async def partition_counts(self, topics: Collection[str]) -> dict[str, int]:
        """Of topics that are there. Raises ForbiddenError naming one that may not be described."""
        ...

    async def configs(self, topics: Collection[str]) -> dict[str, dict[str, str]]:
        """Every setting that the broker tells, by topic."""
        ...

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Those that are there already stay as they are. Raises TopicError naming one that the broker refuses."""
        ...

    async def delete_records(self, before: Mapping[Place, int]) -> None:
        """Delete every record below an offset, by partition. Raises TopicError where the broker cannot."""
        ...


class Kafka(Protocol):
    """One program's way to one cluster. The context managers connect on entering and close whatever happens."""

    @property
    def connection(self) -> Connection: ...

    def log_reader(self, isolation: Isolation, *, follows: bool = False) -> AbstractAsyncContextManager[LogReader]:
        """``follows``: for a topic of few records that is read for as long as the program runs. The broker is asked for
        more ten times per second, not a hundred, and what comes may be told a tenth of a second later."""
        ...

    def group_reader(self, options: GroupOptions) -> GroupReader: ...

    def group_offsets(self, group_id: str) -> AbstractAsyncContextManager[GroupOffsets]:
        """Of a group that this program does not join."""
        ...

    def sender(self) -> AbstractAsyncContextManager[Sender]: ...

    def admin(self) -> AbstractAsyncContextManager[Admin]: ...

    async def supports_transactions(self, group_id: str) -> bool:
        """Ask the broker."""
        ...

    def publishers(self, group_id: str, prefix: str, *, transactions: bool, timeout_s: float) -> Publishers:
        """``timeout_s`` bounds each batch. Transactional ids are ``group_id-prefix<number>``."""
        ...

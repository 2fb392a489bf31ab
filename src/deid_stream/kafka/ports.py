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
        """The partitions of a topic; empty where the topic is missing. Does not create it."""
        ...

    async def begin(self, place: Place) -> int:
        """The offset of the first record that the broker still has."""
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
        """The records that have come, by partition; empty after ``timeout_ms`` without any."""
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
    """A member from which the broker has had no heartbeat for so long loses its partitions to others."""
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
    """The offsets that a consumer group has committed."""

    async def committed(self, place: Place) -> int | None:
        """The group's committed offset of a partition; None where it has committed none."""
        ...

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        """Commit the group's offsets. A partition that a rebalance has taken away is left out: its new owner reads from
        the offset committed before and does the work again."""
        ...


class GroupReader(GroupOffsets, Protocol):
    """A member of a consumer group. Partitions are assigned by range, so that the partitions of one number of all
    topics are read by one member."""

    async def start(self, listener: GroupListener) -> None:
        """Connect and join the group. ``listener`` is told of every partition that the group gives and takes."""
        ...

    async def poll(self, timeout_ms: int) -> Batches:
        """The records that have come, by partition; empty after ``timeout_ms`` without any, and during a rebalance."""
        ...

    def assignment(self) -> Collection[Place]:
        """The partitions that this member reads now."""
        ...

    async def seek(self, place: Place, offset: int) -> bool:
        """Go on reading from ``offset``. Returns False where this member does not have the partition any more."""
        ...

    def pause(self, places: Collection[Place]) -> None:
        """Give no records of these partitions until ``resume``. Partitions of other members are ignored."""
        ...

    def resume(self, places: Collection[Place]) -> None:
        """End a ``pause``; reading goes on at the position where it stopped."""
        ...

    def paused(self) -> Collection[Place]:
        """The partitions of this member that are paused."""
        ...

    async def position(self, place: Place) -> int:
        """See ``LogReader.position``."""
        ...

    async def begin(self, place: Place) -> int:
        """See ``LogReader.begin``."""
        ...

    async def behind(self, place: Place) -> int | None:
        """The number of records that ``poll`` could give now and has not; None where the broker has not answered
        lately."""
        ...

    def heard_ms(self) -> int | None:
        """When the broker last answered for any partition of this member (epoch ms); None: not yet."""
        ...

    async def stop(self) -> None:
        """Leave the group. Does not raise; when it is cancelled, it still finishes."""
        ...


class Outbox(Protocol):
    """Records being gathered for one batch of one partition number."""

    @property
    def records(self) -> int:
        """Number of records in it."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of records by topic."""
        ...

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], time_ms: int
    ) -> None:
        """Add a record with the timestamp ``time_ms`` (epoch ms). A ``value`` of None is a tombstone."""
        ...


class Publisher(Protocol):
    """Takes one partition's batches to the broker."""

    def outbox(self) -> Outbox:
        """A new, empty outbox of the kind that ``publish`` takes."""
        ...

    async def publish(
        self,
        outbox: Outbox,
        checkpoint_topic: str,
        checkpoint: Sequence[tuple[bytes, bytes]],
        offsets: Mapping[Place, int],
    ) -> int:
        """Write a batch: the records of ``outbox``, the ``checkpoint`` (keys and values), the group's ``offsets``.

        With transactions all of it becomes visible, or nothing. Without, the records are written first, then the
        checkpoint, and the offsets are committed later (``late_offsets``).

        Returns the offset of the first checkpoint record; -1 where the broker did not tell it.
        """
        ...

    async def stop(self) -> None:
        """Commit the offsets that are left, and end. Does not raise."""
        ...


class Publishers(Protocol):
    """One program's publishers, which may share connections."""

    async def open(self, partition: int, group: GroupReader) -> Publisher:
        """The publisher of one partition number. With transactions, its last owner is fenced: what that publishes from
        now on is refused. ``group`` commits the offsets."""
        ...

    async def stop(self) -> None:
        """Close the connections."""
        ...


class Sender(Protocol):
    """Writes single records, without transactions."""

    async def send(self, records: Sequence[OutRecord]) -> None:
        """Write the records; returns when the broker has acknowledged all of them."""
        ...


class NewTopic(msgspec.Struct, frozen=True):
    """A topic to be created. ``configs`` are the broker's settings of a topic, by name."""

    name: str
    partitions: int
    replication_factor: int
    configs: Mapping[str, str]


class Admin(Protocol):
    """Describes and changes topics."""

    async def brokers(self) -> int:
        """Number of brokers in the cluster."""
        ...

    async def topics(self) -> set[str]:
        """Names of all topics that this user sees."""
        ...

    async def partition_counts(self, topics: Collection[str]) -> dict[str, int]:
        """The partition counts of those of ``topics`` that exist. Raises ForbiddenError naming a topic that this user
        may not describe."""
        ...

    async def configs(self, topics: Collection[str]) -> dict[str, dict[str, str]]:
        """The settings of each topic, as far as the broker tells them: value by name, by topic."""
        ...

    async def create(self, topics: Sequence[NewTopic]) -> None:
        """Create topics. One that exists stays as it is. Raises TopicError naming one that the broker refuses."""
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
        """The committed offsets of a group, without joining it."""
        ...

    def sender(self) -> AbstractAsyncContextManager[Sender]: ...

    def admin(self) -> AbstractAsyncContextManager[Admin]: ...

    async def supports_transactions(self, group_id: str) -> bool:
        """Ask the broker whether it has transactions."""
        ...

    def publishers(self, group_id: str, prefix: str, *, transactions: bool, timeout_s: float) -> Publishers:
        """``timeout_s`` bounds each batch. Transactional ids are ``group_id-prefix<number>``."""
        ...

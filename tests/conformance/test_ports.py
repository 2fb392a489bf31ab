"""One suite over every client and broker: whole records, in order, with what the ports promise about groups,
transactions and records that cannot be read."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Collection

import pytest

from deid_stream.errors import BrokerError, FencedError, TopicError
from deid_stream.kafka.follow import TopicTable
from deid_stream.kafka.ports import GroupOptions, GroupReader, Isolation, Kafka, NewTopic
from deid_stream.kafka.reading import newest_time_ms, read_range, read_to_end
from deid_stream.kafka.record import InRecord, OutRecord, Place
from tests.conformance.conftest import Broker
from tests.conformance.raw import produce, produce_poison
from tests.support.service import until

T0_MS = 1_700_000_000_000


class Deployment:
    """Topics of two partitions under a name of their own."""

    def __init__(self, kafka: Kafka, *, transactions: bool, bootstrap: str) -> None:
        self.kafka = kafka
        self.transactions = transactions
        self.bootstrap = bootstrap
        self.name = f"t{uuid.uuid4().hex[:8]}"
        self.topic, self.other = f"{self.name}.calls", f"{self.name}.audio"
        self.group = f"group-{self.name}"

    @property
    def isolation(self) -> Isolation:
        return "read_committed" if self.transactions else "read_uncommitted"

    def options(self, **fields: object) -> GroupOptions:
        made: dict[str, object] = {
            "group_id": self.group,
            "topics": (self.topic, self.other),
            "isolation": self.isolation,
            "session_timeout_ms": 2_000,
            "fetch_wait_ms": 20,
        }
        return GroupOptions(**made | fields)  # type: ignore[arg-type]

    async def send(self, *records: OutRecord) -> None:
        async with self.kafka.sender() as sender:
            await sender.send(records)

    async def read(self, topic: str) -> list[InRecord]:
        return await read_to_end(self.kafka, topic, self.isolation)


@pytest.fixture
async def made(broker: Broker) -> Deployment:
    deployment = Deployment(broker.connect("tests"), transactions=broker.exactly_once, bootstrap=broker.bootstrap)
    async with deployment.kafka.admin() as admin:
        await admin.create([NewTopic(name, 2, 1, {}) for name in (deployment.topic, deployment.other)])
    return deployment


RECORDS = [
    (0, b"a", b"one", (("ce_id", b"1"), ("ce_id", b"again"), ("empty", b""))),
    (0, b"a", None, ()),
    (0, None, b"no key", ()),
    (1, "ключ".encode(), bytes(range(256)), (("имя", b"\xff\x00"),)),
    (0, b"", b"", (("x", b"y"),)),
]


async def test_what_is_sent_is_read_back_whole(made: Deployment) -> None:
    await made.send(*(OutRecord(made.topic, k, v, h, T0_MS + n, p) for n, (p, k, v, h) in enumerate(RECORDS)))
    expected = [
        InRecord(made.topic, p, sum(q == p for q, *_ in RECORDS[:n]), T0_MS + n, k, v, h)
        for n, (p, k, v, h) in enumerate(RECORDS)
    ]
    assert await made.read(made.topic) == sorted(expected, key=lambda r: (r.partition, r.offset))
    assert await newest_time_ms(made.kafka, made.topic) == T0_MS + 4


async def test_equal_keys_meet_in_one_partition_and_keep_their_order(made: Deployment) -> None:
    await made.send(*(OutRecord(made.topic, b"k%d" % (n % 7), b"%d" % n) for n in range(70)))
    found = await made.read(made.topic)
    for key in {r.key for r in found}:
        of_key = [r for r in found if r.key == key]
        assert len({r.partition for r in of_key}) == 1
        values = [int(r.value or b"") for r in of_key]
        assert values == sorted(values)
    assert len(found) == 70


async def test_an_empty_topic_and_a_missing_one(made: Deployment) -> None:
    assert await made.read(made.topic) == []
    assert await newest_time_ms(made.kafka, made.topic) is None
    with pytest.raises(TopicError, match="nowhere is missing"):
        await read_to_end(made.kafka, "nowhere")


async def test_a_range_begins_and_ends_where_it_is_told(made: Deployment) -> None:
    await made.send(*(OutRecord(made.topic, b"k", b"%d" % n, (), T0_MS + n * 1_000, 0) for n in range(20)))
    place = Place(made.topic, 0)
    async with made.kafka.log_reader(made.isolation) as reader:
        assert (await reader.begin(place), await reader.end(place)) == (0, 20)
        # the embedded broker answers with the start of the record's batch
        assert await reader.offset_at(place, T0_MS + 7_500) in range(9)
        assert await reader.offset_at(place, T0_MS + 99_000) in (None, 0)
        found = [r.offset async for records in read_range(reader, place, 5, 11) for r in records]
        assert found == [5, 6, 7, 8, 9, 10]
        again = [r.offset async for records in read_range(reader, place, 0, 3) for r in records]
        assert again == [0, 1, 2]


async def test_topics_are_made_once_and_told(made: Deployment) -> None:
    async with made.kafka.admin() as admin:
        await admin.create([NewTopic(made.topic, 5, 1, {})])
        assert {made.topic, made.other} <= await admin.topics()
        assert await admin.partition_counts([made.topic]) == {made.topic: 2}
        assert await admin.brokers() == 1
        assert made.topic in await admin.configs([made.topic])


# -- a compacted topic as a table


async def test_a_table_is_read_to_its_end_and_followed(made: Deployment) -> None:
    await made.send(OutRecord(made.topic, b"a", b"1", (), T0_MS, 0), OutRecord(made.topic, b"b", b"1", (), T0_MS, 1))
    table: dict[bytes | None, bytes | None] = {}

    def apply(record: InRecord) -> None:
        table[record.key] = record.value

    async with TopicTable(made.kafka, made.topic, made.isolation, apply) as topic:
        assert table == {b"a": b"1", b"b": b"1"}
        assert topic.positions() == {0: 1, 1: 1}
        following = asyncio.create_task(topic.follow())
        await made.send(OutRecord(made.topic, b"a", None, (), T0_MS, 0))
        await until(lambda: table[b"a"] is None)
        assert topic.positions() == {0: 2, 1: 1}
        assert topic.silent_s() < 5
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following


# -- groups


class Member:
    """Polls until stopped; seeks each partition it is given to what was committed."""

    def __init__(self, group: GroupReader) -> None:
        self.group = group
        self.given: list[Place] = []
        self.records: list[InRecord] = []
        self._stop = False

    async def assigned(self, places: Collection[Place]) -> None:
        self.given += places

    async def revoked(self, places: Collection[Place]) -> None:
        self.given = [place for place in self.given if place not in places]

    async def run(self) -> None:
        await self.group.start(self)
        try:
            while not self._stop:
                for records in (await self.group.poll(50)).values():
                    self.records += records
        finally:
            await self.group.stop()

    def stop(self) -> None:
        self._stop = True


async def test_a_member_reads_its_share_and_tells_when_it_is_at_the_end(made: Deployment) -> None:
    member = Member(made.kafka.group_reader(made.options()))
    running = asyncio.create_task(member.run())
    await until(lambda: len(member.given) == 4)
    await made.send(*(OutRecord(made.topic, b"k", b"%d" % n, (("h", b"%d" % n),), T0_MS + n, n % 2) for n in range(10)))
    await until(lambda: len(member.records) == 10)
    assert sorted(member.records, key=lambda r: r.timestamp) == sorted(
        await made.read(made.topic), key=lambda r: r.timestamp
    )
    place = Place(made.topic, 0)
    await until_async(lambda: member.group.behind(place), 0)
    assert await member.group.position(place) == 5
    assert set(member.group.assignment()) == set(member.given)
    assert (member.group.heard_ms() or 0) > T0_MS
    # what is paused is not read, and is known to be waiting
    member.group.pause([place])
    await made.send(*(OutRecord(made.topic, b"k", b"late", (), T0_MS, number) for number in (0, 1)))
    await until(lambda: len(member.records) == 11)
    assert place in member.group.paused()
    member.group.resume([place])
    await until(lambda: len(member.records) == 12)
    # a seek goes back
    assert await member.group.seek(place, 0)
    await until(lambda: len(member.records) == 18)
    assert not await member.group.seek(Place("elsewhere", 0), 0)
    assert await member.group.committed(place) is None
    await member.group.commit({place: 3})
    assert await member.group.committed(place) == 3
    member.stop()
    await running


async def until_async(ask: Callable[[], Awaitable[int | None]], value: int, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while await ask() != value:  # noqa: ASYNC110 - what another program knows, asked again
            await asyncio.sleep(0.05)


async def test_two_members_share_equal_numbers_of_all_topics(made: Deployment) -> None:
    first = Member(made.kafka.group_reader(made.options()))
    second = Member(made.kafka.group_reader(made.options()))
    running = [asyncio.create_task(member.run()) for member in (first, second)]
    await until(lambda: len(first.given) == len(second.given) == 2, 40)
    for member in (first, second):
        assert {place.topic for place in member.given} == {made.topic, made.other}
        assert len({place.partition for place in member.given}) == 1
    first.stop()
    await running[0]
    await until(lambda: len(second.given) == 4, 40)
    second.stop()
    await running[1]


async def test_a_group_goes_on_where_it_has_committed(made: Deployment) -> None:
    await made.send(*(OutRecord(made.topic, b"k", b"%d" % n, (), T0_MS, 0) for n in range(6)))
    async with made.kafka.group_offsets(made.group) as offsets:
        assert await offsets.committed(Place(made.topic, 0)) is None
        await offsets.commit({Place(made.topic, 0): 4})
        assert await offsets.committed(Place(made.topic, 0)) == 4
    member = Member(made.kafka.group_reader(made.options()))
    running = asyncio.create_task(member.run())
    await until(lambda: len(member.records) == 2)
    assert [r.offset for r in member.records] == [4, 5]
    member.stop()
    await running


# -- publishing


async def test_a_batch_comes_out_whole_with_its_checkpoint_and_offsets(made: Deployment) -> None:
    member = Member(made.kafka.group_reader(made.options()))
    running = asyncio.create_task(member.run())
    await until(lambda: len(member.given) == 4)
    publishers = made.kafka.publishers(made.group, "p.", transactions=made.transactions, timeout_s=10)
    publisher = await publishers.open(1, member.group)
    source = Place(made.topic, 1)
    for batch in range(2):
        outbox = publisher.outbox()
        for number in range(3):
            outbox.append(made.other, b"%d/%d" % (batch, number), b"value", [("h", b"v")], T0_MS + number)
        assert (outbox.records, outbox.counts) == (3, {made.other: 3})
        first = await publisher.publish(outbox, made.topic, [(b"1", b"base"), (b"1", b"delta")], {source: 7 + batch})
        checkpoints = [r for r in await made.read(made.topic) if r.partition == 1]
        assert checkpoints[-2].offset == first or first == -1
    found = [(r.partition, r.key, r.value, r.headers, r.timestamp) for r in await made.read(made.other)]
    assert found == [
        (1, b"%d/%d" % (batch, number), b"value", (("h", b"v"),), T0_MS + number)
        for batch in range(2)
        for number in range(3)
    ]
    assert [r.value for r in await made.read(made.topic)] == [b"base", b"delta"] * 2
    await publisher.stop()
    await until_async(lambda: member.group.committed(source), 8)
    member.stop()
    await running
    await publishers.stop()


async def test_a_new_owner_fences_the_old_one(made: Deployment) -> None:
    if not made.transactions:
        pytest.skip("this broker has no transactions")
    group = made.kafka.group_reader(made.options())
    publishers = made.kafka.publishers(made.group, "p.", transactions=True, timeout_s=10)

    async def publish(publisher: object, key: bytes) -> None:
        outbox = publisher.outbox()  # type: ignore[attr-defined]
        outbox.append(made.other, key, b"value", [], T0_MS)
        await publisher.publish(outbox, made.topic, [(b"0", key)], {})  # type: ignore[attr-defined]

    old = await publishers.open(0, group)
    await publish(old, b"before")
    new = await publishers.open(0, group)
    with pytest.raises(FencedError):
        await publish(old, b"zombie")
    await publish(new, b"after")
    await old.stop()
    await new.stop()
    await publishers.stop()
    await group.stop()
    assert [r.key for r in await made.read(made.other)] == [b"before", b"after"]
    assert [r.value for r in await made.read(made.topic)] == [b"before", b"after"]


# -- records that cannot be read, as a C or Go client may write them


async def test_every_usual_codec_is_read(made: Deployment) -> None:
    if not made.bootstrap:
        pytest.skip("batches are not compressed in memory")
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        values = [f"{codec} {n}".encode() * 50 for n in range(20)]
        await asyncio.to_thread(produce, made.bootstrap, made.topic, values, codec)
    found = [r.value for r in await made.read(made.topic)]
    assert len(found) == 100
    assert {value.split()[0] for value in found if value} == {b"none", b"gzip", b"snappy", b"lz4", b"zstd"}


async def test_a_header_name_that_is_not_utf_8_costs_only_its_record(made: Deployment) -> None:
    await poisoned(made)
    found = await made.read(made.topic)
    assert [(r.offset, r.value, r.unreadable) for r in found] == EXPECTED
    member = Member(made.kafka.group_reader(made.options()))
    running = asyncio.create_task(member.run())
    await until(lambda: len(member.records) >= len(EXPECTED))
    assert [(r.offset, r.value, r.unreadable) for r in member.records] == EXPECTED
    await made.send(OutRecord(made.topic, b"k", b"later", (), T0_MS, 0))
    await until(lambda: len(member.records) == len(EXPECTED) + 1)
    member.stop()
    await running


async def test_reading_goes_on_behind_a_batch_that_nobody_can_read(made: Deployment) -> None:
    if not made.bootstrap or made.transactions:
        pytest.skip("Apache Kafka takes no such batch, and in memory there are none")
    for values, damaged in (([b"good 0"], False), ([b"lost"] * 3, True), ([b"good 1"], False), ([b"lost"], True)):
        await produce_poison(made.bootstrap, made.topic, values, T0_MS, damaged=damaged)
    expected = [(0, ""), (1, "codec"), (2, "codec"), (3, "codec"), (4, ""), (5, "codec")]
    member = Member(made.kafka.group_reader(made.options()))
    running = asyncio.create_task(member.run())
    await until(lambda: len(member.records) >= len(expected))
    assert [(r.offset, r.unreadable) for r in member.records] == expected
    await made.send(OutRecord(made.topic, b"k", b"later", (), T0_MS, 0))
    await until(lambda: len(member.records) == len(expected) + 1)
    await until_async(lambda: member.group.behind(Place(made.topic, 0)), 0)
    member.stop()
    await running
    assert [(r.offset, r.unreadable) for r in await made.read(made.topic)] == [*expected, (6, "")]


EXPECTED = [
    (0, b"good 0", ""),
    (1, b"good 1", ""),
    (2, None, "header_name"),
    (3, b"good 2", ""),
    (4, None, "header_name"),
    (5, None, "header_name"),
    (6, b"good 3", ""),
]


async def poisoned(made: Deployment) -> None:
    """Good records and such as no UTF-8 reads, some of them in one batch."""
    if not made.bootstrap:
        from deid_stream.kafka.memory import MemoryKafka

        assert isinstance(made.kafka, MemoryKafka)
        for _, value, unreadable in EXPECTED:
            if unreadable:
                made.kafka.broker.put_unreadable(Place(made.topic, 0), unreadable)
            else:
                await made.send(OutRecord(made.topic, b"k", value, (), T0_MS, 0))
        return
    for values in ([b"good 0", b"good 1", None, b"good 2"], [None, None, b"good 3"]):
        await produce_poison(made.bootstrap, made.topic, values, T0_MS)


async def test_a_broker_that_is_away_is_a_broker_error(broker: Broker, unused_tcp_port: int) -> None:
    if not broker.bootstrap:
        pytest.skip("memory is never away")
    kafka = broker.connect("tests", f"127.0.0.1:{unused_tcp_port}")
    with pytest.raises(BrokerError, match="refused") as caught:
        async with kafka.log_reader("read_uncommitted"):
            pass
    assert caught.value.retryable
    group = kafka.group_reader(
        GroupOptions(
            group_id="g", topics=("t",), isolation="read_uncommitted", session_timeout_ms=2_000, fetch_wait_ms=20
        )
    )
    with pytest.raises(BrokerError, match="refused"):
        await group.start(Member(group))
    await group.stop()

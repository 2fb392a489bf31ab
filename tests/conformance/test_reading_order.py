"""Members of a group that pause, resume and seek at random while partitions move between them under load: every record
comes once and in order, from wherever reading was said to go on, and nothing stands still."""

import asyncio
import random
import uuid
from collections.abc import Collection

import pytest

from deid_stream.kafka.ports import GroupOptions, GroupReader, Kafka, NewTopic
from deid_stream.kafka.record import OutRecord, Place
from tests.conformance.conftest import Broker
from tests.support.service import until

PARTITIONS = 3
STEPS = 60
JOINS, LEAVES = (STEPS // 4, STEPS // 2), (STEPS // 3, 3 * STEPS // 4)
SETTLE_S = 60.0


class Log:
    """What one partition has been given to whom. ``position`` is the offset that must come next, wherever it is."""

    def __init__(self) -> None:
        self.position = 0
        self.seeks = 0
        self.taken = 0


class Member:
    """Begins every partition that it is given paused, as a worker does: a task of its own says later where to begin."""

    def __init__(self, group: GroupReader, logs: dict[Place, Log], rng: random.Random) -> None:
        self.group = group
        self.logs = logs
        self.rng = rng
        self.mine: set[Place] = set()
        self.begun: set[Place] = set()
        self.held: set[Place] = set()
        self.wrong: list[str] = []
        self._stop = asyncio.Event()
        self._starting: set[asyncio.Task[None]] = set()

    async def assigned(self, places: Collection[Place]) -> None:
        if self.rng.random() < 0.8:
            self.group.pause(places)
            await asyncio.sleep(self.rng.choice((0, 0, 0.02)))
        else:
            # those are begun with a seek while they are being read
            self.wrong += [f"{place} was given twice" for place in places if place in self.mine]
        self.mine |= set(places)
        for place in places:
            task = asyncio.create_task(self._begin(place))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _begin(self, place: Place) -> None:
        await asyncio.sleep(self.rng.choice((0, 0, 0.005, 0.1)))
        if place in self.mine and await self.group.seek(place, self.logs[place].position):
            self.begun.add(place)
            self.group.resume([place])

    async def revoked(self, places: Collection[Place]) -> None:
        for task in list(self._starting):
            task.cancel()
        await asyncio.sleep(self.rng.choice((0, 0, 0.02)))
        self.mine -= set(places)
        self.begun -= set(places)
        self.held -= set(places)

    async def run(self) -> None:
        await self.group.start(self)
        try:
            while not self._stop.is_set():
                for place, records in (await self.group.poll(20)).items():
                    if place not in self.begun:
                        continue
                    log = self.logs[place]
                    offsets = [record.offset for record in records]
                    wanted = list(range(log.position, log.position + len(offsets)))
                    if offsets != wanted:
                        self.wrong.append(f"{place}: {offsets[:3]}..., wanted {wanted[:3]}...")
                    if place in self.held:
                        self.wrong.append(f"{place} was read while it was paused")
                    log.position = offsets[-1] + 1
                    log.taken += len(offsets)
        finally:
            await self.group.stop()

    async def disturb(self) -> None:
        """One thing that a worker may do at any time, to one partition."""
        if not self.begun:
            return
        place = self.rng.choice(sorted(self.begun))
        log = self.logs[place]
        chance = self.rng.random()
        if chance < 0.3:
            self.group.pause([place])
            self.held.add(place)
        elif chance < 0.6:
            self.held.discard(place)
            self.group.resume([place])
        elif chance < 0.7:
            self.group.pause([place])
            self.held.discard(place)
            self.group.resume([place])
        else:
            back = self.rng.randint(0, min(50, log.position))
            log.position -= back
            log.seeks += 1
            assert await self.group.seek(place, log.position)

    def go_on(self) -> None:
        self.held.clear()
        self.group.resume(self.mine)

    def stop(self) -> None:
        self._stop.set()


class Load:
    """Numbered records into every partition until told to stop."""

    def __init__(self, kafka: Kafka, places: Collection[Place]) -> None:
        self.kafka = kafka
        self.places = places
        self.sent = 0
        self._stop = asyncio.Event()

    async def run(self) -> None:
        async with self.kafka.sender() as sender:
            while not self._stop.is_set():
                numbers = range(self.sent, self.sent + 20)
                await sender.send(
                    [OutRecord(topic, b"k", b"%d" % n, (), None, p) for n in numbers for topic, p in self.places]
                )
                self.sent += 20
                await asyncio.sleep(0.01)

    def stop(self) -> None:
        self._stop.set()


def shared_out(members: Collection[Member], count: int) -> bool:
    """Everybody has begun a share of the partitions."""
    return all(member.begun for member in members) and sum(len(member.begun) for member in members) == count


@pytest.fixture
async def places(broker: Broker) -> list[Place]:
    name = f"t{uuid.uuid4().hex[:8]}"
    topics = [f"{name}.calls", f"{name}.audio"]
    async with broker.connect("tests").admin() as admin:
        await admin.create([NewTopic(topic, PARTITIONS, 1, {}) for topic in topics])
    return [Place(topic, number) for topic in topics for number in range(PARTITIONS)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_every_record_comes_once_and_in_order_whatever_is_done_to_its_partition(
    broker: Broker, places: list[Place], seed: int
) -> None:
    rng = random.Random(seed)
    kafka = broker.connect("tests")
    options = GroupOptions(
        group_id=f"group-{places[0].topic}",
        topics=tuple(sorted({place.topic for place in places})),
        isolation="read_committed" if broker.exactly_once else "read_uncommitted",
        session_timeout_ms=2_000,
        fetch_wait_ms=20,
    )
    logs = {place: Log() for place in places}
    load = Load(kafka, places)
    loading = asyncio.create_task(load.run())
    members: list[Member] = []
    running: dict[Member, asyncio.Task[None]] = {}

    def join() -> None:
        member = Member(kafka.group_reader(options), logs, rng)
        members.append(member)
        running[member] = asyncio.create_task(member.run())

    join()
    await until(lambda: shared_out(running, len(places)), SETTLE_S)
    for step in range(STEPS):
        if not broker.exactly_once and step in JOINS + LEAVES:
            # the embedded broker waits for ever for a leader that leaves while another joins
            await until(lambda: shared_out(running, len(places)), SETTLE_S)
        if step in JOINS:
            join()
        if step in LEAVES:
            leaving = next(iter(running))
            leaving.stop()
            await running.pop(leaving)
        for member in running:
            for _ in range(rng.randint(0, 3)):
                await member.disturb()
        await asyncio.sleep(rng.choice((0, 0.01, 0.05, 0.2)))
    load.stop()
    await loading
    for member in running:
        member.go_on()
    try:
        await until(lambda: all(log.position >= load.sent for log in logs.values()), SETTLE_S)
    except TimeoutError:
        standing = {place: log.position for place, log in logs.items() if log.position < load.sent}
        raise AssertionError(f"stands still before {load.sent}: {standing}") from None
    finally:
        for member, task in running.items():
            member.stop()
            await task
    assert [wrong for member in members for wrong in member.wrong] == []
    assert {log.position for log in logs.values()} == {load.sent}
    assert sum(log.seeks for log in logs.values()) > 0

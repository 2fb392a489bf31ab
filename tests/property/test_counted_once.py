"""The control plane counts each closed call once in the aggregates, and each call and record that was taken back once
in a request's receipt, wherever it is killed.

Its tables are topics of several partitions. A crash may therefore keep the newest changes of one key and lose those of
another. After a crash the records of the index that were read since the last commit are read again."""

import asyncio
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deid_stream.control import windows as publishing
from deid_stream.control.windows import GRACE_MS, publish_windows
from deid_stream.model.requests import Kind
from deid_stream.policy.rights import State
from tests.unit.control.made import Plane, Stored, T, asked, claim, claims

LENGTH_MS = 60_000
GONE = object()


class Topic(dict):
    """A table's entries. ``crash`` may lose what was written since the last ``flush``, for each key from some change
    on."""

    def __init__(self):
        super().__init__()
        self.flush()

    def __setitem__(self, key, value):
        self.written.append((key, value))
        super().__setitem__(key, value)

    def pop(self, key):
        self.written.append((key, GONE))
        return super().pop(key)

    def flush(self):
        self.written, self.safe = [], dict(self)

    def crash(self, seed):
        """Keep the first changes of each key, as many as ``seed`` says, and lose the others."""
        chosen = random.Random(seed)
        kept = dict(self.safe)
        for key in dict(self.written):
            changes = [value for changed, value in self.written if changed == key]
            number = chosen.randint(0, len(changes))
            if number:
                kept[key] = changes[number - 1]
        self.clear()
        self.update({key: value for key, value in kept.items() if value is not GONE})
        self.flush()


class KilledError(Exception):
    pass


class Counting:
    """A control plane; ``log`` holds the records of its index: a call's number, and whether the call has closed."""

    def __init__(self, log):
        self.log = log
        self.stored = Stored()
        self.topics = self.stored.calls, self.stored.windows = Topic(), Topic()
        self.now_ms = T
        self.read = self.committed = 0
        self.published = {}
        """Number of calls by the start of the window."""
        self.start()

    def start(self):
        self.windows = self.stored.counts(LENGTH_MS)
        self.register = self.stored.register(self.windows)

    def take(self, _=None):
        """Read the next record of the index."""
        if self.read < len(self.log):
            number, closed = self.log[self.read]
            self.register.claims(claims(claim(f"c{number}", closed=closed)), self.now_ms)
            self.read += 1

    async def flush(self):
        for topic in self.topics:
            topic.flush()

    def commit(self, _=None):
        asyncio.run(self.flush())
        self.committed = self.read

    def kill(self, seed):
        for number, topic in enumerate(self.topics):
            topic.crash(2 * seed + number)
        self.read = self.committed
        self.start()

    def later(self, ms):
        self.now_ms += ms

    async def send(self, records):
        for start_ms in {int(record.key.split(b"/")[1]) for record in records}:
            calls = sum(tally.calls for tally in self.windows.over(self.now_ms)[start_ms].values())
            assert self.published.setdefault(start_ms, calls) == calls, "a window was published with two numbers"
        if self.killed_in_publishing:
            raise KilledError

    def publish(self, killed):
        self.killed_in_publishing = killed is not None
        moments = [self.now_ms]

        def clock():
            if not moments:
                raise KilledError
            return moments.pop()

        with pytest.raises(KilledError):
            asyncio.run(publish_windows(self.windows, self, self.flush, clock))
        if killed is not None:
            self.kill(killed)


STEPS = st.sampled_from(
    [("take", None)] * 4
    + [("commit", None)]
    + [("kill", seed) for seed in range(4)]
    + [("later", ms) for ms in (1_000, LENGTH_MS + GRACE_MS, LENGTH_MS + GRACE_MS)]
    + [("publish", killed) for killed in (None, 1, 2)]
)


KEPT, LOST = (next(seed for seed in range(99) if random.Random(2 * seed).randint(0, 1) == kept) for kept in (1, 0))
"""Seeds with which ``Counting.kill`` keeps or loses the only change of the first topic."""


@pytest.fixture(scope="module", autouse=True)
def _at_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "EVERY_S", 0)
        yield


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=8), st.lists(STEPS, max_size=15))
@example([(0, True)], [("take", None), ("kill", KEPT)])
@example([(0, True)], [("take", None), ("later", LENGTH_MS + GRACE_MS), ("publish", LOST)])
@settings(max_examples=300)
def test_a_closed_call_counts_once_wherever_the_control_plane_is_killed(log, steps):
    plane = Counting(log)
    for name, argument in steps:
        getattr(plane, name)(argument)
    while plane.read < len(log):
        plane.take()
    plane.later(2 * (LENGTH_MS + GRACE_MS))
    plane.publish(None)
    assert sum(plane.published.values()) == len({number for number, closed in log if closed})


class Dying(Plane):
    """An executor that is killed when it has asked the broker ``lives`` times."""

    def __init__(self, stored, broker, lives):
        self.lives = lives
        super().__init__(stored, broker)

    def _live(self):
        self.lives -= 1
        if self.lives < 0:
            raise KilledError

    async def _flush(self):
        self._live()
        for topic in (self.stored.calls, self.stored.requests):
            topic.flush()

    async def send(self, records):
        self._live()
        await super().send(records)


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99), st.booleans()), max_size=5),
)
@example(1, [(3, 56, True), (3, 56, False)])
@settings(max_examples=150)
def test_a_receipt_counts_each_call_and_record_once_wherever_the_control_plane_is_killed(calls, kills):
    """Before a restart one call may publish more records: they are taken back and counted, too."""
    stored, broker = Stored(), None
    stored.calls, stored.requests = Topic(), Topic()
    told = dict.fromkeys(range(calls), 4)
    for lives, seed, goes_on in [*kills, (1_000, 0, False)]:
        plane = Dying(stored, broker, lives)
        broker = plane.broker
        for number, last in told.items():
            plane.register.claims(claims(claim(f"c{number}", last=last)), T)
        if plane.register.status("r-deletion") is None:
            plane.register.request(asked(Kind.DELETION))
        try:
            asyncio.run(plane.work(8))
        except KilledError:
            stored.calls.crash(seed)
            stored.requests.crash(seed + 1)
        if goes_on:
            told[seed % calls] += 2
    done = plane.register.status("r-deletion")
    assert (done.state, done.calls) == (State.DONE, calls)
    assert done.records == sum(4 * (last + 1) for last in told.values())

"""A closed call counts once in the aggregates, wherever the control plane is killed: what it has written to its tables'
topics may end at any record, and it reads again what it read last."""

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deid_stream.control import windows as publishing
from deid_stream.control.windows import GRACE_MS, publish_windows
from tests.unit.control.made import Stored, T, claim, claims

LENGTH_MS = 60_000
GONE = object()


class Topic(dict):
    """A table's entries; what was written since the last ``flush`` may be lost in a crash, from any record on."""

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

    def crash(self, share):
        kept = self.safe | dict(self.written[: round(share * len(self.written))])
        self.clear()
        self.update({key: value for key, value in kept.items() if value is not GONE})
        self.flush()


class KilledError(Exception):
    pass


class Plane:
    """A control plane; ``log`` is its index: numbers of calls, and whether the call has closed."""

    def __init__(self, log):
        self.log = log
        self.stored = Stored()
        self.topics = self.stored.calls, self.stored.windows = Topic(), Topic()
        self.now_ms = T
        self.read = self.committed = 0
        self.published = {}
        """Calls in each window."""
        self.start()

    def start(self):
        self.windows = self.stored.counts(LENGTH_MS)
        self.register = self.stored.register(self.windows)

    def take(self, _=None):
        """One more record of the index."""
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

    def kill(self, share):
        """Of what was not flushed, ``share`` has reached the one topic, and the rest the other."""
        for topic, kept in zip(self.topics, (share, 1 - share), strict=True):
            topic.crash(kept)
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
    + [("kill", share) for share in (0.0, 0.5, 1.0)]
    + [("later", ms) for ms in (1_000, LENGTH_MS + GRACE_MS, LENGTH_MS + GRACE_MS)]
    + [("publish", killed) for killed in (None, 0.0, 1.0)]
)


@pytest.fixture(scope="module", autouse=True)
def _at_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "EVERY_S", 0)
        yield


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=8), st.lists(STEPS, max_size=15))
@example([(0, True)], [("take", None), ("kill", 1.0)])
@example([(0, True)], [("take", None), ("later", LENGTH_MS + GRACE_MS), ("publish", 0.0)])
@settings(max_examples=300)
def test_a_closed_call_counts_once_wherever_the_control_plane_is_killed(log, steps):
    plane = Plane(log)
    for name, argument in steps:
        getattr(plane, name)(argument)
    while plane.read < len(log):
        plane.take()
    plane.later(2 * (LENGTH_MS + GRACE_MS))
    plane.publish(None)
    assert sum(plane.published.values()) == len({number for number, closed in log if closed})

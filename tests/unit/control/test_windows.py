"""Closed calls are counted into windows, and a window is published once, whole and with small cells hidden."""

import asyncio
import json

import pytest

from deid_stream.control.tables import Table
from deid_stream.control.windows import GRACE_MS, Windows, publish_windows
from deid_stream.errors import BrokerError, ForbiddenError
from deid_stream.model.published import Closing
from deid_stream.policy.aggregates import Tally

HOUR = 3_600_000
T = 500_000 * HOUR
"""Where a window begins."""


def windows(stored=None, *, epsilon=0.0, seed=b"seed", length_ms=HOUR):
    table = Table({} if stored is None else stored, int)
    return Windows(table, "deid.aggregates", length_ms=length_ms, threshold=4, epsilon=epsilon, seed=seed)


def counted(made, customer_id, calls, *, at_ms=T + 1_000, **closing):
    for _ in range(calls):
        one = Closing(time_ms=at_ms, duration_ms=60_000, **closing)
        made.add(customer_id, one, made.start_of(one, at_ms))


def rows(records):
    return {record.key.decode(): json.loads(record.value) for record in records}


@pytest.mark.parametrize(
    ("closed_ms", "known_ms", "start_ms"),
    [
        pytest.param(T, T, T, id="at its beginning"),
        pytest.param(T + HOUR - 1, T + HOUR - 1, T, id="at its end"),
        pytest.param(T + HOUR - 1, T + HOUR + GRACE_MS - 1, T, id="told in the minute after it"),
        pytest.param(T + HOUR - 1, T + HOUR + GRACE_MS, T + HOUR, id="told later: the window is gone"),
        pytest.param(T - 90 * HOUR, T + 5, T - HOUR, id="long ago: the oldest that is open"),
        pytest.param(T + 7 * HOUR, T + 5, T, id="by a clock that is fast: now"),
    ],
)
def test_a_call_counts_in_the_window_of_its_end_or_the_oldest_that_is_open(closed_ms, known_ms, start_ms):
    made = windows()
    assert made.over(known_ms) == {}
    closing = Closing(time_ms=closed_ms)
    made.add("acme", closing, made.start_of(closing, known_ms))
    assert made.over(known_ms) == {}, "nothing is added to what is over"
    assert made.over(start_ms + HOUR + GRACE_MS) == {start_ms: {"acme": Tally(calls=1)}}


def test_a_window_is_over_a_minute_after_its_end_and_not_before():
    made = windows()
    counted(made, "acme", 1)
    assert made.over(T + HOUR + GRACE_MS - 1) == {}
    assert list(made.over(T + HOUR + GRACE_MS)) == [T]


def test_a_row_a_customer_and_one_for_the_deployment():
    made = windows()
    counted(made, "acme", 5, values={"EMAIL": 2}, withheld=1, opted_out=True)
    counted(made, "beta/north", 6, values={"EMAIL": 1})
    found = rows(made.records(T, made.over(T + 2 * HOUR)[T]))
    assert found.keys() == {f"acme/{T}", f"beta/north/{T}", f"*/{T}"}
    assert found[f"acme/{T}"] == {
        "customer_id": "acme",
        "window_start_ms": T,
        "window_ms": HOUR,
        "threshold": 4,
        "epsilon": None,
        "calls": 5,
        "minutes": 5,
        "values": {"EMAIL": 10},
        "withheld": 5,
        "opt_out_share": 1.0,
    }
    assert (found[f"*/{T}"]["customer_id"], found[f"*/{T}"]["calls"]) == (None, 11)


def test_what_few_calls_are_in_is_hidden_and_cannot_be_worked_out():
    made = windows()
    counted(made, "few", 3)
    counted(made, "many", 20)
    found = rows(made.records(T, made.over(T + 2 * HOUR)[T]))
    assert found[f"few/{T}"]["calls"] is None
    assert None in (found[f"many/{T}"]["calls"], found[f"*/{T}"]["calls"])


def test_noise_is_the_same_when_the_window_is_made_again_and_another_under_another_seed():
    tallies = {"acme": Tally(calls=500, duration_ms=500 * 60_000)}
    once, again = (windows(epsilon=0.5).records(T, tallies) for _ in range(2))
    assert once == again
    assert rows(once)[f"acme/{T}"]["epsilon"] == 0.5
    assert once != windows(epsilon=0.5, seed=b"other").records(T, tallies)
    assert rows(once)[f"acme/{T}"]["calls"] != rows(windows(epsilon=0.5).records(T + HOUR, tallies))[f"acme/{T + HOUR}"]


def test_what_was_published_is_gone_and_the_next_window_is_not():
    made = windows()
    counted(made, "acme", 2)
    counted(made, "acme", 1, at_ms=T + HOUR)
    counted(made, "beta", 1)
    made.published(T)
    assert (made.has_published(T), made.has_published(T + HOUR)) == (True, False)
    assert made.over(T + 9 * HOUR) == {T + HOUR: {"acme": Tally(calls=1, duration_ms=60_000)}}


@pytest.mark.parametrize(
    ("length_ms", "start_ms"),
    [
        pytest.param(HOUR, T + HOUR, id="the next one"),
        pytest.param(4 * HOUR, T + 4 * HOUR, id="a longer one that holds none of it"),
        pytest.param(60_000, T + 60_000, id="a shorter one"),
    ],
)
def test_nothing_counts_in_a_window_that_was_published_also_after_a_restart(length_ms, start_ms):
    """Cases: the clock was set back; the length of windows was changed, and a new one must not overlap a published
    one."""
    stored = {}
    windows(stored).published(T)
    made = windows(stored, length_ms=length_ms)
    assert T % (4 * HOUR) == 0
    assert made.start_of(Closing(time_ms=T + 5), T + 5) == start_ms
    made.add("acme", Closing(time_ms=T + 5), T)
    assert made.over(T + 99 * HOUR) == {}


class Sender:
    """A broker that answers with these errors before it takes anything."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.sent = []
        self.took = asyncio.Event()

    async def send(self, records):
        if self.errors:
            raise self.errors.pop()
        self.sent.append(sorted(record.key.decode() for record in records))
        self.took.set()


@pytest.mark.parametrize("errors", [(), (BrokerError("away"),)], ids=["at once", "after the broker was away"])
async def test_every_window_that_is_over_is_published_once_and_what_was_counted_is_safe_before(errors):
    stored, sender, flushed = {}, Sender(*errors), []
    made = windows(stored)
    counted(made, "acme", 5)
    counted(made, "acme", 5, at_ms=T + HOUR)

    async def flush():
        flushed.append(len(sender.sent))

    publishing = asyncio.create_task(publish_windows(made, sender, flush, lambda: T + HOUR + GRACE_MS))
    async with asyncio.timeout(20):
        await sender.took.wait()
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
    assert sender.sent == [[f"*/{T}", f"acme/{T}"]]
    assert set(flushed) == {0}
    assert list(made.over(T + 99 * HOUR)) == [T + HOUR]
    assert windows(stored).has_published(T)


async def test_what_nobody_here_can_mend_ends_it_and_the_counts_stay():
    made = windows()
    counted(made, "acme", 5)

    async def flush():
        pass

    with pytest.raises(ForbiddenError):
        await publish_windows(made, Sender(ForbiddenError("may not write")), flush, lambda: T + 2 * HOUR)
    assert made.over(T + 2 * HOUR)[T]["acme"].calls == 5

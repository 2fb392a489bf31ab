"""How late a record may say it is."""

import pytest

from deid_stream.kafka.record import InRecord
from deid_stream.worker.ceiling import MAX_AHEAD_MS, Ceiling

WALL_MS = 1_700_000_000_000
BEHIND_MS = 170_000
"""A wall clock that is set back."""


def coming(*records: tuple[str, int]) -> list[InRecord]:
    return [
        InRecord(
            topic="calls.audio",
            partition=0,
            offset=offset,
            timestamp=WALL_MS + after_ms,
            key=call.encode(),
            value=b"",
            headers=(),
        )
        for offset, (call, after_ms) in enumerate(records)
    ]


@pytest.mark.parametrize(
    ("records", "agreed_after_ms", "expected_after_ms"),
    [
        pytest.param([("a", BEHIND_MS), ("b", BEHIND_MS + 20)], None, BEHIND_MS, id="nobody has agreed"),
        pytest.param([("a", BEHIND_MS + 900), ("b", BEHIND_MS)], -60_000, BEHIND_MS, id="the earliest counts"),
        pytest.param([("a", BEHIND_MS), ("a", BEHIND_MS + 20)], None, 0, id="one call may be wrong"),
        pytest.param([("a", BEHIND_MS), ("b", 20)], None, 0, id="another agrees"),
        pytest.param([("a", 14_000), ("b", 14_000)], 4_500, 0, id="somebody agreed just now"),
        pytest.param([("a", MAX_AHEAD_MS), ("b", MAX_AHEAD_MS)], None, 0, id="two clocks may differ so much"),
        pytest.param([("a", -9_000), ("b", -8_000)], None, 0, id="a backlog"),
    ],
)
def test_records_that_are_ahead_are_believed_where_several_calls_say_so(
    records: list[tuple[str, int]], agreed_after_ms: int | None, expected_after_ms: int
) -> None:
    ceiling = Ceiling()
    ceiling.look(WALL_MS)
    if agreed_after_ms is not None:
        ceiling.agree(WALL_MS + agreed_after_ms)
    ceiling.judge(coming(*records))
    assert ceiling.ms == WALL_MS + expected_after_ms + MAX_AHEAD_MS


def test_it_never_goes_down() -> None:
    ceiling = Ceiling()
    ceiling.look(WALL_MS)
    ceiling.look(WALL_MS - BEHIND_MS)
    assert ceiling.ms == WALL_MS + MAX_AHEAD_MS

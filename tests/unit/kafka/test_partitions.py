"""Where a group member's partitions stand, and what of a reading counts after somebody changed one meanwhile."""

from collections.abc import Callable

import pytest

from deid_stream.kafka.clients.rd.partitions import PartitionTable, Plan, Turn
from deid_stream.kafka.record import InRecord, Place

A, B = Place("calls", 0), Place("audio", 0)


def records(place: Place, first: int, last: int) -> list[InRecord]:
    return [InRecord(*place, offset, 0, None, b"") for offset in range(first, last + 1)]


def turn(plan: Plan, **fields: object) -> Turn:
    return Turn(epochs={place: start.epoch for place, start in plan.items()}, **fields)  # type: ignore[arg-type]


def given(*places: Place, at: int | None = 10) -> PartitionTable:
    table = PartitionTable()
    table.give(places)
    if at is not None:
        for place in places:
            table.seek(place, at)
    return table


def again(table: PartitionTable) -> None:
    table.give([A, B])
    table.seek(A, 10)


def lost(table: PartitionTable) -> None:
    table.take([A])


CHANGES: list[tuple[str, Callable[[PartitionTable], object], int | None, bool]] = [
    ("nothing", lambda table: None, 12, True),
    ("a pause that was there already", lambda table: table.resume([A]), 12, True),
    ("another partition's pause", lambda table: table.pause([B]), 12, True),
    ("a pause", lambda table: table.pause([A]), 10, False),
    ("a pause and a resume", lambda table: (table.pause([A]), table.resume([A])), 10, False),
    ("a seek", lambda table: table.seek(A, 7), 7, False),
    ("a seek to where it stands", lambda table: table.seek(A, 10), 10, False),
    ("a reading that was lost", lambda table: table.again(), 10, False),
    ("taken away", lost, None, False),
    ("taken away and given again", again, 10, False),
]


@pytest.mark.parametrize(
    ("change", "position", "counts"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES]
)
def test_a_reading_counts_only_where_nothing_changed_meanwhile(
    change: Callable[[PartitionTable], object], position: int | None, counts: bool
) -> None:
    table = given(A, B)
    plan = table.plan()
    change(table)
    found = table.took(turn(plan, records={A: records(A, 10, 11)}, ends={A: 12}))
    assert (A in found) is counts
    assert table.position(A) == position
    assert table.at_end(A) is counts


def test_the_plan_names_what_is_read_from_where_it_stands() -> None:
    table = given(A, B)
    assert {place: start.offset for place, start in table.plan().items()} == {A: 10, B: 10}
    assert table.plan() is table.plan()
    table.took(turn(table.plan(), records={A: records(A, 10, 14)}))
    table.pause([A])
    assert {place: start.offset for place, start in table.plan().items()} == {B: 10}
    assert table.paused() == {A}
    table.resume([A])
    assert {place: start.offset for place, start in table.plan().items()} == {A: 15, B: 10}


def test_a_change_while_paused_is_kept_until_it_is_read_again() -> None:
    table = given(A, at=None)
    table.pause([A])
    assert table.plan() == {}
    assert table.seek(A, 5)
    assert (table.plan(), table.position(A), table.paused()) == ({}, 5, {A})
    table.resume([A])
    assert table.plan()[A].offset == 5


def test_where_nobody_said_reading_begins_where_the_group_stands() -> None:
    table = given(A, B, at=None)
    plan = table.plan()
    assert plan[A].offset is None
    assert table.position(A) is None
    assert table.seek(B, 3)
    table.took(turn(plan, found={A: 8, B: 8}))
    assert (table.position(A), table.position(B)) == (8, 3)
    assert table.plan()[A].epoch == plan[A].epoch, "it is being read already"


def test_an_end_lies_behind_what_is_never_given_and_is_left_by_the_next_record() -> None:
    table = given(A)
    table.took(turn(table.plan(), records={A: records(A, 10, 11)}, ends={A: 13}))
    assert (table.position(A), table.at_end(A)) == (13, True)
    table.took(turn(table.plan(), records={A: records(A, 13, 13)}))
    assert (table.position(A), table.at_end(A)) == (14, False)


def test_of_a_damaged_batch_each_record_is_told_and_reading_starts_again_behind_it() -> None:
    table = given(A)
    damaged = InRecord(*A, 12, 0, None, None, (), "codec")
    found = []
    for records_before in (records(A, 10, 11), None, None):
        fields = {"records": {A: records_before}} if records_before else {}
        epoch = table.plan()[A].epoch
        batch = table.took(turn(table.plan(), damaged={A: damaged}, **fields))[A]
        assert table.plan()[A].epoch != epoch
        found += [(record.offset, record.unreadable) for record in batch]
    assert found == [(10, ""), (11, ""), (12, "codec"), (13, "codec"), (14, "codec")]
    assert table.plan()[A].offset == 15


def test_what_is_not_ours_is_passed_over() -> None:
    table = given(A)
    assert not table.seek(B, 0)
    table.pause([B])
    table.resume([B])
    assert B not in table
    assert (table.places(), table.paused(), table.position(B), table.at_end(B)) == ({A}, set(), None, False)

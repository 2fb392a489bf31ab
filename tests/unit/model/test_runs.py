"""Sequence numbers as runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.model.outputs import SeqRange
from deid_stream.model.runs import Runs


def numbers(runs):
    return {(known.channel, seq) for known in runs.ranges() for seq in range(known.first, known.last + 1)}


@given(st.lists(st.tuples(st.sampled_from([None, 0, 1]), st.integers(0, 40))))
def test_every_number_that_was_noted_is_in_a_run(noted):
    runs = Runs()
    for channel, seq in noted:
        runs.note(channel, seq)
    assert numbers(runs) == set(noted)
    assert numbers(Runs(runs.ranges())) == set(noted)


@pytest.mark.parametrize(
    ("known", "added", "expected"),
    [
        ([], (3, 5), [(3, 5)]),
        ([(0, 2)], (3, 5), [(0, 5)]),
        ([(0, 2)], (4, 5), [(0, 2), (4, 5)]),
        ([(0, 2), (6, 8)], (1, 7), [(0, 8)]),
        ([(4, 9)], (5, 6), [(4, 9)]),
    ],
)
def test_runs_that_touch_become_one(known, added, expected):
    runs = Runs(SeqRange(0, *run) for run in known)
    runs.add(SeqRange(0, *added))
    assert runs.ranges() == tuple(SeqRange(0, *run) for run in expected)


def test_a_call_without_records_is_empty():
    assert not Runs()
    assert Runs([SeqRange(None, 0, 0)])

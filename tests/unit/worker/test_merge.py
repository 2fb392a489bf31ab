"""Three topics advanced together in record time."""

from collections import namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.model.topics import AUDIO_KIND, EVENTS_KIND, INPUT_KINDS, TRANSCRIPTS_KIND
from deid_stream.units import FOREVER_MS
from deid_stream.worker.merge import Merge

Record = namedtuple("Record", "offset timestamp value key")
ALL = frozenset(INPUT_KINDS)


def records(*times):
    return [Record(offset, time, b"x" * 10, b"call") for offset, time in enumerate(times)]


def taken(merge, limit=100, ceiling=FOREVER_MS, skip=None):
    return [(time, kind) for time, kind, _ in merge.take(limit, ceiling, skip=skip)]


def test_records_come_in_record_time_events_first():
    merge = Merge()
    merge.feed(AUDIO_KIND, records(10, 20, 30))
    merge.feed(TRANSCRIPTS_KIND, records(20))
    merge.feed(EVENTS_KIND, records(20, 40))
    merge.at_end(ALL)
    assert taken(merge) == [
        (10, AUDIO_KIND),
        (20, EVENTS_KIND),
        (20, TRANSCRIPTS_KIND),
        (20, AUDIO_KIND),
        (30, AUDIO_KIND),
        (40, EVENTS_KIND),
    ]


def test_a_topic_that_is_behind_holds_the_others_back():
    merge = Merge()
    merge.feed(AUDIO_KIND, records(10, 20, 30))
    merge.feed(TRANSCRIPTS_KIND, records(15))
    merge.at_end(frozenset({EVENTS_KIND}))
    assert taken(merge) == [(10, AUDIO_KIND), (15, TRANSCRIPTS_KIND)]
    assert taken(merge) == []
    merge.at_end(frozenset({EVENTS_KIND, TRANSCRIPTS_KIND}))
    assert taken(merge) == [(20, AUDIO_KIND), (30, AUDIO_KIND)]


def test_nothing_is_taken_before_every_topic_has_been_heard_of():
    merge = Merge()
    merge.feed(AUDIO_KIND, records(10))
    assert taken(merge) == []


def test_time_within_a_topic_never_goes_back():
    merge = Merge()
    merge.feed(AUDIO_KIND, records(30, 10, 40))
    merge.at_end(ALL)
    assert taken(merge) == [(30, AUDIO_KIND), (30, AUDIO_KIND), (40, AUDIO_KIND)]


def test_a_clock_that_runs_ahead_is_cut_at_the_ceiling():
    merge = Merge()
    merge.feed(AUDIO_KIND, records(10, 9_000, 20))
    merge.at_end(ALL)
    assert taken(merge, ceiling=100) == [(10, AUDIO_KIND), (100, AUDIO_KIND), (100, AUDIO_KIND)]


def test_a_skipped_topic_neither_comes_nor_holds_back():
    merge = Merge()
    merge.feed(AUDIO_KIND, records(10))
    merge.feed(TRANSCRIPTS_KIND, records(50))
    merge.at_end(frozenset({EVENTS_KIND, TRANSCRIPTS_KIND}))
    assert taken(merge, skip=AUDIO_KIND) == [(50, TRANSCRIPTS_KIND)]
    assert merge.waiting(AUDIO_KIND) == 1


def test_bytes_and_records_are_those_waiting():
    merge = Merge()
    merge.feed(AUDIO_KIND, records(1, 2, 3))
    merge.at_end(ALL)
    taken(merge, 2, FOREVER_MS)
    assert (merge.bytes[AUDIO_KIND], merge.records) == (10, 1)
    assert not merge.idle
    (_, kind, record), *_ = merge.take(1, FOREVER_MS)
    assert (merge.bytes[AUDIO_KIND], merge.records) == (0, 0)
    assert merge.idle
    merge.put_back(kind, record)
    assert (merge.bytes[AUDIO_KIND], merge.records) == (10, 1)
    assert not merge.idle


@pytest.mark.parametrize("limit", [1, 2, 7])
@given(st.lists(st.tuples(st.sampled_from(INPUT_KINDS), st.integers(0, 50)), max_size=40))
def test_batch_borders_change_nothing(limit, source):
    whole, cut = Merge(), Merge()
    for kind in INPUT_KINDS:
        own = records(*(time for k, time in source if k == kind))
        whole.feed(kind, own)
        cut.feed(kind, own)
    whole.at_end(ALL)
    cut.at_end(ALL)
    pieces = []
    while piece := list(cut.take(limit, FOREVER_MS)):
        pieces += piece
    everything = list(whole.take(1_000, FOREVER_MS))
    assert pieces == everything
    times = [time for time, *_ in everything]
    assert times == sorted(times)
    assert len(everything) == len(source)


T_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


def keyed(spec):
    """``a0 b3600 a1``: call and seconds."""
    return [
        Record(offset, T_MS + int(word[1:]) * 1_000, b"x", word[:1].encode())
        for offset, word in enumerate(spec.split())
    ]


@pytest.mark.parametrize(
    ("spec", "expected_s"),
    [
        # one leap among records that do not bear it out
        ("a0 b1 c3600 a2 b3 a4", [0, 1, 2, 2, 3, 4]),
        ("c3600 a0 b1 a2", [0, 0, 1, 2]),
        # a night without calls
        ("a0 a1 b3600 b3601 b3602", [0, 1, 3600, 3601, 3602]),
        # one call that is ahead, among others
        ("a0 z3600 b1 z3601 a2 z3602 b3", [0, 1, 1, 2, 2, 3, 3]),
        # one call that is behind, among several others
        ("a3600 z0 b3601 z1 a3602 z2 b3603", [3600, 3600, 3601, 3601, 3602, 3602, 3603]),
        # a small step needs no witness
        ("a0 b4 a1 b8", [0, 4, 4, 8]),
        # nothing behind it: it is believed
        ("a0 b3600", [0, 3600]),
    ],
)
def test_a_leap_counts_as_far_as_the_records_behind_it_bear_it_out(spec, expected_s):
    merge = Merge()
    merge.feed(AUDIO_KIND, keyed(spec))
    merge.at_end(ALL)
    assert [(time - T_MS) // 1_000 for time, _ in taken(merge)] == expected_s


def test_a_leap_in_one_topic_does_not_put_the_others_before_it():
    merge = Merge()
    merge.feed(AUDIO_KIND, records(T_MS, T_MS + HOUR_MS, T_MS + 20, T_MS + 40))
    merge.feed(TRANSCRIPTS_KIND, records(T_MS + 10, T_MS + 30, T_MS + 1_000))
    merge.at_end(ALL)
    assert [kind[0] for _, kind in taken(merge)] == ["a", "t", "a", "a", "t", "a", "t"]


def test_what_is_put_back_comes_again_at_the_same_time_and_in_the_same_order():
    fed = {"events": [1, 5], "transcripts": [2, 6], "audio": [3, 4, 7]}

    def filled():
        merge = Merge()
        for kind, times in fed.items():
            merge.feed(kind, records(*times))
        merge.at_end(frozenset(fed))
        return merge

    whole = list(filled().take(100, 1_000))
    for kept in range(len(whole)):
        merge = filled()
        coming = merge.take(100, 1_000)
        before = [next(coming) for _ in range(kept)]
        _, kind, record = next(coming)
        merge.put_back(kind, record)
        assert merge.bytes == {k: sum(len(r.value or b"") for t, kd, r in whole[kept:] if kd == k) for k in fed}
        assert before + list(merge.take(100, 1_000)) == whole


def test_only_what_is_asked_for_is_taken():
    merge = Merge()
    merge.feed(AUDIO_KIND, records(1, 2, 3))
    merge.at_end(ALL)
    coming = merge.take(3, FOREVER_MS)
    assert next(coming)[0] == 1
    assert merge.waiting(AUDIO_KIND) == 2
    assert [time_ms for time_ms, *_ in merge.take(9, FOREVER_MS)] == [2, 3]

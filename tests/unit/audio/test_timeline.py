"""Chunks by media time: order, repeats, gaps, overlaps, quiet stretches, release."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.audio.codec import pcm
from deid_stream.audio.hold.reader import MAX_READ_MS
from deid_stream.audio.hold.timeline import Placement, Timeline
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioChunk, AudioFormat, Encoding
from deid_stream.units import Interval

FORMAT = AudioFormat(Encoding.PCM16LE, 8000)
LOUD = np.full(800, 5000, np.int16)
QUIET = np.zeros(800, np.int16)
WEEK_MS = 7 * 24 * 3_600_000


def chunk(seq, offset_ms=None, samples=LOUD, fmt=FORMAT, offset=-1, data=None):
    return AudioChunk(
        call_id="c",
        customer_id="k",
        seq=seq,
        offset_ms=seq * 100 if offset_ms is None else offset_ms,
        format=fmt,
        data=pcm.encode(samples, fmt) if data is None else data,
        offset=offset,
    )


def filled(*chunks):
    timeline = Timeline(FORMAT)
    for each in chunks:
        timeline.add(each)
    return timeline


def test_chunks_in_order_are_held_and_released_whole():
    timeline = filled(*(chunk(seq) for seq in range(5)))
    assert (timeline.arrived_until_ms, timeline.end_ms, len(timeline)) == (500, 500, 5)
    assert [c.seq for c in timeline.pop_until(299)] == [0, 1]
    assert [c.seq for c in timeline.pop_until(300)] == [2]
    assert len(timeline) == 2
    assert timeline.arrived_until_ms == 500


@pytest.mark.parametrize(
    ("part", "frames"), [((0, 500), 4000), ((110, 120), 80), ((190, 210), 160), ((450, 600), 400), ((500, 600), 0)]
)
def test_only_what_is_asked_for_is_decoded(monkeypatch, part, frames):
    timeline = filled(*(chunk(seq) for seq in range(5)))
    decoded, decode = [], pcm.decode
    monkeypatch.setattr(pcm, "decode", lambda data, fmt: decoded.append(len(data) // 2) or decode(data, fmt))
    timeline.pcm(0, *part)
    assert sum(decoded) == frames


@pytest.mark.parametrize(
    ("second", "placement"),
    [
        (chunk(0), Placement.REPEAT),
        (chunk(0, offset_ms=700), Placement.REPEAT),
        (chunk(7, offset_ms=0), Placement.REPEAT),
        (chunk(1), Placement.HELD),
        (chunk(7, offset_ms=50), Placement.HELD),
        (chunk(7, offset_ms=900), Placement.HELD),
    ],
)
def test_a_repeat_is_the_same_seq_or_the_same_interval(second, placement):
    assert filled(chunk(0)).add(second) is placement


def test_after_release_the_same_chunk_is_a_repeat_and_another_is_late():
    timeline = filled(chunk(0), chunk(2), chunk(3))
    timeline.pop_until(400)
    assert timeline.add(chunk(2)) is Placement.REPEAT
    assert timeline.add(chunk(1)) is Placement.LATE
    assert timeline.add(chunk(4)) is Placement.HELD


def test_out_of_order_is_put_back_by_media_time():
    timeline = filled(chunk(0), chunk(2), chunk(3))
    assert timeline.arrived_until_ms == 100
    timeline.add(chunk(1))
    assert timeline.arrived_until_ms == 400
    assert [c.seq for c in timeline.pop_until(400)] == [0, 1, 2, 3]


def test_the_second_chunk_may_come_first():
    timeline = filled(chunk(1), chunk(0))
    assert timeline.arrived_until_ms == 200
    assert [c.seq for c in timeline.pop_until(200)] == [0, 1]


def test_a_gap_stops_arrival_until_it_is_released_over():
    timeline = filled(chunk(0), chunk(1), chunk(5), chunk(6))
    assert (timeline.arrived_until_ms, timeline.end_ms) == (200, 700)
    assert [c.seq for c in timeline.pop_until(600)] == [0, 1, 5]
    assert timeline.arrived_until_ms == 700


def test_a_gap_is_silent_and_shifts_nothing():
    timeline = filled(chunk(0), chunk(2))
    samples = timeline.pcm(0, 50, 250)
    assert samples[:400].all()
    assert not samples[400:1200].any()
    assert samples[1200:].all()


def test_audio_may_begin_late_in_the_call():
    timeline = filled(chunk(90, offset_ms=9000))
    assert timeline.arrived_until_ms == 9100
    assert not timeline.pcm(0, 8000, 9000).any()


def test_offsets_rounded_to_milliseconds_are_no_gap():
    fmt = AudioFormat(Encoding.PCM16LE, 44100)
    timeline = Timeline(fmt)
    for seq in range(200):
        timeline.add(chunk(seq, offset_ms=round(seq * 1024 / 44.1), samples=np.full(1024, 7, np.int16), fmt=fmt))
    assert timeline.arrived_until_ms == timeline.end_ms
    assert timeline.quiet_until(0, 0) == timeline.end_ms


@pytest.mark.parametrize(
    "bad",
    [
        chunk(1, data=b""),
        chunk(1, data=b"\0\0\0"),
        chunk(1, offset_ms=-5),
        chunk(1, fmt=AudioFormat(Encoding.PCM16LE, 16000)),
        chunk(1, fmt=AudioFormat(Encoding.MULAW, 8000)),
    ],
)
def test_malformed_chunks_are_refused_and_leave_no_trace(bad):
    timeline = filled(chunk(0))
    with pytest.raises(AudioFormatError):
        timeline.add(bad)
    assert (len(timeline), timeline.end_ms) == (1, 100)
    assert timeline.add(chunk(1)) is Placement.HELD


@pytest.mark.parametrize("true_rate_hz", [16000, 48000, 8000])
def test_a_header_with_the_wrong_rate_is_found_out_by_the_spacing(true_rate_hz):
    fmt = AudioFormat(Encoding.PCM16LE, 24000)
    timeline = Timeline(fmt)
    spoken = np.full(true_rate_hz // 10, 5000, np.int16)
    for seq in range(4):
        assert timeline.add(chunk(seq, samples=spoken, fmt=fmt)) is Placement.HELD
    for seq in range(4, 20):
        with pytest.raises(AudioFormatError, match="24000 Hz"):
            timeline.add(chunk(seq, samples=spoken, fmt=fmt))
    timeline.pop_until(timeline.end_ms)
    with pytest.raises(AudioFormatError, match="24000 Hz"):
        timeline.add(chunk(20, samples=spoken, fmt=fmt))


@pytest.mark.parametrize(
    "offsets_ms",
    [[n * 200 for n in range(4)], [n * 130 for n in range(20)], [n * 100 + 50 * (n > 9) for n in range(20)]],
    ids=["three gaps", "gaps of no rate", "one gap"],
)
def test_gaps_alone_do_not_make_a_rate_wrong(offsets_ms):
    timeline = filled(*(chunk(seq, offset_ms=offset_ms) for seq, offset_ms in enumerate(offsets_ms)))
    assert len(timeline) == len(offsets_ms)


def test_quiet_runs_end_at_loud_chunks_and_at_gaps():
    timeline = filled(
        chunk(0, samples=QUIET), chunk(1, samples=QUIET), chunk(2), chunk(3, samples=QUIET), chunk(5, samples=QUIET)
    )
    asked = {0: 200, 150: 200, 200: 200, 250: 250, 300: 400, 400: 400, 450: 450, 500: 600, 600: 600}
    assert {ms: timeline.quiet_until(0, ms) for ms in asked} == asked


@pytest.mark.parametrize("fmt", [AudioFormat(Encoding.MULAW, 8_000), AudioFormat(Encoding.ALAW, 8_000), FORMAT])
@pytest.mark.parametrize("size", [1, 49, 50, 160, 800])
def test_one_loud_sample_wherever_it_is_makes_a_chunk_loud(fmt, size):
    for at in (None, *range(0, size, 7), size - 1):
        samples = np.zeros(size, np.int16)
        if at is not None:
            samples[at] = -3_000
        timeline = Timeline(fmt)
        timeline.add(chunk(0, fmt=fmt, samples=samples))
        assert (timeline.quiet_until(0, 0) > 0) == (at is None and size >= 8), at


def test_interleaved_channels_have_quiet_runs_of_their_own():
    stereo = AudioFormat(Encoding.PCM16LE, 8_000, 2)
    timeline = Timeline(stereo)
    for seq, loud in enumerate(((), (0,), (1,), (0, 1))):
        samples = np.zeros((800, 2), np.int16)
        samples[:, loud] = 3_000
        timeline.add(chunk(seq, fmt=stereo, samples=samples))
    assert [timeline.quiet_until(0, ms) for ms in (0, 100, 200, 300)] == [100, 100, 300, 300]
    assert [timeline.quiet_until(1, ms) for ms in (0, 100, 200, 300)] == [200, 200, 200, 300]


def test_quiet_runs_are_mended_by_out_of_order_chunks_and_shortened_by_release():
    timeline = filled(chunk(0, samples=QUIET), chunk(2, samples=QUIET), chunk(1, samples=QUIET))
    assert timeline.quiet_until(0, 0) == 300
    timeline.pop_until(200)
    assert timeline.quiet_until(0, 200) == 300


def test_a_loud_overlap_breaks_quiet():
    timeline = filled(chunk(0, samples=QUIET), chunk(1, samples=QUIET), chunk(9, offset_ms=50))
    assert timeline.quiet_until(0, 0) == 50


def test_first_offset_is_the_oldest_record_still_needed():
    timeline = filled(chunk(1, offset=40), chunk(0, offset=41), chunk(2, offset=42))
    assert timeline.first_offset == 40
    timeline.pop_until(100)
    assert timeline.first_offset == 40
    timeline.pop_until(200)
    assert timeline.first_offset == 42
    timeline.pop_until(300)
    assert timeline.first_offset == -1


def test_interleaved_channels_are_read_apart():
    fmt = AudioFormat(Encoding.MULAW, 8000, 2)
    timeline = Timeline(fmt)
    timeline.add(chunk(0, samples=np.stack([LOUD, QUIET], axis=1), fmt=fmt))
    assert timeline.pcm(0, 0, 100).all()
    assert not timeline.pcm(1, 0, 100).any()


@given(st.permutations(list(range(12))), st.lists(st.integers(0, 11), max_size=6))
def test_order_and_repeats_do_not_matter(order, repeats):
    def speech(seq):
        return np.arange(seq * 800, seq * 800 + 800).astype(np.int16)

    timeline = filled(*(chunk(seq, samples=speech(seq)) for seq in [*order, *repeats]))
    assert timeline.arrived_until_ms == 1200
    assert np.array_equal(timeline.pcm(0, 0, 1200), np.arange(9600).astype(np.int16))
    assert [c.seq for c in timeline.pop_until(1200)] == list(range(12))


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=20))
def test_how_the_stream_is_cut_does_not_matter(milliseconds):
    timeline, at = Timeline(FORMAT), 0
    whole = np.arange(sum(milliseconds) * 8).astype(np.int16)
    for seq, length in enumerate(milliseconds):
        timeline.add(chunk(seq, offset_ms=at, samples=whole[at * 8 : (at + length) * 8]))
        at += length
    assert timeline.arrived_until_ms == timeline.end_ms == at
    assert np.array_equal(timeline.pcm(0, 0, at), whole)


@pytest.mark.parametrize("span", [(0, WEEK_MS), (-WEEK_MS, 0), (WEEK_MS, 2 * WEEK_MS)])
def test_what_is_claimed_does_not_decide_how_much_is_read(span):
    timeline = filled(chunk(0))
    assert len(timeline.pcm(0, *span)) <= MAX_READ_MS * 8


def test_the_next_held_sound_is_found_over_any_gap():
    timeline = filled(chunk(0, 100), chunk(1, WEEK_MS))
    assert [timeline.held_from(ms) for ms in (0, 150, 200, WEEK_MS + 50, WEEK_MS + 100)] == [
        100, 150, WEEK_MS, WEEK_MS + 50, None
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ((0, 900), [(200, 400), (500, 600)]),
        ((250, 450), [(250, 400)]),
        ((220, 580), [(220, 400), (500, 580)]),
        ((250, 350), [(250, 350)]),
        ((0, 200), []),
        ((400, 500), []),
        ((600, 2_000), []),
        ((900, 2_000), []),
    ],
    ids=[
        "all", "part of one", "parts of two", "within one", "before them", "between them", "to beyond the end",
        "beyond the end",
    ],
)  # fmt: skip
def test_what_never_came_lies_between_held_chunks(asked, missing):
    timeline = filled(*(chunk(seq) for seq in (0, 1, 4, 6, 7, 8)))
    assert timeline.missing(Interval(*asked)) == [Interval(*part) for part in missing]


def test_chunks_that_meet_within_a_rounding_miss_nothing():
    assert filled(chunk(0), chunk(1, offset_ms=101)).missing(Interval(0, 300)) == []
    assert Timeline(FORMAT).missing(Interval(0, 300)) == []

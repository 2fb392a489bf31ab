"""An excerpt says what its reader says, wherever it is asked."""

import numpy as np
import pytest

from deid_stream.audio.hold.reader import (
    FRAME_MS,
    MAX_READ_MS,
    Excerpt,
    Recording,
    frame_peaks,
    loud_frames,
    or_missing,
)
from deid_stream.units import Interval

RATE_HZ = 8000
SOUND = np.random.default_rng(3).integers(-20_000, 20_000, (4003, 2), np.int16)
"""500 ms and three samples."""
WHOLE = Recording(SOUND, RATE_HZ)


@pytest.mark.parametrize("part", [(0, 500), (100, 300), (-50, 200), (300, 900), (700, 900), (0, MAX_READ_MS + 1)])
@pytest.mark.parametrize(
    "asked", [(0, 0), (0, 10), (100, 300), (90, 110), (290, 310), (490, 501), (450, 1200), (-60, -20)]
)
@pytest.mark.parametrize("channel", [0, 1])
def test_samples_are_the_readers(part, asked, channel):
    excerpt = Excerpt(WHOLE, 0, Interval(*part))
    assert excerpt.pcm(channel, *asked).tolist() == WHOLE.pcm(channel, *asked).tolist()


def test_what_is_held_and_the_line_are_the_readers():
    excerpt = Excerpt(WHOLE, 1, Interval(100, 300))
    assert excerpt.held(1) == Interval(0, 500)
    assert excerpt.rate_hz == RATE_HZ
    assert excerpt.line(1, 400) == WHOLE.line(1, 400)


def test_its_part_is_read_once():
    asked = []

    class Counting(Recording):
        def pcm(self, channel, start_ms, end_ms):
            asked.append((start_ms, end_ms))
            return super().pcm(channel, start_ms, end_ms)

    excerpt = Excerpt(Counting(SOUND, RATE_HZ), 0, Interval(100, 300))
    for start_ms in range(100, 290, 10):
        excerpt.pcm(0, start_ms, start_ms + 10)
    assert asked == [(100, 300)]


@pytest.mark.parametrize("gaps", [[], [Interval(150, 180)], [Interval(100, 120), Interval(280, 300)]])
@pytest.mark.parametrize("asked", [(100, 300), (90, 310), (120, 150), (170, 290), (310, 400)])
@pytest.mark.parametrize("channel", [0, 1])
def test_what_never_came_is_the_readers(gaps, asked, channel):
    class Broken(Recording):
        def missing(self, channel, part):
            found = [gap.intersect(part) for gap in ([Interval(305, 320), *gaps] if channel == 0 else [Interval(0, 9)])]
            return [gap for gap in found if gap.length]

    reader = Broken(SOUND, RATE_HZ)
    excerpt = Excerpt(reader, 0, Interval(100, 300))
    assert excerpt.missing(channel, Interval(*asked)) == reader.missing(channel, Interval(*asked))


def test_whether_any_of_its_part_never_came_is_asked_once():
    asked = []

    class Counting(Recording):
        def missing(self, channel, part):
            asked.append(part)
            return []

    excerpt = Excerpt(Counting(SOUND, RATE_HZ), 0, Interval(100, 300))
    for start_ms in range(100, 290, 10):
        excerpt.missing(0, Interval(start_ms, start_ms + 10))
    assert asked == [(100, 300)]


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100])
@pytest.mark.parametrize("part", [(0, 500), (100, 300), (37, 9_000), (-50, 200), (700, 900)])
@pytest.mark.parametrize("asked", [(0, 0), (100, 20), (101, 19), (290, 3), (43, 60), (450, 150), (480, 99), (-60, 4)])
@pytest.mark.parametrize("channel", [0, 1])
def test_the_peaks_of_frames_are_the_readers(rate_hz, part, asked, channel):
    sound = SOUND.repeat(-(-rate_hz // RATE_HZ), axis=0)
    sound[40] = sound[1_000] = np.iinfo(np.int16).min
    whole = Recording(sound, rate_hz)
    start_ms, count = asked
    size = FRAME_MS * rate_hz // 1000
    samples = np.pad(whole.pcm(channel, start_ms, start_ms + count * FRAME_MS).astype(np.int32), (0, size))
    expected = np.abs(samples[: count * size]).reshape(count, size).max(axis=1, initial=0).tolist()
    assert frame_peaks(whole, channel, start_ms, count).tolist() == expected
    excerpt = Excerpt(whole, 0, Interval(*part))
    assert frame_peaks(excerpt, channel, start_ms, count).tolist() == expected
    for peak in (0, 64, 400, 0):
        louder = excerpt.louder(channel, start_ms, count, peak)
        assert louder in (None, bytes(value > peak for value in expected))
        assert (louder is None) == (excerpt.peaks(channel, start_ms, count) is None)
    loud = bytes(value > whole.line(channel, start_ms).pause_peak for value in expected)
    assert loud_frames(whole, channel, start_ms, count) == loud_frames(excerpt, channel, start_ms, count) == loud


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ([], "01000010"),
        ([(120, 140)], "01110010"),
        ([(125, 131)], "01110010"),
        ([(100, 110), (170, 180)], "11000011"),
        ([(160, 195)], "01000011"),
        ([(180, 190)], "01000010"),
    ],
)
def test_frames_that_never_came_may_have_sounded(missing, expected):
    class Lacking(Recording):
        def missing(self, channel, part):
            return [Interval(*lacking) for lacking in missing]

    frames = or_missing(bytes(map(int, "01000010")), Lacking(SOUND, RATE_HZ), 0, 100)
    assert "".join(map(str, frames)) == expected

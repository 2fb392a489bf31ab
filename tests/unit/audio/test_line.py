"""How loud a line's speech and noise are, from what was heard lately."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.audio.codec import pcm
from deid_stream.audio.hear import vad
from deid_stream.audio.hold.line import LOOK_EVERY_MS, Line, LineState, frame_levels_db
from deid_stream.audio.hold.reader import Recording
from deid_stream.audio.hold.timeline import Timeline
from deid_stream.model.events import AudioChunk, AudioFormat, Encoding
from deid_stream.units import Interval

from .sounds import joined, noise, silent, voice


def line(*looks):
    """A line that was heard to peak at so much, second by second; a square wave, so its level is its peak."""
    found = Line()
    for second, peak in enumerate(looks):
        found.hear([1000 * second], np.array([[peak, -peak] * 400], np.int16), 8000)
    return found


LOUD = [8000] * 10


@pytest.mark.parametrize(
    ("looks", "at_ms", "quiet_peak", "faint_peak"),
    [
        ([], 5_000, 8, 8),
        ([8000], 99, 8, 8),
        ([8000], 100, 8, 64),
        (LOUD, 9_500, 8, 64),
        ([8000, *[0] * 8], 9_000, 8, 64),
        ([8000, *[3] * 8], 9_000, 16, 64),
        ([8000, *[3] * 7], 7_500, 16, 64),
        ([8000, *[3] * 5], 6_000, 8, 64),
        ([8000, *[8] * 8], 9_000, 40, 64),
        ([8000, *[8] * 7, 0], 9_000, 8, 64),
        ([8000, *[20] * 8], 9_000, 8, 64),
        ([200, *[8] * 8], 9_000, 16, 16),
        ([60, 50, 60], 5_000, 8, 8),
        ([640, 0, 0], 5_000, 8, 64),
        ([8000, *[8] * 30], 60_000, 8, 8),
    ],
    ids=[
        "nothing heard", "not yet", "loud", "long loud", "without noise", "soft noise", "soon enough", "too soon",
        "more noise", "noise that ended", "more noise than can be quiet", "a soft line with noise", "a soft line",
        "a louder line", "long soft",
    ],
)  # fmt: skip
def test_only_the_lines_own_noise_is_quiet(looks, at_ms, quiet_peak, faint_peak):
    level = line(*looks).at(at_ms)
    assert (level.quiet_peak, level.faint_peak) == (quiet_peak, faint_peak)


@pytest.mark.parametrize(
    ("looks", "soft_peak"),
    [([], 64), ([0, 0, 17], 64), ([300] * 5, 64), ([2000] * 5, 200), (LOUD, 400)],
    ids=["nothing heard", "looks that met pauses", "a soft line", "an ordinary line", "a loud line"],
)
def test_what_the_detector_cannot_hear_is_soft_on_every_line(looks, soft_peak):
    assert line(*looks).at(60_000).soft_peak == soft_peak


@pytest.mark.parametrize("peak", [16, 24, 40, 64])
@pytest.mark.parametrize("before_ms", [0, 3000], ids=["first of all", "after silence"])
def test_soft_unvoiced_sound_is_speech_before_anybody_has_spoken_up(peak, before_ms):
    """A whisper: nothing in it repeats itself, and nothing louder was heard yet."""
    rng = np.random.default_rng(peak)
    bursts = [part for _ in range(6) for part in (rng.integers(-peak, peak + 1, 8 * 280), silent(120))]
    sound = joined(silent(before_ms), *bursts, silent(1000)).astype(np.int16)
    speech = vad.speech(Recording(sound[:, None], 8000), 0, Interval(0, len(sound) // 8))
    assert sum(part.length for part in speech) >= 6 * 280


@pytest.mark.parametrize("encoding", [Encoding.ALAW, Encoding.MULAW])
@pytest.mark.parametrize("peak", [24, 40, 8_000])
def test_words_at_every_whole_second_are_no_noise(peak, encoding):
    """Between them it is as quiet as the line can be: at the half seconds that is heard."""
    fmt = AudioFormat(encoding, 8000)
    rng = np.random.default_rng(peak)
    words = [part for _ in range(16) for part in (rng.integers(-peak, peak + 1, 8 * 420), silent(580))]
    sound = pcm.decode(pcm.encode(joined(silent(300), voice(1700, peak=8000), *words).astype(np.int16), fmt), fmt)
    speech = vad.speech(Recording(sound, 8000), 0, Interval(6000, 18_000))
    assert sum(part.length for part in speech) >= 12 * 400


def test_two_lines_in_one_stream_are_looked_at_as_if_they_were_apart():
    fmt = AudioFormat(Encoding.PCM16LE, 8000, 2)
    lines = [joined(voice(2000), noise(8000, rms=6)), joined(voice(10_000))]
    timeline = Timeline(fmt)
    sound = np.stack(lines, axis=1)
    for seq, at in enumerate(range(0, 10_000, 100)):
        data = pcm.encode(sound[8 * at : 8 * (at + 100)], fmt)
        timeline.add(AudioChunk(call_id="c", customer_id="k", seq=seq, offset_ms=at, format=fmt, data=data))
    for channel, sound in enumerate(lines):
        recording = Recording(sound[:, None], 8000)
        assert [timeline.line(channel, ms) for ms in range(0, 10_001, 250)] == [
            recording.line(0, ms) for ms in range(0, 10_001, 250)
        ]


@pytest.mark.parametrize("peak", [16, 60])
def test_a_soft_word_that_the_sound_ends_with_is_speech(peak):
    """The last cell is cut short, and holds no pause to compare with."""
    word = np.random.default_rng(peak).integers(-peak, peak + 1, 8 * 250)
    sound = joined(silent(4 * vad.CELL_MS), word).astype(np.int16)
    speech = vad.speech(Recording(sound[:, None], 8000), 0, Interval(0, len(sound) // 8))
    assert sum(part.length for part in speech) >= 250


def test_what_is_forgotten_changes_nothing_later():
    whole, cut = line(*[100] * 100, 640), line(*[100] * 100, 640)
    cut.forget(95_000)
    assert [cut.at(ms) for ms in range(95_000, 110_000, 500)] == [whole.at(ms) for ms in range(95_000, 110_000, 500)]


@pytest.mark.parametrize("chunk_ms", [20, 70, 100, 1000])
def test_how_the_stream_is_cut_does_not_matter(chunk_ms):
    fmt = AudioFormat(Encoding.PCM16LE, 8000)
    sound = joined(silent(2500), voice(2600, peak=300), noise(3000, rms=20), voice(1900, peak=9000))
    timeline = Timeline(fmt)
    for seq, at in enumerate(range(0, 10_000, chunk_ms)):
        data = pcm.encode(sound[8 * at : 8 * min(10_000, at + chunk_ms)], fmt)
        timeline.add(AudioChunk(call_id="c", customer_id="k", seq=seq, offset_ms=at, format=fmt, data=data))
    recording = Recording(sound[:, None], 8000)
    for at_ms in range(0, 10_001, 250):
        assert timeline.line(0, at_ms) == recording.line(0, at_ms)


@pytest.mark.parametrize("peak", [60, 100, 200])
@pytest.mark.parametrize("encoding", [Encoding.MULAW, Encoding.ALAW, Encoding.PCM16LE])
def test_soft_speech_on_a_soft_line_is_speech(encoding, peak):
    fmt = AudioFormat(encoding, 8000)
    sound = pcm.decode(pcm.encode(joined(silent(2000), voice(2000, peak=peak), silent(2000)), fmt), fmt)
    speech = vad.speech(Recording(sound, 8000), 0, Interval(0, 6000))
    assert sum(part.intersect(Interval(2000, 4000)).length for part in speech) > 1800
    assert sum(part.length for part in speech) < 2300


def low_passed(ms, width, rms):
    white = np.random.default_rng(3).normal(0, 1, 8 * ms + width - 1)
    soft = np.convolve(white, np.ones(width), "valid")
    return (soft / soft.std() * rms).astype(np.int16)


@pytest.mark.parametrize("rms", [40, 400, 1500])
@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_steady_noise_is_not_speech_and_speech_over_it_is(width, rms):
    sound = low_passed(12_000, width, rms)
    said = voice(3000, peak=min(30_000, 40 * rms)).astype(np.int32)
    sound[8 * 5000 : 8 * 8000] = np.clip(sound[8 * 5000 : 8 * 8000] + said, -32_768, 32_767)
    speech = vad.speech(Recording(sound[:, None], 8000), 0, Interval(0, 12_000))
    assert sum(part.intersect(Interval(5000, 8000)).length for part in speech) > 2900
    assert sum(part.length for part in speech) < 3500


def test_levels_of_no_samples_are_no_levels():
    sample_db, step_db = frame_levels_db(np.zeros(0, np.int16), 8_000)
    assert (len(sample_db), len(step_db)) == (0, 0)


def test_levels_follow_what_is_faster_than_rumble():
    rumble = (3_000 * np.sin(2 * np.pi * 20 * np.arange(800) / 8_000)).astype(np.int16)
    voice = (3_000 * np.sin(2 * np.pi * 1_000 * np.arange(800) / 8_000)).astype(np.int16)
    assert frame_levels_db(voice, 8_000)[0].min() > frame_levels_db(rumble, 8_000)[0].max() + 15


# -- a restart


LOOKS = st.lists(
    st.tuples(
        st.one_of(st.just(0), st.integers(1, 9), st.integers(10, 700), st.just(9_000)),
        st.one_of(st.none(), st.integers(1, 12)),
    ),
    min_size=1,
    max_size=90,
)
"""By half second: how much it peaks, and the level of its softest frame if that is another."""


def look(peak, softest):
    samples = np.array([peak, -peak] * 400, np.int16)
    if softest is not None:
        samples[:200] = [softest, softest, -softest, -softest] * 50
    return samples


def heard(line, looks, first):
    for number, (peak, softest) in enumerate(looks, first):
        line.hear([number * LOOK_EVERY_MS], look(peak, softest)[None], 8000)


@given(looks=LOOKS, share=st.floats(0, 1), gap=st.booleans())
@settings(max_examples=100)
def test_a_line_goes_on_from_its_state_as_if_there_had_been_no_restart(looks, share, gap):
    stop = int(len(looks) * share)
    before_ms = stop * LOOK_EVERY_MS
    after = stop + 40 * gap
    whole, known = Line(), Line()
    heard(whole, looks[:stop], 0)
    state = whole.state(before_ms)
    heard(whole, looks[stop:], after)
    assert whole.state(before_ms) == state, "what came later is no part of it"
    if state is not None:
        known.restore(msgspec.json.decode(msgspec.json.encode(state), type=LineState))
        assert known.state(before_ms) == state, "a second restart finds the same"
    heard(known, looks[stop:], after)
    for at_ms in range(before_ms - 1_000, (after + len(looks) - stop + 2) * LOOK_EVERY_MS, 100):
        assert known.at(at_ms) == whole.at(at_ms)
    heard(known, looks[:stop], 0)
    assert known.at(10**9) == whole.at(10**9), "what was looked at is not looked at again"


@pytest.mark.parametrize(
    ("looks", "largest"),
    [
        ([(0, None)] * 90, 100),
        ([(9_000, 3), (9_000, 7)] * 45, 150),
        ([(9_000 - 90 * n, 2 + n // 8) for n in range(90)], 1_000),
    ],
    ids=["silence", "steady noise", "softer and softer in more and more noise"],
)
def test_what_a_line_adds_to_a_checkpoint(looks, largest):
    known = Line()
    heard(known, looks, 0)
    assert len(msgspec.json.encode(known.state(10**6))) < largest


def test_a_line_that_nobody_heard_before_has_no_state():
    known = Line()
    heard(known, [(9_000, None)] * 10, 4)
    assert known.state(2_000) is None
    assert known.state(2_001) is not None

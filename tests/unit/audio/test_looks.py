"""Looks at a stream's sound that are taken late and together tell what they would have told at once."""

import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.audio.hold import line as lines
from deid_stream.audio.hold.line import LOOK_EVERY_MS, LOOK_MS, Line
from deid_stream.audio.hold.timeline import Timeline
from deid_stream.model.events import AudioChunk, AudioFormat, Encoding

from .sounds import joined, noise, silent, voice

MULAW = AudioFormat(Encoding.MULAW, 8_000)
SOUND = joined(
    silent(700),
    noise(3_000, rms=8),
    voice(2_000),
    noise(4_000, rms=12),
    silent(1_000),
    voice(3_000),
    noise(6_000, rms=6),
)


def chunks(fmt=MULAW, chunk_ms=100, gone=(), late=None, shift_ms=0, sound=SOUND):
    """``sound`` in every channel, the chunks numbered ``gone`` left out; ``late``: such a chunk comes so many later;
    every second chunk is stated ``shift_ms`` early."""
    size = chunk_ms * fmt.rate_hz // 1000
    sound = np.repeat(sound[:, None], fmt.channels, axis=1)
    made = []
    for seq in range(len(sound) // size):
        data = pcm.encode(sound[seq * size : (seq + 1) * size], fmt)
        at_ms = seq * chunk_ms - shift_ms * (seq % 2)
        made.append(
            AudioChunk(call_id="c", customer_id="u", seq=seq, offset_ms=at_ms, format=fmt, data=data, channel=0)
        )
    if late is not None:
        made.insert(late[0] + late[1], made.pop(late[0]))
    return [chunk for chunk in made if chunk.seq not in gone]


def heard(made, fmt, *, at_once, released_ms=2_000):
    """What a timeline of such chunks tells as they come and go: what is quiet, the levels, the state."""
    timeline, told = Timeline(fmt), []
    for chunk in made:
        timeline.add(chunk)
        if at_once:
            timeline.line(0, 1 << 40)
        until_ms = timeline.end_ms - released_ms
        if chunk.seq % 4 == 0 and until_ms > 0:
            quiet = [timeline.quiet_until(0, at_ms) for at_ms in range(until_ms - 480, timeline.end_ms, 60)]
            timeline.pop_until(until_ms - until_ms % 480)
            told.append((quiet, timeline.line_states()))
    return told, [timeline.line(fmt.channels - 1, at_ms) for at_ms in range(0, timeline.end_ms, 100)]


@pytest.mark.parametrize("fmt", [MULAW, AudioFormat(Encoding.PCM16LE, 8_000), AudioFormat(Encoding.ALAW, 8_000, 2)])
@pytest.mark.parametrize(
    "disturbed",
    [
        {},
        {"chunk_ms": 20},
        {"chunk_ms": 1_000},
        {"gone": {5, 40, 41}},
        {"gone": range(30, 60)},
        {"late": (20, 1)},
        {"late": (25, 12)},
        {"late": (51, 30)},
        {"shift_ms": 1},
        {"shift_ms": 2},
    ],
    ids=[
        "none", "short chunks", "long chunks", "gaps", "a long gap", "out of order", "late", "after release", "rounded",
        "overlapping",
    ],
)  # fmt: skip
def test_when_a_look_is_asked_about_changes_nothing(fmt, disturbed):
    made = chunks(fmt, **disturbed)
    assert heard(made, fmt, at_once=False) == heard(made, fmt, at_once=True)


def test_looks_that_nobody_asks_about_are_taken_together(monkeypatch):
    taken, sums = [], lines._frame_sums
    monkeypatch.setattr(lines, "_frame_sums", lambda looks, rate_hz: taken.append(len(looks)) or sums(looks, rate_hz))
    timeline = Timeline(MULAW)
    for chunk in chunks(sound=joined(voice(8_000), silent(7_000))):
        timeline.add(chunk)
    timeline.line(0, 15_000)
    assert sum(taken) == 30
    assert len(taken) == 2


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 48_000])
def test_looks_at_once_and_one_by_one_are_heard_alike(rate_hz):
    size = LOOK_MS * rate_hz // 1000
    looks = np.random.default_rng(3).normal(0, 300, (40, size)).astype(np.int16)
    looks[::3, : size // 2] //= 100
    starts_ms = [number * LOOK_EVERY_MS for number in range(40)]
    together, alone = Line(), Line()
    together.hear(starts_ms, looks, rate_hz)
    for at_ms, look in zip(starts_ms, looks, strict=True):
        alone.hear([at_ms], look[None], rate_hz)
    assert [together.at(at_ms) for at_ms in range(0, 20_000, 100)] == [
        alone.at(at_ms) for at_ms in range(0, 20_000, 100)
    ]


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_sums_are_exact_however_loud_the_sound_is(rate_hz):
    size, width = rate_hz // 50, rate_hz // 250
    sound = np.where(np.random.default_rng(4).random(5 * size) < 0.5, -32_768, 32_767).astype(np.int16)
    sound[: 2 * size] = np.resize([32_767, *[-32_768] * (width - 1)], 2 * size)
    before, after = 1 + width // 2, width
    values = [int(sound[0])] * before + sound.tolist() + [int(sound[-1])] * after
    apart, steps = [], []
    for at in range(len(sound)):
        window = values[at + 1 : at + 1 + width]
        apart.append((width * values[at + before] - sum(window)) ** 2)
        steps.append((values[at + before] - values[at + before - 1]) ** 2)
    expected = [[sum(part[at : at + size]) for at in range(0, len(part), size)] for part in (apart, steps)]
    assert lines._frame_sums(sound[None], rate_hz)[:, 0].tolist() == expected

"""The tones of keys are found, whole, wherever they lie; voices, noise, single tones and music are none."""

import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.audio.hear import keys
from deid_stream.audio.hold.reader import Recording
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.units import Interval

from .sounds import RATE_HZ, joined, noise, silent, voice


def tones(ms, *hz, peak=8_000, rate_hz=RATE_HZ):
    times = np.arange(ms * rate_hz // 1000) / rate_hz
    return (sum(np.sin(2 * np.pi * f * times + n) for n, f in enumerate(hz)) * peak / len(hz)).astype(np.int16)


def pressed(sound, rate_hz=RATE_HZ, cell_ms=480):
    """As a session asks: cell by cell, several of which are looked at together; each by itself says the same."""
    reader = Recording(sound[:, None], rate_hz)
    length_ms = len(sound) * 1000 // rate_hz
    cells = [Interval(start_ms, start_ms + cell_ms) for start_ms in range(0, length_ms, cell_ms)]
    together = keys.Windows()
    found = [together.pressed(reader, 0, cell, length_ms, lambda window: False) for cell in cells]
    assert found == [keys.pressed(reader, 0, cell) for cell in cells]
    return [tone for tones in found for tone in tones]


def covered_ms(found, part):
    return len({ms for tone in found for ms in range(*tone.intersect(part))})


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 48_000])
@pytest.mark.parametrize("length_ms", [40, 50, 100, 200, 700])
@pytest.mark.parametrize("at_ms", [0, 5, 333, 445, 451, 466, 475, 480])
def test_a_key_is_silenced_whole(rate_hz, length_ms, at_ms):
    sound = joined(silent(at_ms, rate_hz), tones(length_ms, 770, 1_336, rate_hz=rate_hz), silent(1_500, rate_hz))
    found = pressed(sound, rate_hz)
    assert covered_ms(found, Interval(at_ms, at_ms + length_ms)) == length_ms
    assert covered_ms(found, Interval(0, at_ms + length_ms + 1_500)) <= length_ms + 2 * keys.FRAME_MS + keys.STEP_MS


@pytest.mark.parametrize("low_hz", keys.LOW_HZ)
@pytest.mark.parametrize("high_hz", keys.HIGH_HZ)
def test_every_key_is_one_at_the_edges_of_what_telephones_send(low_hz, high_hz):
    for off, twist in ((0.992, 0.5), (1.0, 1.0), (1.008, 2.0)):
        sound = joined(silent(100), tones(60, low_hz * off) + (tones(60, high_hz * off) * twist).astype(np.int16))
        assert covered_ms(pressed(joined(sound, silent(900))), Interval(100, 160)) == 60


@pytest.mark.parametrize("encoding", [Encoding.ALAW, Encoding.MULAW])
@pytest.mark.parametrize("peak", [17, 20, 24, 33, 48])
def test_a_key_in_the_softest_steps_of_g711_is_one(encoding, peak):
    g711 = AudioFormat(encoding, RATE_HZ, 1)
    for low_hz in keys.LOW_HZ:
        for high_hz in keys.HIGH_HZ:
            sound = joined(silent(100), tones(70, low_hz, high_hz, peak=peak), silent(790))
            heard = pcm.decode(pcm.encode(sound, g711), g711)[:, 0]
            assert covered_ms(pressed(heard), Interval(100, 170)) == 70


@pytest.mark.parametrize("rms", [50, 400])
def test_a_key_on_a_noisy_line_is_one(rms):
    sound = joined(silent(200), tones(60, 697, 1_477, peak=10_000), silent(740)) + noise(1_000, rms=rms)
    assert covered_ms(pressed(sound), Interval(200, 260)) == 60


@pytest.mark.parametrize(
    "sound",
    [
        silent(2_000),
        noise(2_000, rms=3_000),
        *(voice(3_000, pitch_hz=hz, seed=hz) for hz in (85, 120, 174, 210, 232, 300)),
        tones(2_000, 440),
        tones(2_000, 350, 440),
        tones(2_000, 480, 620),
        tones(2_000, 697),
        tones(2_000, 697, 1_209, 400, 1_900),
        tones(20, 697, 1_209),
    ],
    ids=[
        "silence", "noise", "85 Hz", "120 Hz", "174 Hz", "210 Hz", "232 Hz", "300 Hz", "dial tone", "dial tone, US",
        "busy, US", "half a key", "a chord", "a click",
    ],
)  # fmt: skip
def test_what_is_no_key_is_none(sound):
    assert pressed(joined(silent(100), sound, silent(300))) == []


@pytest.mark.parametrize("rate_hz", [8_000, 11_025])
@pytest.mark.parametrize("left_out", [(), (0,), (3, 4), (8,), tuple(range(1, 12))])
@pytest.mark.parametrize("until_ms", [0, 3_000, 6_240])
@pytest.mark.parametrize("known", [False, True])
def test_windows_that_are_looked_at_together_are_heard_as_by_themselves(rate_hz, left_out, until_ms, known):
    keyed = [silent(470, rate_hz), tones(70, 770, 1_336, rate_hz=rate_hz), silent(810, rate_hz)] * 4
    reader = Recording(joined(*keyed, silent(1_000, rate_hz))[:, None], rate_hz)
    together = keys.Windows()
    cells = [Interval(at * 480, at * 480 + 480) for at in range(13) if at not in left_out]

    def is_left_out(window):
        return known and window.start // 480 in left_out

    found = [together.pressed(reader, 0, cell, until_ms, is_left_out) for cell in cells]
    assert found == [keys.pressed(reader, 0, cell) for cell in cells]


@pytest.mark.parametrize("chunk_ms", [20, 100, 330])
@pytest.mark.parametrize("behind_ms", [960, 0, -400])
def test_windows_are_heard_alike_while_their_sound_arrives(chunk_ms, behind_ms):
    # tones begin just before windows end, the last of which all has arrived when they are looked at
    sound = joined(noise(1_000, rms=2_000), *[noise(430, rms=2_000), tones(50, 941, 1_477), noise(960)] * 5)
    together, asked = keys.Windows(), 0
    for end_ms in range(chunk_ms, len(sound) // 8 + 1, chunk_ms):
        arrived = np.where(np.arange(len(sound)) < 8 * end_ms, sound, 0)
        reader = Recording(arrived[:, None], RATE_HZ)
        while asked + 480 <= end_ms - behind_ms:
            window = Interval(asked, asked + 480)
            assert together.pressed(reader, 0, window, end_ms, lambda _: False) == keys.pressed(reader, 0, window)
            if asked + 480 > end_ms:
                break  # it is asked about again
            asked += 480


def test_the_sound_of_eight_windows_without_keys_is_read_once():
    asked = []

    class Counting(Recording):
        def pcm(self, channel, start_ms, end_ms):
            asked.append((channel, start_ms, end_ms))
            return super().pcm(channel, start_ms, end_ms)

    reader, together = Counting(noise(10_000, rms=3_000)[:, None], RATE_HZ), keys.Windows()
    for start_ms in range(0, 13 * 480, 480):
        if start_ms not in (10 * 480, 11 * 480):
            window = Interval(start_ms, start_ms + 480)
            left_out = Interval(10 * 480, 12 * 480).overlaps
            assert together.pressed(reader, 0, window, 13 * 480, left_out) == []
    parts = [Interval(start_ms, end_ms - keys.AHEAD_MS) for _, start_ms, end_ms in asked]
    assert parts == [Interval(0, 8 * 480), Interval(8 * 480, 10 * 480), Interval(12 * 480, 13 * 480)]

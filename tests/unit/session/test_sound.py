"""What a call's sound says of itself while it comes and leaves."""

import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.audio.hear.keys import KEY_TONES
from deid_stream.model.events import AudioChunk, AudioFormat, Encoding
from deid_stream.model.spans import AudioSpan
from deid_stream.session.sound import Sound
from deid_stream.units import Interval
from tests.unit.audio.sounds import joined, noise, silent

FORMAT = AudioFormat(Encoding.MULAW, 8_000)


def key(ms):
    wave = sum(np.sin(2 * np.pi * hz * np.arange(8 * ms) / 8_000) for hz in (770, 1_336))
    return (4_000 * wave).astype(np.int16)


def chunk(seq, at_ms, samples):
    data = pcm.encode(samples, FORMAT)
    return AudioChunk(call_id="c", customer_id="u", seq=seq, offset_ms=at_ms, format=FORMAT, data=data, channel=0)


def released(sound, limit_ms):
    found = sound.release(limit_ms, gap_limit_ms=0, final=False, operator="silence", allowed_ms=0, disguise=False)
    return [
        Interval(out.start_ms, out.end_ms)
        for out in found
        if isinstance(out, AudioSpan) and out.entity_type == KEY_TONES
    ]


@pytest.mark.parametrize("before", [0, 1, 4], ids=["at once", "after one", "after four"])
@pytest.mark.parametrize(
    ("late", "heard"),
    [(chunk(90, 2_950, key(120)), True), (chunk(90, 2_950, noise(120, rms=900)), False), (None, False)],
    ids=["a key", "noise", "none"],
)
def test_a_key_in_a_chunk_that_comes_late_is_heard_though_its_time_was_looked_at(before, late, heard):
    sound, spoken = Sound(), noise(6_000, rms=900)
    for seq in range(60):
        sound.add(chunk(seq, seq * 100, spoken[seq * 800 : seq * 800 + 800]))
    sound.explain(0, [Interval(0, 6_000)])
    assert released(sound, before * 480) == []
    if late is not None:
        sound.add(late)
    tones = released(sound, 5_500)
    assert any(tone.overlaps(Interval(2_990, 3_030)) for tone in tones) == heard


def test_keys_are_heard_alike_however_far_each_release_goes():
    spoken = joined(noise(900, rms=900), key(70), noise(880, rms=900), key(45), silent(960), *[key(60), noise(300)] * 9)
    found = []
    for step_ms in (480, 960, 2_400, 6_000):
        sound, tones = Sound(), []
        for seq in range(len(spoken) // 800):
            sound.add(chunk(seq, seq * 100, spoken[seq * 800 : seq * 800 + 800]))
            if seq * 100 % step_ms == 0:
                tones += released(sound, seq * 100 - 700)
        found.append(tones + released(sound, len(spoken) // 8))
    assert len(found[0]) >= 10
    assert found == [found[0]] * 4

"""One call put together for the inspector: text in its order, sound in its place."""

import io
import wave
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from deid_stream.dashboard.inspect import POINTS, chunks, newest, sounds, transcript, wav, waveform

RATE = 8_000


class Record(NamedTuple):
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 0
    offset: int = 0


def audio(seq, samples, *, channel=0, offset_ms=0, kind=b"audio/pcm;rate=8000;channels=1;encoding=s16le"):
    attributes = {
        "ce_specversion": b"1.0",
        "ce_id": b"c/%d/%d" % (channel, seq),
        "ce_source": b"pbx",
        "ce_type": b"call.audio.v1",
        "ce_subject": b"c",
        "ce_customerid": b"acme",
        "ce_channel": b"%d" % channel,
        "ce_seq": b"%d" % seq,
        "ce_offsetms": b"%d" % offset_ms,
        "content-type": kind,
    }
    value = np.asarray(samples, "<i2").tobytes()
    return Record(b"c/%d/%d" % (channel, seq), value, tuple(attributes.items()))


def test_the_last_of_each_key_of_this_call_only_without_what_was_taken_back():
    records = [
        Record(b"c/0/0", b"old"),
        Record(b"c/0/0", b"new"),
        Record(b"c/0/1", b"x"),
        Record(b"c/0/1", None),
        Record(b"call/0/0", b"another call whose id begins alike"),
        Record(None, b"x"),
    ]
    assert [record.value for record in newest(records, "c")] == [b"new"]


def test_final_segments_in_the_order_in_which_they_were_said():
    segments = [
        {"text": "second", "start_ms": 900, "channel": 0},
        {"text": "first", "start_ms": 100, "channel": 1},
        {"text": "not yet", "start_ms": 50, "is_final": False},
    ]
    records = [Record(b"c/0/0", msgspec.json.encode(segment)) for segment in segments] + [Record(b"c/0/1", b"{")]
    assert [segment["text"] for segment in transcript(records)] == ["first", "second"]


def test_sound_lies_where_it_was_said_and_a_gap_is_silent():
    found = chunks(
        [
            audio(1, [5] * 800, offset_ms=200),
            audio(0, [7] * 800, channel=1),
            audio(0, [3] * 800),
            Record(b"c/0/9", b"x"),
        ],
        "c",
    )
    rate, tracks = sounds(found)
    assert rate == RATE
    assert [len(tracks[channel]) for channel in (0, 1)] == [2_400, 2_400]
    assert [int(tracks[0][at]) for at in (0, 799, 800, 1_599, 1_600)] == [3, 3, 0, 0, 5]
    assert [int(tracks[1][at]) for at in (0, 800)] == [7, 0]
    with wave.open(io.BytesIO(wav(rate, tracks))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, RATE, 2_400)


@pytest.mark.parametrize("length", [1, POINTS - 1, POINTS, 10 * POINTS + 3])
def test_a_waveform_has_no_more_columns_than_a_screen_and_shows_every_peak(length):
    samples = np.zeros(length, np.int16)
    samples[-1] = -32_768
    shown = waveform(RATE, {0: samples})
    peaks = shown["channels"]["0"]
    assert len(peaks) <= POINTS
    assert (max(peaks), peaks[-1]) == (100, 100)
    assert shown["duration_ms"] == length * 1000 // RATE


def test_a_call_without_sound():
    assert sounds([]) == (0, {})
    assert waveform(0, {}) == {"duration_ms": 0, "channels": {}}

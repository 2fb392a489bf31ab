"""A recorded call through the session: same length, same codec, silent where a secret was said, equal elsewhere."""

import msgspec
import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.datasets.callfile import CallFile, CallHeader, Pace
from deid_stream.datasets.replay import Piece, Redacted, Replayed, compose, replay
from deid_stream.datasets.wav import WavFile
from deid_stream.keys import KeyRing
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.policy import UNKNOWN
from deid_stream.session.settings import SessionSettings
from tests.support.made_calls import SecretDetector, Timeline, make_timeline

FORMATS = [
    AudioFormat(Encoding.MULAW, 8_000, 2),
    AudioFormat(Encoding.ALAW, 8_000, 2),
    AudioFormat(Encoding.PCM16LE, 8_000, 2),
    AudioFormat(Encoding.MULAW, 8_000, 1),
]
REACH_MS = 60
SILENT = 8
"""A-law has no zero."""


def call_file(made: Timeline, fmt: AudioFormat, **header):
    signal = np.stack(list(made.signal.values()), axis=1)
    if fmt.channels == 1:
        signal = signal.astype(np.int32).sum(axis=1, keepdims=True).clip(-32_768, 32_767).astype(np.int16)
    segments = [
        {
            "segment_id": f"{channel}-{number}",
            "channel": min(channel, fmt.channels - 1),
            "start_ms": group[0].start_ms,
            "end_ms": group[-1].end_ms,
            "text": " ".join(word.text for word in group),
            "words": msgspec.to_builtins(group),
        }
        for channel, words in made.words.items()
        for number, group in enumerate(turns(words))
    ]
    segments.sort(key=lambda segment: segment["start_ms"])
    header = CallHeader(call_id=made.call_id, customer_id="acme", segments=segments, **header)
    return CallFile("made", header, WavFile(fmt, pcm.encode(signal, fmt)))


def turns(words):
    groups = [[words[0]]]
    for word in words[1:]:
        if word.start_ms - groups[-1][-1].end_ms > 200:
            groups.append([])
        groups[-1].append(word)
    return groups


def replayed(call, pace=None, policy=UNKNOWN, profile="exact"):
    return replay(
        call,
        detector=SecretDetector(),
        keys=KeyRing(bytes(32)),
        policy=policy,
        settings=SessionSettings(default_profile=profile),
        pace=pace or Pace(),
        pipeline_version="test",
    )


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("seed", [3, 4, 7])
def test_secrets_are_silent_and_the_rest_is_bit_identical(fmt, interleaved, seed):
    made = make_timeline(seed)
    assert any(made.secrets.values())
    call = call_file(made, fmt)
    result = replayed(call, Pace(interleaved=interleaved))
    before, after = pcm.decode(call.wav.data, fmt), pcm.decode(result.wav.data, fmt)
    assert result.wav.format == fmt
    assert before.shape == after.shape
    for channel in range(fmt.channels):
        allowed = np.zeros(len(before), bool)
        spoken = (
            made.secrets[channel] if fmt.channels == 2 else [span for spans in made.secrets.values() for span in spans]
        )
        for start_ms, end_ms in spoken:
            assert np.abs(after[start_ms * 8 : end_ms * 8, channel]).max() <= SILENT
            allowed[max(0, start_ms - REACH_MS) * 8 : (end_ms + REACH_MS) * 8] = True
        assert (before[~allowed, channel] == after[~allowed, channel]).all()


@pytest.mark.parametrize("channel", [0, 1])
def test_how_exact_the_times_are_is_learned_wherever_they_are_heard(channel):
    call = call_file(make_timeline(4, turns=8), FORMATS[3])
    header = msgspec.structs.replace(call.header, segments=[s | {"channel": channel} for s in call.header.segments])
    call = msgspec.structs.replace(call, header=header)
    learned = replayed(call, profile="")
    assert learned.redacted_ms == replayed(call, profile="exact").redacted_ms
    assert learned.redacted_ms != replayed(call, profile="100ms").redacted_ms


def test_the_report_says_which_milliseconds_went():
    made = make_timeline(4)
    result = replayed(call_file(made, FORMATS[0]))
    for channel, spoken in made.secrets.items():
        silenced = [span for span in result.redacted_ms if span.channel == channel]
        for start_ms, end_ms in spoken:
            assert any(s.start_ms <= start_ms and s.end_ms >= end_ms and s.entity_type == "PERSON" for s in silenced)
    assert len(result.entities) == sum(map(len, made.secrets.values()))
    for entity in result.entities:
        (segment,) = (s for s in result.call["segments"] if s["segment_id"] == entity["segment_id"])
        assert segment["text"][entity["start"] : entity["end"]].startswith("[PERSON")


def test_what_two_types_silence_is_silenced_once():
    spans = [
        Redacted(0, 0, 1000, "PERSON"),
        Redacted(0, 400, 600, "UNSURE"),
        Redacted(0, 900, 1500, "UNTRANSCRIBED"),
        Redacted(1, 900, 1100, "PERSON"),
    ]
    assert Replayed(WavFile(FORMATS[0], b""), {}, [], spans).silenced_ms == 1500 + 200


def test_the_sanitized_call_file_has_the_shape_of_one_and_no_secret():
    made = make_timeline(4)
    named = {"channels": ["agent", "zorblax"], "metadata": {"agent": "zorblax"}, "language": "zorblax!"}
    call = call_file(made, FORMATS[0], **named)
    result = replayed(call)
    text = msgspec.json.encode([result.call, result.entities, result.redacted_ms]).decode()
    assert "zorblax" not in text
    assert "quuxley" not in text
    assert result.call["channels"] == ["agent", "channel-1"]
    again = msgspec.convert(result.call, CallHeader)
    assert len(again.segments) == len(call.header.segments)


def test_a_minors_call_leaves_nothing():
    call = call_file(make_timeline(4), FORMATS[0], minor=True)
    result = replayed(call)
    assert not pcm.decode(result.wav.data, result.wav.format).any()
    assert result.call["segments"] == []


def test_a_call_that_broke_off_is_closed_and_kept():
    call = call_file(make_timeline(4), FORMATS[0], complete=False)
    whole = call_file(make_timeline(4), FORMATS[0])
    assert replayed(call).call["segments"] == replayed(whole).call["segments"]


def test_what_never_came_is_silence():
    fmt = FORMATS[0]
    wav = WavFile(fmt, bytes([1, 2]) * 800)
    after = compose(wav, [Piece(1, 50, bytes([9]) * 400)])
    assert after.data == b"\xff\xff" * 400 + b"\xff\x09" * 400


def test_pieces_beyond_the_end_are_cut():
    wav = WavFile(FORMATS[3], bytes(800))
    assert compose(wav, [Piece(0, 90, bytes([9]) * 800)]).data == b"\xff" * 720 + b"\x09" * 80

"""A recogniser's own document as the transcript of a recording."""

import json

import numpy as np
import pytest

from deid_stream.audio.codec.pcm import encode
from deid_stream.datasets.callfile import Reading, read_call, transcript_beside
from deid_stream.datasets.documents import call_id_for
from deid_stream.datasets.wav import WavFile, write_wav
from deid_stream.errors import DecodeError, NoTimesError, UnknownFormError, UnknownProviderError
from deid_stream.model.events import AudioFormat, Encoding

SECONDS = 4


def sound(*spoken, channels=2):
    """A recording in which channel ``c`` sounds from second ``a`` to ``b`` for each ``(c, a, b)``."""
    fmt = AudioFormat(Encoding.PCM16LE, 8_000, channels)
    samples = np.zeros((SECONDS * 8_000, channels), np.int16)
    for channel, start, end in spoken:
        samples[start * 8_000 : end * 8_000, channel] = 8_000
    return WavFile(fmt, encode(samples, fmt))


def words(text, start, end):
    said = text.split()
    step = (end - start) / len(said)
    return [{"word": w, "start": start + i * step, "end": start + (i + 1) * step} for i, w in enumerate(said)]


def deepgram(*channels):
    found = [{"alternatives": [{"transcript": text, "words": words(text, *at)}]} for text, at in channels]
    return {"metadata": {}, "results": {"channels": found}}


def whisper(*segments):
    return {
        "segments": [
            {"id": i, "start": a, "end": b, "text": text, "words": words(text, a, b)}
            for i, (text, a, b) in enumerate(segments)
        ]
    }


def analytics(*turns):
    return {
        "JobName": "j",
        "Transcript": [
            {"ParticipantRole": who, "BeginOffsetMillis": a * 1000, "EndOffsetMillis": b * 1000, "Content": text}
            for who, text, a, b in turns
        ],
    }


def call(folder, document, recording, **reading):
    path = folder / "doc.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    write_wav(folder / "my call.wav", recording)
    return read_call(folder / "my call.wav", path, Reading(**reading))


def lines(found):
    return [(s["channel"], s["text"]) for s in found.header.segments]


def test_a_document_of_channels(tmp_path):
    found = call(tmp_path, deepgram(("your name", (0, 1)), ("i am ann", (1, 2))), sound())
    assert lines(found) == [(0, "your name"), (1, "i am ann")]
    assert (found.name, found.header.call_id, found.header.customer_id) == ("my call", "my-call", "local")
    assert found.timing == "100ms"
    assert found.notes == ()


def test_the_customer_is_the_policys():
    assert Reading(customer_id="acme").customer_id == "acme"


def test_live_messages_one_a_line(tmp_path):
    message = {"type": "Results", "channel_index": [1, 2], "start": 1.0, "duration": 1.0, "is_final": True}
    message["channel"] = {"alternatives": [{"transcript": "i am ann", "words": words("i am ann", 1, 2)}]}
    text = "\n".join(map(json.dumps, [message | {"is_final": False}, message, {"type": "UtteranceEnd"}]))
    assert lines(call(tmp_path, text, sound())) == [(1, "i am ann")]
    assert lines(call(tmp_path, [message, {"type": "UtteranceEnd"}], sound())) == [(1, "i am ann")]


def test_without_channels_a_segment_is_where_it_sounds(tmp_path):
    document = whisper(("your name", 0, 1), ("i am ann", 2, 3))
    found = call(tmp_path, document, sound((1, 0, 1), (0, 2, 3)))
    assert lines(found) == [(1, "your name"), (0, "i am ann")]
    assert found.timing == "late"
    assert "loudest" in found.notes[0]


def test_in_mono_all_is_on_the_one_channel_and_told_apart_by_who_speaks(tmp_path):
    found = call(tmp_path, deepgram(("your name", (0, 1)), ("i am ann", (1, 2))), sound(channels=1))
    assert lines(found) == [(0, "your name"), (0, "i am ann")]
    assert [s.get("speaker") for s in found.header.segments] == [None, "channel-1"]


@pytest.mark.parametrize(
    ("spoken", "roles", "expected"),
    [
        ([(0, 0, 1), (1, 2, 3)], (), [(0, "your name"), (1, "i am ann")]),
        ([(1, 0, 1), (0, 2, 3)], (), [(1, "your name"), (0, "i am ann")]),
        ([], (), [(1, "your name"), (0, "i am ann")]),
        ([(1, 0, 1), (0, 2, 3)], ("agent", "customer"), [(0, "your name"), (1, "i am ann")]),
    ],
    ids=["agent first", "customer first", "silence: as usual", "said"],
)
def test_parties_are_on_the_channel_on_which_they_sound(spoken, roles, expected, tmp_path):
    document = analytics(("AGENT", "your name", 0, 1), ("CUSTOMER", "i am ann", 2, 3))
    assert lines(call(tmp_path, document, sound(*spoken), roles=roles)) == expected


def test_a_text_without_times_is_of_the_whole_recording(tmp_path):
    found = call(tmp_path, {"text": "i am ann"}, sound((0, 0, 1)), format="whisper")
    (segment,) = found.header.segments
    assert (segment["start_ms"], segment["end_ms"], segment["words"]) == (0, SECONDS * 1000, ())


def test_a_bad_segment_is_told_and_the_others_are_read(tmp_path):
    found = call(tmp_path, whisper(("hi", 0, 1), ("ann", 3, 2)), sound((0, 0, 4)))
    assert lines(found) == [(0, "hi")]
    assert found.notes[0].startswith("1 segment could not be read, the first at $.segments[1].end_ms")
    assert "ann" not in " ".join(found.notes).split()


@pytest.mark.parametrize(
    ("document", "reading", "error", "says"),
    [
        ("{not json", {}, DecodeError, "doc.json: the value is not JSON"),
        ({"text": "ann"}, {}, UnknownFormError, "--format: assemblyai"),
        ({"text": "ann"}, {"format": "deepgrm"}, UnknownProviderError, "did you mean deepgram?"),
        ({"text": "ann"}, {"format": "deepgram"}, UnknownFormError, "send one of: live Results"),
        (whisper(("ann", 3, 2)), {}, DecodeError, "the segment ends before it starts"),
        ({"segments": [{"id": 0, "text": "ann"}]}, {}, NoTimesError, "neither start and end"),
        ({"segments": [], "call_id": "c"}, {}, DecodeError, "no $.customer_id; send customer_id"),
        (
            {
                "segments": [{"text": "ann", "start_ms": 0, "end_ms": 5, "channel": 5}],
                "call_id": "c",
                "customer_id": "a",
            },
            {},
            DecodeError,
            "segment 0 is on channel 5, and the recording has 2",
        ),
        (
            {"segments": [{"text": "ann", "start_ms": "4"}], "call_id": "c", "customer_id": "a"},
            {},
            DecodeError,
            "$.segments[0]: the JSON value has a wrong or missing field at $.start_ms; send a number there",
        ),
        (
            {"segments": [{"words": "ann", "start_ms": 4}], "call_id": "c", "customer_id": "a"},
            {},
            DecodeError,
            "send a list there",
        ),
    ],
    ids=str,
)
def test_what_is_refused(document, reading, error, says, tmp_path):
    with pytest.raises(error) as caught:
        call(tmp_path, document, sound(), **reading)
    assert "doc.json" in str(caught.value)
    assert says in str(caught.value)
    assert not any(word in str(caught.value).split() for word in ("ann", '"ann"'))


def test_only_interims_are_no_transcript(tmp_path):
    message = {"type": "Results", "start": 0, "duration": 1, "channel": {"alternatives": [{"transcript": "hi"}]}}
    with pytest.raises(UnknownFormError, match="interims only"):
        call(tmp_path, message, sound())


def test_the_transcript_beside_a_recording(tmp_path):
    assert transcript_beside(tmp_path / "a.wav") is None
    (tmp_path / "a.json").write_text("{}")
    assert transcript_beside(tmp_path / "a.wav") == tmp_path / "a.json"
    (tmp_path / "a.call.json").write_text("{}")
    assert transcript_beside(tmp_path / "a.wav") == tmp_path / "a.call.json"


@pytest.mark.parametrize(
    ("name", "kept"), [("call 7", "call-7"), ("a\tb", "a-b"), ("", "call"), ("x" * 300, "x" * 200)]
)
def test_a_files_name_becomes_an_identifier(name, kept):
    assert call_id_for(name) == kept

"""A call file becomes the records that were sent for it, and nothing of it is shown by accident."""

import msgspec
import pytest

from deid_stream.datasets.callfile import (
    CallFile,
    CallHeader,
    Pace,
    Truth,
    find_calls,
    join_channels,
    read_call,
    records,
)
from deid_stream.datasets.fetch.together import SourceCall
from deid_stream.datasets.wav import WavFile, write_wav
from deid_stream.errors import DecodeError
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits

STEREO = AudioFormat(Encoding.MULAW, 8000, 2)
WORDS = [{"text": f"w{i}", "start_ms": 100 * i, "end_ms": 100 * i + 80} for i in range(4)]
SEGMENT = {"segment_id": "a", "channel": 1, "start_ms": 0, "end_ms": 380, "text": "w0 w1 w2 w3", "words": WORDS}


def call(data=None, fmt=STEREO, **header):
    header = {"call_id": "c1", "customer_id": "acme", "segments": [SEGMENT], **header}
    data = bytes(range(256)) * 10 * fmt.channels if data is None else data
    return CallFile("c1", CallHeader(**header), WavFile(fmt, data))


def decoded(source, pace=None, kind=None):
    """Records through the wire, as the worker does it."""
    events = []
    for record in records(source, pace or Pace()):
        if kind in (None, record.kind):
            events += decode(record.kind, record.key, record.value, record.headers, record.time_ms, 0, Limits()).sound()
    return events


def test_every_record_is_one_the_contract_allows():
    source = call(metadata={"from": "x"}, minor=True)
    started, *_, ended = decoded(source)
    assert (started.channels, started.minor, started.metadata) == (2, True, {"from": "x"})
    assert ended.duration_ms == source.wav.duration_ms


def test_channels_are_sent_apart_and_join_to_the_same_bytes():
    source = call()
    chunks = decoded(source, kind="audio")
    streams = [b"".join(chunk.data for chunk in chunks if chunk.channel == channel) for channel in (0, 1)]
    assert join_channels(streams, STEREO) == source.wav.data
    assert [chunk.offset_ms for chunk in chunks if chunk.channel == 0] == [0, 100, 200, 300]
    assert [chunk.seq for chunk in chunks if chunk.channel == 1] == [0, 1, 2, 3]


def test_interleaved_is_one_record_for_all_channels():
    source = call()
    chunks = decoded(source, Pace(interleaved=True), "audio")
    assert b"".join(chunk.data for chunk in chunks) == source.wav.data
    assert {(chunk.channel, chunk.format.channels) for chunk in chunks} == {(None, 2)}


def test_a_transcript_comes_after_its_last_word_and_its_interim_before():
    times = [(r.time_ms, r.kind) for r in records(call(), Pace(interim_delay_ms=50)) if r.kind == "transcripts"]
    assert times == [(180 + 50, "transcripts"), (380 + 600, "transcripts")]
    interim, final = decoded(call(), Pace(interim_delay_ms=50), "transcripts")
    assert (interim.is_final, interim.text, interim.revision) == (False, "w0 w1", 0)
    assert (final.is_final, final.text, final.revision) == (True, "w0 w1 w2 w3", 1)


@pytest.mark.parametrize(
    "segment",
    [
        {"start_ms": 0, "end_ms": 380, "text": "no words at all"},
        {"start_ms": 0, "end_ms": 380, "text": "w0 w1", "words": [{"text": "w0"}, {"text": "w1"}]},
        {"start_ms": 0, "end_ms": 380, "text": "w0", "words": None},
    ],
)
def test_words_may_be_missing_or_untimed(segment):
    (final,) = decoded(call(segments=[segment]), Pace(interim_delay_ms=50), "transcripts")
    assert final.segment_id == "s000"
    assert all(word.start_ms is None for word in final.words)


def test_a_broken_off_call_has_no_end():
    kinds = [type(event).__name__ for event in decoded(call(complete=False), kind="events")]
    assert kinds == ["CallStarted"]


def test_reading_finds_the_truth_beside_the_call(tmp_path):
    source = call()
    write_wav(tmp_path / "c1.wav", source.wav)
    (tmp_path / "c1.call.json").write_bytes(msgspec.json.encode(source.header))
    (tmp_path / "lonely.call.json").write_text("{}")
    ((wav, transcript),) = find_calls(tmp_path)
    assert read_call(wav, transcript) == source
    truth = Truth("PERSON", 1, "a", 0, 80, "w0")
    (tmp_path / "c1.truth.json").write_bytes(msgspec.json.encode([truth]))
    assert read_call(wav, transcript).truth == (truth,)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"call_id": "jane doe", "customer_id": 5}', '{"call_id": "jane'])
def test_a_bad_call_file_is_named_without_its_content(tmp_path, text):
    write_wav(tmp_path / "c1.wav", call().wav)
    (tmp_path / "c1.call.json").write_text(text)
    with pytest.raises(DecodeError) as caught:
        read_call(tmp_path / "c1.wav", tmp_path / "c1.call.json")
    assert str(caught.value).startswith("c1.call.json: ")
    assert "jane" not in str(caught.value)


def test_repr_shows_no_payload():
    source = call(metadata={"agent": "jane doe"})
    shown = repr(source) + repr(source.header) + repr(source.wav) + repr(Truth("PERSON", 0, "a", 0, 1, "jane doe"))
    assert "jane" not in shown
    assert "w0" not in shown


def test_a_call_file_that_was_fetched_has_free_text_among_its_metadata():
    """So that a replay of the file finds it again, whatever the settings call free text."""
    sent = records(call(metadata={"notes": "to jane doe", "agent": "x"}), Pace())
    first = next(record for record in sent if record.kind == "events")
    limits = Limits(free_text=frozenset({"notes"}))
    (started,) = decode(first.kind, first.key, first.value, first.headers, first.time_ms, -1, limits).events
    assert (started.metadata, started.free_text) == ({"agent": "x"}, {"notes": "to jane doe"})
    source = SourceCall()
    source.add(started)
    assert source.put_together().call["metadata"] == {"agent": "x", "notes": "to jane doe"}

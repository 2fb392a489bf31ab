"""What ``validate`` says of files and records: the place, the code and the mend, never the content."""

import json

import pytest

from deid_stream.datasets.validating import as_json, check_file, check_record
from deid_stream.model.topics import EVENTS_KIND, TRANSCRIPTS_KIND
from deid_stream.wire.limits import Limits
from deid_stream.wire.partitions import partition_of

SEGMENT = {"segment_id": "s", "channel": 0, "start_ms": 0, "end_ms": 500, "text": "i am ann"}
CALL = {"call_id": "c", "customer_id": "a", "segments": [SEGMENT]}
EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "/x",
    "type": "call.transcript.v1",
    "subject": "c",
    "customerid": "a",
    "data": SEGMENT,
}
HEADERS = [
    "ce_specversion",
    "1.0",
    "ce_id",
    "1",
    "ce_source",
    "/x",
    "ce_type",
    "call.transcript.v1",
    "ce_customerid",
    "a",
]
PRINTED = {"topic": "calls.transcripts", "key": "c", "headers": HEADERS, "payload": json.dumps(SEGMENT)}
WHISPER = {"segments": [{"id": 0, "start": 0, "end": 1, "text": "i am ann"}]}


def check(folder, document, provider=None):
    path = folder / "x.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return check_file(path, provider, Limits())


@pytest.mark.parametrize(
    ("document", "what", "segments"),
    [
        (CALL, "call file", 1),
        (WHISPER, "Whisper and OpenAI document", 1),
        (EVENT, "transcripts record", 1),
        (PRINTED, "transcripts record", 1),
        ({"customer_id": "a", "version": 1}, "policy", 0),
        ({"call_id": "c", "customer_id": "a"}, "call file", 0),
    ],
    ids=["call file", "document", "event", "kcat", "policy", "call file without segments"],
)
def test_what_is_right(document, what, segments, tmp_path):
    (found,) = check(tmp_path, document)
    assert (found.what, found.segments, found.findings) == (what, segments, ())


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        ("{", "undecodable", "$"),
        (CALL | {"customer_id": "a b"}, "undecodable", "$.customer_id"),
        (
            CALL | {"segments": [SEGMENT, SEGMENT | {"end_ms": -5, "start_ms": 3}]},
            "undecodable",
            "$.segments[1].end_ms",
        ),
        (CALL | {"segments": [SEGMENT | {"words": [{"text": 4}]}]}, "undecodable", "$.segments[0].words[0].text"),
        ({"call_id": "c1", "customer_id": "acme", "segmnts": [SEGMENT]}, "undecodable", "$.segmnts"),
        (CALL | {"langauge": "ann"}, "undecodable", "$.langauge"),
        ({"customer_id": "a", "version": 1, "training_optout": True}, "policy", "$"),
        (WHISPER | {"segments": [{"id": 0, "text": "ann"}]}, "no_times", "$.segments[0]"),
        ({"text": "ann"}, "unknown_form", "$"),
        (SEGMENT | {"call_id": "c", "customer_id": "a"}, "unknown_form", "$"),
        ({name: value for name, value in EVENT.items() if name != "id"}, "missing", "ce_id"),
        (EVENT | {"subject": None}, "wrong_key", "key"),
        (EVENT | {"data": {"text": "ann"}}, "missing", "$.segment_id"),
        (PRINTED | {"key": None}, "wrong_key", "key"),
        (PRINTED | {"headers": HEADERS[2:]}, "missing", "ce_specversion"),
        (PRINTED | {"topic": "deid.calls"}, "unknown_type", "$.topic"),
        ({"customer_id": "a", "version": 1, "audio": "loud"}, "policy", "$"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(document, code, path, tmp_path):
    (found,) = check(tmp_path, document)
    assert [(f.code, f.path) for f in found.findings] == [(code, path)]
    assert "ann" not in json.dumps(as_json(found)).split()


def test_every_fault_of_a_file_is_told(tmp_path):
    bad = SEGMENT | {"start_ms": None}
    (found,) = check(tmp_path, CALL | {"segments": [bad, SEGMENT, bad]})
    assert [f.path for f in found.findings] == ["$.segments[0]", "$.segments[2]"]


def test_a_named_provider(tmp_path):
    (found,) = check(tmp_path, {"text": "i am ann"}, "whisper")
    assert (found.segments, found.findings) == (1, ())
    (found,) = check(tmp_path, {"text": "i am ann"}, "whispr")
    assert found.findings[0].code == "unknown_provider"


def test_a_recording_needs_a_transcript(tmp_path):
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    (found,) = check_file(tmp_path / "x.wav", None, Limits())
    assert (found.what, found.findings[0].code) == ("recording", "audio_format")


def headers():
    return list(zip(HEADERS[::2], (value.encode() for value in HEADERS[1::2]), strict=True))


def test_a_record_of_another_partitioner_is_found():
    value = json.dumps(SEGMENT).encode()
    own = partition_of(b"c", 8)
    right = check_record(TRANSCRIPTS_KIND, b"c", value, headers(), Limits(), place=(own, 8))
    wrong = check_record(TRANSCRIPTS_KIND, b"c", value, headers(), Limits(), place=((own + 1) % 8, 8))
    assert right.findings == ()
    assert [(f.code, f.path) for f in wrong.findings] == [("wrong_partition", "key")]
    assert "murmur2" in wrong.findings[0].mend


def test_what_is_left_out_is_told():
    value = json.dumps(SEGMENT | {"words": [{"text": "ann", "confidence": 7}]}).encode()
    found = check_record(TRANSCRIPTS_KIND, b"c", value, headers(), Limits())
    assert [(f.code, f.path) for f in found.findings] == [("left_out", "confidence")]
    value = json.dumps({"call_id": "c", "customer_id": "a", "metadata": '{"queue": "x"}'}).encode()
    started = [(n, b"call.started.v1" if n == "ce_type" else v) for n, v in headers()]
    found = check_record(EVENTS_KIND, b"c", value, started, Limits())
    assert [(f.path, f.mend) for f in found.findings] == [("metadata", "send an object, not text that holds one")]


def test_the_mend_is_told_by_itself_and_not_in_the_message(tmp_path):
    untimed = {"results": {"channels": [{"alternatives": [{"transcript": "hi", "words": [{"word": "hi"}]}]}]}}
    (checked,) = check(tmp_path, untimed)
    (found,) = checked.findings
    assert found.mend == "let the recogniser send start and end, or word times"
    assert found.mend not in found.message


WORDS = [
    {"word": "i", "start": 0.1, "end": 0.2},
    {"word": "paid", "start": 0.2, "end": 0.5},
    {"word": "45"},
    {"word": "pounds", "start": 0.7, "end": 0.9},
]
OWN_WORDS = [{"text": "i", "start_ms": 0, "end_ms": 100}, {"text": "am", "start_ms": 100}, {"text": "ann"}]


def spoken(words):
    return {"segments": [{"id": 0, "start": 0, "end": 1, "text": "i paid 45 pounds", "words": words}]}


@pytest.mark.parametrize("gone", [{"word": ""}, {"word": " "}, {"start": 0.5, "end": 0.7}, {"word": None}], ids=str)
def test_a_word_without_text_is_a_fault_that_names_its_place(gone, tmp_path):
    (found,) = check(tmp_path, spoken([*WORDS[:2], gone, WORDS[3]]))
    (fault,) = found.findings
    assert (fault.code, fault.path) == ("missing", "$.segments[0]")
    assert fault.message == "word 3 of the segment from 0 ms has no text"


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (CALL | {"segments": [SEGMENT, SEGMENT | {"words": [{"text": "i"}, {"start_ms": 4}]}]}, "$.segments[1]"),
        (EVENT | {"data": SEGMENT | {"words": [{"text": "i"}, {"start_ms": 4}]}}, "$"),
    ],
    ids=["call file", "record"],
)
def test_a_word_without_text_is_a_fault_in_our_own_form_too(document, path, tmp_path):
    (found,) = check(tmp_path, document)
    assert [(f.code, f.path) for f in found.findings] == [("missing", path)]
    assert found.findings[0].message == "word 2 of the segment from 0 ms has no text"


@pytest.mark.parametrize(
    ("document", "noted"),
    [
        (spoken(WORDS), ("$.segments[0]", "1 of 4 words")),
        (spoken([*WORDS[:2], WORDS[3]]), None),
        (WHISPER, None),
        (CALL | {"segments": [SEGMENT, SEGMENT | {"words": OWN_WORDS}]}, ("$.segments[1]", "2 of 3 words")),
    ],
    ids=["WhisperX", "all timed", "no words", "call file"],
)
def test_words_without_times_are_noted_and_are_no_fault(document, noted, tmp_path):
    (found,) = check(tmp_path, document)
    assert found.findings == ()
    assert [(note.path, note.message.split(" without")[0]) for note in found.notes] == ([noted] if noted else [])
    assert as_json(found)["notes"] == [note._asdict() for note in found.notes]

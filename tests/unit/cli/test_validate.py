"""``validate``, ``replay`` of a recogniser's document, and ``bridge`` as they are called."""

import asyncio
import json
import shutil
import socket

import pytest

from deid_stream import cli
from deid_stream.bridge.calls import BridgedCalls
from deid_stream.bridge.server import Bridge, Options
from deid_stream.commands.bridge import customer_found, listening
from deid_stream.demo.stage import SAMPLES
from deid_stream.errors import ConfigError
from deid_stream.wire.providers.base import Provider

NAME = "interrupted"
WAV, CALL = SAMPLES / f"{NAME}.wav", SAMPLES / f"{NAME}.call.json"
WHISPER = {"segments": [{"id": 0, "start": 0, "end": 1, "text": "i am ann"}]}
BAD = {"segments": [{"id": 0, "start": 0, "end": 1, "text": "hi"}, {"id": 1, "start": 3, "end": 2, "text": "ann"}]}


def run(*arguments, capsys):
    status = cli.run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def written(path, document):
    path.write_text(json.dumps(document))
    return path


def test_validate_says_what_each_file_is_and_ends_with_0_where_all_is_right(tmp_path, capsys):
    status, said, _ = run("validate", CALL, written(tmp_path / "w.json", WHISPER), capsys=capsys)
    assert status == 0
    first, second = said.splitlines()
    assert first.startswith(f"{CALL}: call file, ")
    assert second == f"{tmp_path / 'w.json'}: Whisper and OpenAI document, 1 segment: right"


def test_validate_names_the_field_and_ends_with_1(tmp_path, capsys):
    status, said, _ = run("validate", written(tmp_path / "w.json", BAD), capsys=capsys)
    assert status == 1
    assert "$.segments[1].end_ms: the segment ends before it starts" in said
    assert "ann" not in said.split()


def test_validate_says_the_mend_below_each_finding(tmp_path, capsys):
    recording = shutil.copy(SAMPLES / f"{NAME}.wav", tmp_path / "a.wav")
    status, said, _ = run("validate", recording, capsys=capsys)
    assert status == 1
    assert said.splitlines()[1:] == [
        "  no transcript lies beside it [missing]",
        "    -> give NAME.call.json or a document",
    ]


def test_a_recording_needs_no_transcript_beside_it_where_one_is_named(tmp_path, capsys):
    recording = shutil.copy(SAMPLES / f"{NAME}.wav", tmp_path / "a.wav")
    status, said, _ = run("validate", recording, written(tmp_path / "w.json", WHISPER), capsys=capsys)
    assert (status, said.splitlines()[0]) == (0, f"{recording}: recording: right")


def test_validate_for_programs(tmp_path, capsys):
    status, said, _ = run("validate", written(tmp_path / "w.json", BAD), "--json", capsys=capsys)
    (entry,) = json.loads(said)
    assert status == 1
    assert (entry["segments"], [found["path"] for found in entry["findings"]]) == (1, ["$.segments[1].end_ms"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("validate",), "give either FILEs or --topic"),
        (("validate", CALL, "--topic", "calls.audio"), "give either FILEs or --topic"),
        (("validate", "--topic", "deid.calls"), "--topic must be one of calls.events"),
        (("validate", "--topic", "calls.audio"), "no broker is named"),
        (("bridge", "twilio"), "no broker is named"),
        (
            ("bridge", "twilio", "--bootstrap-servers", "127.0.0.1:1", "--auth-token-file", CALL),
            "--auth-token-file needs --public-url",
        ),
        (("replay", WAV, CALL, "--out", "nowhere", "--roles", "boss"), "ce_roles is no list of roles"),
        (("replay", WAV, CALL, "--out", "nowhere", "--format", "deepgramm"), "did you mean deepgram?"),
    ],
)
def test_what_cannot_be_meant(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEID_BOOTSTRAP_SERVERS", raising=False)
    status, _, said = run(*arguments, capsys=capsys)
    assert status == 1
    assert says in said
    assert not (tmp_path / "nowhere").exists()


def test_replay_reads_a_recognisers_document(tmp_path, capsys):
    call = json.loads(CALL.read_text())
    segments = [
        {
            "start": segment["start_ms"] / 1000,
            "end": segment["end_ms"] / 1000,
            "channel": segment["channel"],
            "transcript": segment["text"],
            "words": [
                {"word": word["text"], "start": word["start_ms"] / 1000, "end": word["end_ms"] / 1000}
                for word in segment["words"]
            ],
        }
        for segment in call["segments"]
        if segment.get("is_final", True)
    ]
    shutil.copy(WAV, tmp_path / "my call.wav")
    document = written(tmp_path / "deepgram.json", {"metadata": {}, "results": {"utterances": segments}})
    own, theirs = tmp_path / "own", tmp_path / "theirs"
    assert run("replay", WAV, CALL, "--out", own, capsys=capsys)[0] == 0
    assert run("replay", tmp_path / "my call.wav", document, "--out", theirs, capsys=capsys)[0] == 0
    expected = json.loads((own / f"{NAME}.call.json").read_text())
    found = json.loads((theirs / "my call.call.json").read_text())
    assert [s["text"] for s in found["segments"]] == [s["text"] for s in expected["segments"]]
    assert found["call_id"] == "my-call"


def test_a_recording_without_a_transcript_is_told_what_to_do(tmp_path, capsys):
    shutil.copy(WAV, tmp_path / "x.wav")
    status, _, said = run("replay", tmp_path / "x.wav", "--out", tmp_path / "out", capsys=capsys)
    assert status == 1
    assert "x.wav has no transcript" in said
    assert "--transcribe" in said
    assert not (tmp_path / "out").exists()


def test_a_note_is_printed_and_leaves_the_status_0(tmp_path, capsys):
    words = [{"word": "i", "start": 0, "end": 0.2}, {"word": "45"}]
    document = {"segments": [{"id": 0, "start": 0, "end": 1, "text": "i 45", "words": words}]}
    status, said, _ = run("validate", written(tmp_path / "w.json", document), capsys=capsys)
    first, note, mend = said.splitlines()
    assert (status, first.endswith(": right")) == (0, True)
    assert note == "  note: $.segments[0]: 1 of 2 words without start or end, the first one here [no_times]"
    assert mend.startswith("    -> these words are looked for in the sound")


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("empty.json", "", "$: the value is not JSON"),
        ("nothing.json", "[]", "$: an empty list"),
        ("cut.json", '{"call_id": ', "$: the value is not JSON"),
        ("lines.jsonl", '{"text": "a"}\n{"text": ', "$: line 2: the value is not JSON"),
        ("none.wav", "", "is not a RIFF/WAVE file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_once(tmp_path, name, content, fault, capsys):
    (tmp_path / name).write_text(content)
    status, said, _ = run("validate", tmp_path / name, capsys=capsys)
    assert (status, said.count(name)) == (1, 1)
    assert f"\n  {fault}" in said


def test_a_recognisers_document_is_read_once(tmp_path, capsys, monkeypatch):
    read = []
    whole = Provider.read
    monkeypatch.setattr(Provider, "read", lambda self, document: read.append(1) or whole(self, document))
    best = {"transcript": "my name", "words": [{"word": "my", "start": 0, "end": 0.2}, {"word": " "}]}
    document = {"type": "Results", "start": 0.0, "duration": 1.0, "is_final": True, "channel_index": [0, 1]}
    path = written(tmp_path / "d.json", document | {"channel": {"alternatives": [best]}})
    assert "word 2 of the segment from 0 ms has no text" in run("validate", path, capsys=capsys)[1]
    assert len(read) == 1


@pytest.mark.parametrize(
    ("customer", "said"),
    [
        ("", "a stream without one is refused (--customer names a customer for those)"),
        ("acme", 'the customer of a call is the <Parameter name="customer_id"> of its <Stream>, else acme'),
    ],
)
def test_a_bridge_says_what_it_takes_as_the_customer(customer, said):
    assert said in customer_found(customer)


def test_a_bridge_whose_port_is_taken_says_which_flag_to_set(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = Options("127.0.0.1", port)
        with pytest.raises(ConfigError, match=rf"cannot listen on 127.0.0.1:{port}: .*; set --host and --port"):
            asyncio.run(_listen(options))


async def _listen(options):
    async with listening(Bridge(BridgedCalls("", prefix=""), None, options, int), options):
        raise AssertionError("the port was free")

"""``replay``, ``detect`` and ``score`` over files."""

import json
import os
import shutil
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from deid_stream import cli
from deid_stream.audio.codec import pcm
from deid_stream.datasets.sound import read_sound, write_sound
from deid_stream.datasets.wav import read_wav
from deid_stream.demo.stage import SAMPLES

NAME = "interrupted"
WAV, CALL = SAMPLES / f"{NAME}.wav", SAMPLES / f"{NAME}.call.json"


def run(*arguments, capsys):
    status = cli.run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_replay_writes_the_three_files_of_the_contract(tmp_path, capsys):
    out = tmp_path / "out"
    status, said, _ = run("replay", WAV, CALL, "--out", out, "--json", capsys=capsys)
    assert status == 0
    assert [done["name"] for done in json.loads(said)] == [NAME]
    assert {path.name for path in out.iterdir()} == {f"{NAME}.wav", f"{NAME}.call.json", f"{NAME}.report.json"}
    before, after = read_wav(WAV), read_wav(out / f"{NAME}.wav")
    assert (after.format, after.frames) == (before.format, before.frames)
    sanitized = json.loads((out / f"{NAME}.call.json").read_text())
    assert {"call_id", "customer_id", "segments", "policy_version", "duration_ms"} <= set(sanitized)
    assert "marcus" not in json.dumps(sanitized).lower()
    report = json.loads((out / f"{NAME}.report.json").read_text())
    assert {"PERSON", "UNTRANSCRIBED"} <= {span["entity_type"] for span in report["redacted_ms"]}
    assert all(set(span) == {"channel", "start_ms", "end_ms", "entity_type"} for span in report["redacted_ms"])
    assert [entity["entity_type"] for entity in report["entities"]] == ["PERSON"]


def test_replay_of_opus_gives_opus_of_the_same_length(tmp_path, capsys):
    recording = tmp_path / "in" / f"{NAME}.opus"
    recording.parent.mkdir()
    before = read_wav(WAV)
    write_sound(recording, before)
    shutil.copy(CALL, recording.parent)
    out = tmp_path / "out"
    assert run("replay", recording.parent, "--out", out, capsys=capsys)[0] == 0
    assert {path.name for path in out.iterdir()} == {f"{NAME}.opus", f"{NAME}.call.json", f"{NAME}.report.json"}
    after = read_sound(out / f"{NAME}.opus")
    assert (after.frames, after.format.channels) == (before.frames, before.format.channels)
    samples = pcm.decode(after.data, after.format).astype(float)
    for truth in json.loads((SAMPLES / f"{NAME}.truth.json").read_text()):
        inside = samples[truth["start_ms"] * 8 : truth["end_ms"] * 8, truth["channel"]]
        assert np.sqrt(np.mean(np.square(inside))) < 50


def test_replay_writes_nothing_where_the_policy_allows_no_analytics_and_says_so(tmp_path, capsys):
    policy = tmp_path / "policy.json"
    policy.write_text('{"customer_id": "harbour-bank", "version": 7, "analytics": false}')
    out = tmp_path / "out"
    status, _, said = run("replay", WAV, CALL, "--out", out, "--policy", policy, capsys=capsys)
    assert (status, "allows no analytics, so nothing is written" in said) == (1, True)
    assert not out.exists()


def test_what_only_claims_to_be_opus_is_named(tmp_path, capsys):
    recording = tmp_path / f"{NAME}.opus"
    shutil.copy(WAV, recording)
    status, _, said = run("replay", recording, CALL, "--out", tmp_path / "out", capsys=capsys)
    assert status == 1
    assert f"{NAME}.opus: not Opus in Ogg" in said


def test_replay_applies_the_policy(tmp_path, capsys):
    policy = tmp_path / "policy.json"
    policy.write_text('{"customer_id": "harbour-bank", "version": 7, "audio": "tone", "entities": {"PERSON": "label"}}')
    assert run("replay", WAV, CALL, "--out", tmp_path, "--policy", policy, capsys=capsys)[0] == 0
    sanitized = json.loads((tmp_path / f"{NAME}.call.json").read_text())
    assert sanitized["policy_version"] == "7"
    assert "[PERSON]" in json.dumps(sanitized)
    (truth, *_) = json.loads((SAMPLES / f"{NAME}.truth.json").read_text())
    after = read_wav(tmp_path / f"{NAME}.wav")
    middle = (truth["start_ms"] + truth["end_ms"]) // 2 * 8
    assert np.abs(pcm.decode(after.data, after.format)[middle : middle + 80, truth["channel"]]).max() > 100


def test_replay_takes_a_folder_of_calls(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("one", "two"):
        shutil.copy(WAV, folder / f"{name}.wav")
        shutil.copy(CALL, folder / f"{name}.call.json")
    assert run("replay", folder, "--out", tmp_path / "out", capsys=capsys)[0] == 0
    assert len(list((tmp_path / "out").glob("*.wav"))) == 2


def test_a_call_of_a_folder_that_cannot_be_read_is_named_and_the_others_go_on(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a cut header", "b no json", "whole"):
        shutil.copy(WAV, folder / f"{name}.wav")
        shutil.copy(CALL, folder / f"{name}.call.json")
    (folder / "a cut header.wav").write_bytes(WAV.read_bytes()[:20])
    (folder / "b no json.call.json").write_text("{")
    status, said, wrong = run("replay", folder, "--out", tmp_path / "out", "--json", capsys=capsys)
    assert (status, [done["name"] for done in json.loads(said)]) == (1, ["whole"])
    assert [line.partition(".")[0] for line in wrong.splitlines()] == [
        "deid-stream: a cut header",
        "deid-stream: b no json",
    ]


def test_replay_says_where_the_transcript_goes_on_behind_the_recording(tmp_path, capsys):
    before = read_wav(WAV)
    short = tmp_path / "short.wav"
    nine_s = 9 * before.format.rate_hz * before.format.frame_bytes
    write_sound(short, msgspec.structs.replace(before, data=before.data[:nine_s]))
    _, _, whole = run("replay", WAV, CALL, "--out", tmp_path / "out", capsys=capsys)
    _, _, cut = run("replay", short, CALL, "--out", tmp_path / "out", capsys=capsys)
    assert whole == ""
    assert "begin after the recording ends, at 9.0 s: was it cut off, or is it another call's?" in cut


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("{}", "x.call.json: it is neither a call file (call_id, customer_id, segments) nor a document"),
        (
            '{"call_id": "c", "customer_id": "a", "segments": [{"text": "jane"}]}',
            "x.call.json: $.segments[0]: the segment has neither start and end nor timed words",
        ),
        ('{"call_id": "c d", "customer_id": "a"}', "x.call.json: $.call_id is no identifier; must have"),
    ],
)
def test_replay_names_what_is_wrong_with_a_call(call, says, tmp_path, capsys):
    shutil.copy(WAV, tmp_path / "x.wav")
    (tmp_path / "x.call.json").write_text(call)
    status, _, said = run("replay", tmp_path / "x.wav", "--out", tmp_path / "out", capsys=capsys)
    assert status == 1
    assert says in said
    assert "jane" not in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((WAV, CALL, "--out", SAMPLES), "would be overwritten"),
        ((SAMPLES.parent, "--out", "nowhere"), "holds no NAME.wav"),
        ((CALL, CALL, "--out", "nowhere"), "not a RIFF/WAVE file"),
        ((WAV, CALL, "--out", "nowhere", "--transcribe"), "--transcribe makes a transcript, and one is given"),
        ((WAV, CALL, "--out", "nowhere", "--policy", CALL), "interrupted.call.json: customer_id and version"),
    ],
)
def test_replay_refuses_what_cannot_be_meant(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status, _, said = run("replay", *arguments, capsys=capsys)
    assert status == 1
    assert says in said
    assert said.count("\n") == 1


def test_detect_and_score_work_on_each_others_files(tmp_path, capsys):
    text = "my card number is four five three nine one four eight eight"
    gold = {"id": "1", "text": text, "spans": [{"start": 18, "end": len(text), "label": "CREDIT_CARD", "core": True}]}
    clean = {"id": "2", "text": "thank you very much", "spans": []}
    source, found = tmp_path / "gold.jsonl", tmp_path / "found.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in (gold, clean)))
    assert run("detect", source, found, capsys=capsys)[0] == 0
    rows = [json.loads(line) for line in found.read_text().splitlines()]
    assert [row["id"] for row in rows] == ["1", "2"]
    assert set(rows[0]["spans"][0]) == {"start", "end", "entity_type", "score"}
    status, said, _ = run("score", source, found, "--json", capsys=capsys)
    assert status == 0
    assert {name: json.loads(said)[name] for name in ("recall", "leaked", "clean_hit", "over")} == {
        "recall": 1.0,
        "leaked": 0.0,
        "clean_hit": 0.0,
        "over": 0.0,
    }


@pytest.mark.parametrize("line", ["not json jane", '{"id": "1"}', '{"text": "jane"}', "[]"])
def test_detect_names_a_bad_row_without_its_content(line, tmp_path, capsys):
    (tmp_path / "in.jsonl").write_text(line + "\n")
    status, _, said = run("detect", tmp_path / "in.jsonl", tmp_path / "out.jsonl", capsys=capsys)
    assert status == 1
    assert "jane" not in said
    assert said.count("\n") == 1


def run_on_full_disk(size, *arguments):
    """As a process whose files may not grow over ``size`` bytes, which is what a full disk looks like from inside."""
    resource = pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-m", "deid_stream", *map(str, arguments)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    return done.returncode, done.stderr


def test_replay_on_a_full_disk_says_so_in_a_line_and_leaves_no_half_file(tmp_path):
    out = tmp_path / "out"
    assert run_on_full_disk(20_000, "replay", WAV, CALL, "--out", out) == (
        1,
        f"deid-stream: cannot write {out / NAME}.wav: File too large\n",
    )
    assert list(out.iterdir()) == []


def test_detect_on_a_full_disk_says_so_in_a_line_and_keeps_what_was_there(tmp_path):
    rows, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows.write_text("".join(json.dumps({"id": str(n), "text": "hello"}) + "\n" for n in range(50)))
    target.write_text("before")
    said = f"deid-stream: cannot write {target}: File too large\n"
    assert run_on_full_disk(100, "detect", rows, target) == (1, said)
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_detect_does_not_write_over_its_input(tmp_path, capsys):
    rows = tmp_path / "in.jsonl"
    rows.write_text('{"id": "1", "text": "x"}\n')
    (tmp_path / "again.jsonl").symlink_to(rows)
    for target in (rows, tmp_path / "again.jsonl"):
        status, _, said = run("detect", rows, target, capsys=capsys)
        assert (status, rows.read_text()) == (1, '{"id": "1", "text": "x"}\n')
        assert "would be overwritten; name another file" in said


def test_score_of_no_span_gives_no_share(tmp_path, capsys):
    (tmp_path / "gold.jsonl").write_text('{"id": "1", "text": "x", "spans": []}\n')
    (tmp_path / "found.jsonl").write_text('{"id": "1", "spans": []}\n')
    status, said, _ = run("score", tmp_path / "gold.jsonl", tmp_path / "found.jsonl", capsys=capsys)
    assert (status, said.splitlines()[1].split()) == (0, ["all", "0", "-", "-"])


def test_replay_names_the_place_in_a_document_that_gives_no_segment(tmp_path, capsys):
    untimed = {"results": {"channels": [{"alternatives": [{"transcript": "hi", "words": [{"word": "hi"}]}]}]}}
    (tmp_path / "d.json").write_text(json.dumps(untimed))
    status, _, said = run("replay", WAV, tmp_path / "d.json", "--out", tmp_path / "out", capsys=capsys)
    assert status == 1
    assert said.startswith("deid-stream: d.json: $.results.channels[0]: the segment has neither start and end nor")

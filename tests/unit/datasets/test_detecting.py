"""Files of turns: order, conversations, errors by line."""

import json
from pathlib import Path

import pytest

from deid_stream.datasets.detecting import detect_file, score_files
from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.errors import ConfigError, DecodeError

KEY = b"a key of the tests, 32 bytes long"
RULES = Detector.load(DetectorSettings(model="off"))


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def detected(tmp_path: Path, rows: list[dict[str, object]]) -> dict[str, list[str]]:
    source, target = write(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    assert detect_file(source, target, RULES, key=KEY) == len(rows)
    texts = {row["id"]: str(row["text"]) for row in rows}
    out = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["id"] for row in out] == [row["id"] for row in rows]
    return {row["id"]: [texts[row["id"]][s["start"] : s["end"]] for s in row["spans"]] for row in out}


def test_turns_of_a_dialogue_are_one_conversation_in_turn_order(tmp_path: Path) -> None:
    rows = [
        {"id": "a2", "dialogue_id": "a", "turn": 2, "speaker": "caller", "text": "ferguson"},
        {"id": "a1", "dialogue_id": "a", "turn": 1, "speaker": "agent", "text": "what is your name"},
        {"id": "b1", "dialogue_id": "b", "turn": 1, "speaker": "caller", "text": "oh well"},
    ]
    assert detected(tmp_path, rows) == {"a2": ["ferguson"], "a1": [], "b1": []}


def test_prev_is_heard_where_it_is_no_row(tmp_path: Path) -> None:
    rows = [{"id": "1", "speaker": "caller", "text": "field", "prev": "may i have your name"}]
    assert detected(tmp_path, rows) == {"1": ["field"]}


def test_rows_without_a_dialogue_know_nothing_of_each_other(tmp_path: Path) -> None:
    rows = [{"id": "1", "text": "what is your name"}, {"id": "2", "text": "field"}]
    assert detected(tmp_path, rows) == {"1": [], "2": []}


def test_progress_counts_the_rows(tmp_path: Path) -> None:
    counts: list[int] = []
    source = write(tmp_path / "in.jsonl", [{"id": str(i), "text": "hello"} for i in range(3)])
    detect_file(source, tmp_path / "out.jsonl", RULES, counts.append, key=KEY)
    assert counts == [1, 2, 3]


def test_detect_then_score(tmp_path: Path) -> None:
    text = "my card is 4111 1111 1111 1111"
    span = {"start": 11, "end": 30, "label": "CREDIT_CARD", "core": True}
    rows = [{"id": "1", "text": text, "spans": [span]}, {"id": "2", "text": "thanks", "spans": []}]
    gold = write(tmp_path / "gold.jsonl", rows)
    detect_file(gold, tmp_path / "out.jsonl", RULES, key=KEY)
    result = score_files(gold, tmp_path / "out.jsonl").as_dict()
    assert (result["recall"], result["leaked"], result["clean_hit"], result["over"]) == (1, 0, 0, 0)


@pytest.mark.parametrize(("content", "message"), [
    (b'{"id": "1"}\n', "line 1"),
    (b'{"id": "1", "text": "x"}\nsecret words\n', "line 2: not JSON"),
    (b'{"id": "1", "text": 4}\n', "line 1"),
    (b"\xff\n", "line 1"),
])  # fmt: skip
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, content: bytes, message: str) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(content)
    with pytest.raises(DecodeError, match=message) as caught:
        detect_file(source, tmp_path / "out.jsonl", RULES, key=KEY)
    assert "secret" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read"):
        detect_file(tmp_path / "none.jsonl", tmp_path / "out.jsonl", RULES, key=KEY)


def test_a_missing_prediction_is_an_error(tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.jsonl", [{"id": "1", "text": "x", "spans": []}])
    predicted = write(tmp_path / "pred.jsonl", [{"id": "2", "spans": []}])
    with pytest.raises(DecodeError, match="no prediction for 1"):
        score_files(gold, predicted)


def test_a_turn_that_nobody_labelled_does_not_count_as_one_without_values(tmp_path: Path) -> None:
    gold = write(tmp_path / "gold.jsonl", [{"id": "1", "text": "x", "spans": []}, {"id": "2", "text": "x"}])
    predicted = write(tmp_path / "pred.jsonl", [{"id": "1", "spans": []}, {"id": "2", "spans": []}])
    with pytest.raises(DecodeError, match=r"gold.jsonl line 2: .*`spans`"):
        score_files(gold, predicted)

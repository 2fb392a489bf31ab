"""The tagger: whole words, original offsets, nothing odd makes it fail, a model not to be trusted is refused."""

import hashlib
import shutil
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deid_stream.detect.model.neural import Label, ModelConfig, NeuralTagger, split_words, trim
from deid_stream.detect.model.shipped import CONFIG_SHA256
from deid_stream.errors import ModelError
from deid_stream.model.entities import ON_BY_DEFAULT, EntityType

MODEL = Path(__file__).parents[3] / "models" / "deid-en"


@pytest.fixture(scope="module")
def shipped() -> NeuralTagger:
    return NeuralTagger.load()


def texts(text: str, tagger: NeuralTagger, expected: str | None = None) -> list[tuple[str, str]]:
    return [(str(d.entity_type), text[d.start : d.end]) for d in tagger.tag(text, expected)]


# --- words and edges ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("i am priya", ["i", "am", "priya"]),
        ("name:Ravi,Kumar", ["name", "Ravi", "Kumar"]),
        ("mail a.b@c.com!", ["mail", "a.b@c.com"]),
        ("o'brien-smith's", ["o'brien-smith's"]),
        (" -- ... @@ \t\n", []),
        ("", []),
    ],
)
def test_words_are_cut_where_punctuation_never_joins(text: str, words: list[str]) -> None:
    assert [text[w.start : w.end] for w in split_words(text)] == words


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Smith's", "Smith"),
        ("Smith.", "Smith"),
        ("'s", "s"),
        ("+91 98", "+91 98"),
        ("O'Brien", "O'Brien"),
        ("-x-", "x"),
    ],
)
def test_a_span_leaves_edge_punctuation_and_the_possessive(text: str, kept: str) -> None:
    start, end = trim(text, 0, len(text))
    assert text[start:end] == kept


# --- decoding, with a model whose answer is the token itself ----------------------------------------------------


class _Tokenizer:
    """A token a letter: ``n`` nothing, ``b``/``p`` a name begins/goes on, ``t``/``d`` a date, ``1``/``2`` perhaps,
    ``a`` a number goes on, ``3`` that or a name, ``4`` one of them but which?"""

    @property
    def model(self) -> "_Tokenizer":
        return self

    def tokenize(self, word: str) -> list[Any]:
        return [SimpleNamespace(id=ord(c)) for c in word]

    def encode(self, words: Sequence[str], **_: Any) -> Any:
        pairs = [(i, ord(c)) for i, word in enumerate(words) for c in word]
        return SimpleNamespace(word_ids=[i for i, _ in pairs], ids=[t for _, t in pairs])


class _Session:
    """Logits by token; remembers what it was asked."""

    CLASSES: dict[str, int] = {"b": 1, "p": 2, "t": 3, "d": 4, "a": 6}  # noqa: RUF012
    DOUBTFUL: dict[str, int] = {"1": 1, "2": 3}  # noqa: RUF012

    def __init__(self) -> None:
        self.seen: list[list[int]] = []

    def run(self, _: list[str], feeds: dict[str, Any]) -> list[Any]:
        tokens = feeds["tokens"][0].tolist()
        self.seen.append(tokens)
        logits = np.zeros((1, len(tokens), 7), dtype=np.float32)
        for i, token in enumerate(tokens):
            if chr(token) == "3":
                logits[0, i, [2, 6]] = 1.0, 1.5
            elif chr(token) == "4":
                logits[0, i, [1, 6]] = 0.5, 1.0
            elif chr(token) in self.DOUBTFUL:
                logits[0, i, [0, self.DOUBTFUL[chr(token)]]] = 1.0, 0.0
            else:
                logits[0, i, self.CLASSES.get(chr(token), 0)] = 9.0
        return [logits[:, 2:-1]]


def fake(max_tokens: int = 16) -> tuple[NeuralTagger, _Session]:
    """A tagger that has been asked nothing yet."""
    tagger, session = made(max_tokens)
    session.seen.clear()
    return tagger, session


@cache
def made(max_tokens: int) -> tuple[NeuralTagger, _Session]:
    """Kept, because each tagger asks its tokenizer for every everyday word first."""
    session = _Session()
    config = ModelConfig(
        format=2,
        version="t",
        labels=[Label(EntityType.PERSON, 0.4), Label(EntityType.DATE_TIME, 0.6), Label(EntityType.ID_NUMBER, 0.4)],
        hints={"": 1, "PERSON": 2},
        start_token=0,
        end_token=3,
        max_tokens=max_tokens,
        overlap_words=3,
        any_of_default=0.5,
        reach=0.5,
        files={},
    )
    return NeuralTagger(session, _Tokenizer(), config), session


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("n b p n", [("PERSON", "b p")]),
        ("b b", [("PERSON", "b"), ("PERSON", "b")]),
        ("b d", [("PERSON", "b"), ("DATE_TIME", "d")]),
        ("nb n", [("PERSON", "nb")]),
        ("nnb n", []),
        ("p p", [("PERSON", "p p")]),
        ("1 n", []),
        ("1 b", [("PERSON", "1 b")]),
        ("b 1 1", [("PERSON", "b 1 1")]),
        ("b n 1", [("PERSON", "b")]),
        ("t 2", [("DATE_TIME", "t")]),
        ("b a", [("PERSON", "b"), ("ID_NUMBER", "a")]),
        ("b 3", [("PERSON", "b 3")]),
        ("4 n", [("ID_NUMBER", "4")]),
        ("a b", [("ID_NUMBER", "a"), ("PERSON", "b")]),
        ("n n", []),
    ],
)
def test_words_take_the_mean_of_their_pieces_and_their_label_s_threshold(
    text: str, spans: list[tuple[str, str]]
) -> None:
    assert texts(text, fake()[0]) == spans


@pytest.mark.parametrize(("expected", "token"), [(None, 1), ("PERSON", 2), ("NO_SUCH_TYPE", 1)])
def test_the_expected_type_is_one_token_after_the_start(expected: str | None, token: int) -> None:
    tagger, session = fake()
    tagger.tag("n", expected)
    assert session.seen == [[0, token, ord("n"), 3]]


@settings(max_examples=40)
@given(st.lists(st.text("nbptd", min_size=1, max_size=4), min_size=1, max_size=60))
def test_windows_give_what_one_long_window_would(words: list[str]) -> None:
    text = " ".join(words)
    cut, session = fake(max_tokens=16)
    assert cut.tag(text) == fake(max_tokens=1000)[0].tag(text)
    assert max(len(tokens) for tokens in session.seen) <= 16


# --- what comes with the package --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected", "value"),
    [
        ("ferguson", "PERSON", "ferguson"),
        ("priya raghavan", None, "priya raghavan"),
        ("my name is chukwuemeka okafor", None, "chukwuemeka okafor"),
        ("t i m o t h y h e a t h", "PERSON", "t i m o t h y h e a t h"),
        ("good afternoon this is senthil from tech support", None, "senthil"),
        ("Could you tell Lakshmi I called about the bill?", None, "Lakshmi"),
    ],
)
def test_names_are_found(shipped: NeuralTagger, text: str, expected: str | None, value: str) -> None:
    assert [found for found in texts(text, shipped, expected) if found[0] == "PERSON"] == [("PERSON", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("please send it to flat 12 sector 5 gandhi nagar", "flat 12 sector 5 gandhi nagar"),
        ("i live at forty two maple avenue", "forty two maple avenue"),
        ("It is located at 1250 1st Avenue South.", "1250 1st Avenue South"),
    ],
)
def test_addresses_are_found(shipped: NeuralTagger, text: str, value: str) -> None:
    assert ("ADDRESS", value) in texts(text, shipped)


@pytest.mark.parametrize(
    "text",
    [
        "i will pay the bill in may",
        "can you mark it as urgent",
        "is there a grace period on my policy",
        "the total comes to four hundred and twenty dollars",
        "i want two margherita pizzas please",
        "my internet has been slow since the update",
        "Thank you for calling, how can I help you today?",
        "there are three of us",
    ],
)
def test_what_only_looks_like_a_value_stays(shipped: NeuralTagger, text: str) -> None:
    assert [d for d in shipped.tag(text) if d.entity_type in ON_BY_DEFAULT] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "\x00\x01\x02",
        "😀 john 😀",
        "\ud800 john \udfff",
        "x" * 5_000,
        "мой номер 王小明 हिन्दी",
        "a\u0301" * 50,
        "'s",
    ],
)
def test_odd_text_is_read_like_any_other(shipped: NeuralTagger, text: str) -> None:
    assert all(0 <= d.start < d.end <= len(text) for d in shipped.tag(text))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=120), st.sampled_from([None, "PERSON", "ADDRESS", "nonsense"]))
def test_spans_are_sorted_apart_and_made_of_whole_words(shipped: NeuralTagger, text: str, expected: str | None) -> None:
    found = shipped.tag(text, expected)
    assert found == shipped.tag(text, expected)
    assert found == sorted(found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    for detection in found:
        assert any(c.isalnum() for c in text[detection.start : detection.end])
        assert detection.start == 0 or not (text[detection.start - 1].isalnum() and text[detection.start].isalnum())
        assert detection.end == len(text) or not (text[detection.end - 1].isalnum() and text[detection.end].isalnum())


def test_a_long_text_is_read_to_its_end(shipped: NeuralTagger) -> None:
    text = "the line was busy and nobody came back to me " * 40 + "my name is priya raghavan"
    assert [text[d.start : d.end] for d in shipped.tag(text) if d.entity_type == "PERSON"] == ["priya raghavan"]


# --- refusing what cannot be trusted ----------------------------------------------------------------------------


def test_everyday_words_are_kept_with_the_tokenizers_own_answer(shipped: NeuralTagger) -> None:
    """Each is asked for by the quick way, which must agree with the tokenizer's whole way for every one of them."""
    kept = shipped._everyday
    assert len(kept) > 30_000
    assert kept == shipped._tokens_of(list(kept))


def test_the_shipped_model_is_opened_once_for_each_sensitivity() -> None:
    assert NeuralTagger.load() is NeuralTagger.load()
    assert NeuralTagger.load() is not NeuralTagger.load(log_odds=1.0)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODEL, tmp_path / "model"))


def test_a_missing_folder_is_named_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="make train"):
        NeuralTagger.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_or_missing_file_is_refused(copy: Path, name: str) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ModelError, match="damaged"):
        NeuralTagger.load(copy)
    (copy / name).unlink()
    with pytest.raises(ModelError, match="missing"):
        NeuralTagger.load(copy)


def test_a_model_whose_files_were_all_replaced_together_is_not_the_pinned_one(copy: Path) -> None:
    assert NeuralTagger.load(copy, config_sha256=CONFIG_SHA256).tag("my name is priya raghavan")
    weights = (copy / "model.onnx").read_bytes() + b"\0"
    (copy / "model.onnx").write_bytes(weights)
    config = msgspec.json.decode((copy / "config.json").read_bytes())
    config["files"]["model.onnx"] = hashlib.sha256(weights).hexdigest()
    (copy / "config.json").write_bytes(msgspec.json.encode(config))
    with pytest.raises(ModelError, match="not the expected one"):
        NeuralTagger.load(copy, config_sha256=CONFIG_SHA256)


def test_another_format_is_refused(copy: Path) -> None:
    config = msgspec.json.decode((copy / "config.json").read_bytes())
    (copy / "config.json").write_bytes(msgspec.json.encode({**config, "format": 99}))
    with pytest.raises(ModelError, match="format 99"):
        NeuralTagger.load(copy)


def test_an_unreadable_config_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json"):
        NeuralTagger.load(copy)


def test_the_model_is_small_enough_to_ship() -> None:
    assert sum(f.stat().st_size for f in MODEL.iterdir()) <= 20_000_000

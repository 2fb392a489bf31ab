"""The shipped model: a small transformer token classifier (ONNX, int8) for what rules cannot know.

Names, addresses, and values that only their sentence gives away. One turn at a time (batch 1: dynamic int8
quantisation makes a row's result depend on its batch), one thread, no randomness, so a replay gives the same spans.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from deid_stream.detect.model.sensitivity import shifted
from deid_stream.detect.model.shipped import CONFIG_SHA256
from deid_stream.detect.vocabulary import COMMON, DICTIONARY, GIVEN_NAMES, ORDINARY
from deid_stream.errors import ModelError
from deid_stream.model.entities import ON_BY_DEFAULT, EntityType
from deid_stream.model.spans import Detection, Origin
from deid_stream.text.tokens import STRETCH, is_word_char
from deid_stream.units import Interval

MODEL_FORMAT: Final = 2
"""Form of a model's folder (``config.json``, network, tokenizer). A folder of another form is refused."""
_MEND: Final = "reinstall deid-stream, or rebuild the model with `make train`"
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_ALNUM: Final = re.compile(r"[^\W_]")
_SLOWER_FUSED: Final = ["SkipLayerNormFusion"]
"""onnxruntime's one operator for "add and normalise" takes 40 us where the two take 11 (a seventh of a run)."""
_LETTERS_AND_NUMBERS: Final = frozenset(ascii_lowercase) | frozenset(map(str, range(100)))
_MAX_WORD_CHARS: Final = 64
"""What the tokenizer sees of a longer word; the span still covers all of it."""


class Label(msgspec.Struct, frozen=True):
    """One class of the model and the least probability at which it is reported."""

    entity_type: EntityType
    threshold: float


class ModelConfig(msgspec.Struct, frozen=True):
    """``config.json`` beside the weights.

    Class 0 is "nothing"; label ``i`` begins at class ``2 i + 1`` and goes on at ``2 i + 2``.
    """

    format: int
    version: str
    labels: list[Label]
    hints: dict[str, int]
    """Entity type just asked for -> token id; ``""`` is the token of no expectation."""
    start_token: int
    end_token: int
    max_tokens: int
    overlap_words: int
    any_of_default: float
    """Joint probability of the types that go by default at which a word goes as the likeliest of them."""
    reach: float
    """Share of its threshold at which a label spreads to the next word; only types that go by default spread."""
    files: dict[str, str]
    """File name -> SHA-256, hex."""


class _Pieces(NamedTuple):
    """Word pieces of a turn, in order: the token of each, and the index of the word that it is of."""

    tokens: list[int]
    owners: list[int]


class NeuralTagger:
    """Tags one turn. Make one with :meth:`load`; it may be shared, calls keep no state."""

    name: Final = "neural"

    def __init__(self, session: Any, tokenizer: Any, config: ModelConfig) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._word_pieces = tokenizer.model
        self._config = config
        # one more for -1, "no label", which does not spread either
        self._reaching = [*(label.entity_type in ON_BY_DEFAULT for label in config.labels), False]
        self._default = np.flatnonzero(self._reaching[:-1])
        self._thresholds = np.array([label.threshold for label in config.labels], dtype=np.float32)
        self._least = float(min(self._thresholds.min(), config.any_of_default))
        """Probability of all classes together below which a piece can be part of nothing."""
        everyday = COMMON | DICTIONARY | GIVEN_NAMES | ORDINARY | _LETTERS_AND_NUMBERS
        # all of them now, not each when it is first said: the table must not tell which names callers have said
        self._everyday = {word: self._tokens_of_one(word) for word in sorted(everyday)}

    @property
    def version(self) -> str:
        return self._config.version

    @classmethod
    def load(
        cls, path: Path | None = None, *, config_sha256: str | None = None, log_odds: float = 0.0
    ) -> "NeuralTagger":
        """Load the model in ``path``, or the one that came with the package (or stands in the checkout).

        ``config_sha256`` (hex) pins a model of one's own; the shipped one is always pinned, by a constant in the code.
        ``log_odds`` is added to every guess before it meets its threshold: above 0 more goes, below 0 less.
        The shipped model is opened once per process and ``log_odds``, and then shared: opening takes 0.2 s and memory.
        Raises ``ModelError``, with the mend, when files are missing, damaged, not the pinned ones or of another format.
        """
        return _open_shipped(log_odds) if path is None else cls._open(path, config_sha256, log_odds)

    @classmethod
    def _open(cls, folder: Path, config_sha256: str | None, log_odds: float) -> "NeuralTagger":
        config = _read_config(folder, config_sha256)
        _verify(folder, config)
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # without VNNI, products of 8-bit numbers overflow on the way, and the same turn has other values
        options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            session = onnxruntime.InferenceSession(
                (folder / "model.onnx").read_bytes(),
                options,
                providers=["CPUExecutionProvider"],
                disabled_optimizers=_SLOWER_FUSED,
            )
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:
            raise ModelError(
                f"the model in {folder.name} cannot be opened ({type(error).__name__}); {_MEND}"
            ) from error
        return cls(session, tokenizer, _at(config, log_odds))

    def tag(self, text: str, expected: str | None = None) -> list[Detection]:
        """Detections of one turn, sorted, never overlapping, never ending inside a word; offsets into ``text``.

        ``expected`` is the entity type that the other party has just asked for, if any; an unknown one counts as none.
        """
        words = list(split_words(text))
        if not words:
            return []
        readable = text if text.isascii() or _SURROGATE.search(text) is None else _SURROGATE.sub("\ufffd", text)
        pieces = self._pieces([readable[start : min(end, start + _MAX_WORD_CHARS)] for start, end in words])
        if not pieces.tokens:
            return []
        hint = self._config.hints.get(expected or "", self._config.hints[""])
        likely = self._likely(pieces, hint)
        if 1.0 - float(np.minimum.reduce(likely[:, 0])) < self._least:
            return []
        return self._spans(text, words, _by_word(likely, pieces.owners, len(words)))

    def _pieces(self, words: Sequence[str]) -> _Pieces:
        known = self._everyday
        tokens: list[int] = []
        owners: list[int] = []
        for at, word in enumerate(words):
            found = known.get(word.lower()) or self._tokens_of_one(word)
            if len(found) == 1:
                tokens.append(found[0])
                owners.append(at)
            else:
                tokens += found
                owners += [at] * len(found)
        return _Pieces(tokens, owners)

    def _tokens_of_one(self, word: str) -> list[int]:
        """As ``_tokens_of``: of an ASCII word of letters and digits, which the tokenizer neither cuts nor changes but
        for its case, its last step alone tells them, in a quarter of the time."""
        if word.isascii() and word.isalnum():
            return [piece.id for piece in self._word_pieces.tokenize(word.lower())]
        return self._tokens_of([word])[word]

    def _tokens_of(self, words: Sequence[str]) -> dict[str, list[int]]:
        """The tokenizer's answer to each of different words: it sees one at a time, so it is the same in every turn.

        Kept for everyday words only, which saves most of its time; what callers said beyond them must not stay here.
        """
        encoding = self._tokenizer.encode(words, is_pretokenized=True, add_special_tokens=False)
        found: dict[str, list[int]] = {word: [] for word in words}
        for at, token in zip(encoding.word_ids, encoding.ids, strict=True):
            found[words[at]].append(token)
        return found

    def _likely(self, pieces: _Pieces, hint: int) -> npt.NDArray[np.float32]:
        """Class probabilities of every piece, shape ``(pieces, classes)``."""
        parts = []
        for window, keep in self._windows(pieces):
            tokens = [self._config.start_token, hint, *window, self._config.end_token]
            parts.append(self._session.run(["logits"], {"tokens": np.array([tokens], dtype=np.int64)})[0][0][keep])
        logits = np.concatenate(parts) if len(parts) > 1 else parts[0]
        likely = np.exp(logits - np.maximum.reduce(logits, axis=1, keepdims=True))
        likely /= np.add.reduce(likely, axis=1, keepdims=True)
        return likely  # type: ignore[no-any-return]

    def _windows(self, pieces: _Pieces) -> Iterator[tuple[Sequence[int], slice]]:
        """Tokens of overlapping windows and the part of each to keep: every piece is kept once, with context on both
        sides."""
        room, tokens = self._config.max_tokens - 3, pieces.tokens
        if len(tokens) <= room:
            yield tokens, slice(0, len(tokens))
            return
        margin = min(self._config.overlap_words, room // 4)
        kept = 0
        while kept < len(tokens):
            start = max(0, kept - margin)
            end = min(len(tokens), start + room)
            last = len(tokens) if end == len(tokens) else _word_border(pieces.owners, kept + 1, end - margin)
            yield tokens[start:end], slice(kept - start, last - start)
            kept = last

    def _spans(self, text: str, words: Sequence[Interval], probabilities: npt.NDArray[np.float32]) -> list[Detection]:
        begin, inside = probabilities[:, 1::2], probabilities[:, 2::2]
        by_label = begin + inside
        begins = begin > inside
        joint = np.add.reduce(by_label[:, self._default], axis=1)
        labels, reached = self._decide(by_label, begins, joint)
        found: list[tuple[int, int, int]] = []
        for i, label in enumerate(labels):
            if label < 0:
                continue
            if (
                found
                and found[-1][1] == i - 1
                and found[-1][2] == label
                and (reached[i] or reached[i - 1] or not begins[i, label])
            ):
                found[-1] = (found[-1][0], i, label)
            else:
                found.append((i, i, label))
        spans = []
        for first, final, label in found:
            start, end = trim(text, words[first].start, words[final].end)
            settled = self._config.labels[label]
            score = _score(max(by_label[first : final + 1, label].tolist()), settled.threshold)
            if self._reaching[label]:
                score = max(score, _score(max(joint[first : final + 1].tolist()), self._config.any_of_default))
            spans.append(Detection(start, end, settled.entity_type, score, self.name, Origin.MODEL))
        return spans

    def _decide(
        self,
        by_label: npt.NDArray[np.float32],
        begins: npt.NDArray[np.bool_],
        joint: npt.NDArray[np.float32],
    ) -> tuple[list[int], list[bool]]:
        """Label of every word (-1: none), and whether it was reached from a neighbour.

        A word that surely goes, by one type or another, goes. A value goes on under the label it began with, unless
        another one begins. Two thresholds (hysteresis): a word is taken at its label's own, and a neighbour of a taken
        word already at ``reach`` times that, so that the doubtful half of a name follows the certain one.
        """
        margins = by_label / self._thresholds
        best = margins.argmax(axis=1).tolist()
        rows: list[list[float]] = margins.tolist()
        labels = [label if row[label] >= 1.0 else -1 for label, row in zip(best, rows, strict=True)]
        for i in (joint >= self._config.any_of_default).nonzero()[0].tolist():
            if not self._reaching[labels[i]]:
                labels[i] = int(self._default[margins[i, self._default].argmax()])
        reached = [False] * len(labels)
        if max(labels) < 0:
            return labels, reached
        reach, reaching = self._config.reach, self._reaching
        for i in range(1, len(labels)):
            before, label = labels[i - 1], labels[i]
            other = before != label and reaching[before] and reaching[label]
            if other and not begins[i, label] and rows[i][before] >= reach:
                labels[i], reached[i] = before, True
        ways = (range(1, len(labels)), -1), (range(len(labels) - 2, -1, -1), 1)
        for indices, towards in ways:
            for i in indices:
                label = labels[i + towards]
                free = labels[i] != label and not reaching[labels[i]]
                if label >= 0 and free and reaching[label] and rows[i][label] >= reach:
                    labels[i], reached[i] = label, True
        return labels, reached


def _by_word(likely: npt.NDArray[np.float32], owners: Sequence[int], words: int) -> npt.NDArray[np.float32]:
    """Mean class probabilities of every word, shape ``(words, classes)``."""
    first = [i for i, (before, owner) in enumerate(pairwise([-1, *owners])) if owner != before]
    if len(first) == words == len(owners):
        return likely
    counts = [end - start for start, end in pairwise([*first, len(owners)])]
    means: npt.NDArray[np.float32] = (np.add.reduceat(likely, first) / np.array(counts)[:, None]).astype(np.float32)
    if len(first) == words:
        return means
    found = np.zeros((words, likely.shape[1]), dtype=np.float32)
    found[[owners[i] for i in first]] = means
    return found


def _score(probability: float, threshold: float) -> float:
    """0.5 at the label's threshold, 1 at certainty, so that one cut suits every label."""
    return round(min(1.0, 0.5 + 0.5 * (probability - threshold) / (1.0 - threshold)), 4)


def split_words(text: str) -> Iterator[Interval]:
    """Words as the model is trained on them: runs between blanks and the punctuation that never joins words."""
    for match in STRETCH.finditer(text):
        if _ALNUM.search(match.group()) is not None:
            yield Interval(*match.span())


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without punctuation and possessive at its edges; it holds a letter or digit, so something stays."""
    while not (text[start].isalnum() or text[start] in "+#@"):
        start += 1
    if text[end - 2 : end].lower() in ("'s", "’s") and end - 2 > start:
        end -= 2
    while not is_word_char(text[end - 1]):
        end -= 1
    return start, end


def _word_border(owners: Sequence[int], low: int, at: int) -> int:
    """The last position in ``[low, at]`` where a word begins, or ``at`` in the midst of one endless word."""
    return next((i for i in range(at, low, -1) if owners[i] != owners[i - 1]), at)


@cache
def _open_shipped(log_odds: float) -> NeuralTagger:
    return NeuralTagger._open(_shipped(), CONFIG_SHA256, log_odds)


def _shipped() -> Path:
    packaged = Path(str(resources.files("deid_stream"))) / "models" / "deid-en"
    checkout = Path(__file__).resolve().parents[4] / "models" / "deid-en"
    return packaged if packaged.is_dir() else checkout


def _at(config: ModelConfig, log_odds: float) -> ModelConfig:
    labels = [Label(label.entity_type, shifted(label.threshold, log_odds)) for label in config.labels]
    return replace(config, labels=labels, any_of_default=shifted(config.any_of_default, log_odds))


def _read_config(folder: Path, pinned: str | None) -> ModelConfig:
    try:
        data = (folder / "config.json").read_bytes()
        if pinned is not None and hashlib.sha256(data).hexdigest() != pinned:
            raise ModelError(f"config.json of the model in {folder} is not the expected one (SHA-256 differs); {_MEND}")
        config = msgspec.json.decode(data, type=ModelConfig)
    except OSError as error:
        raise ModelError(f"no model in {folder} ({type(error).__name__}); {_MEND}") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ModelError(f"config.json of the model in {folder} is not readable; {_MEND}") from error
    if config.format != MODEL_FORMAT:
        raise ModelError(f"model format {config.format}, this version reads {MODEL_FORMAT}; {_MEND}")
    return config


def _verify(folder: Path, config: ModelConfig) -> None:
    for name in ("model.onnx", "tokenizer.json"):
        try:
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise ModelError(f"{name} of the model is missing ({type(error).__name__}); {_MEND}") from error
        if digest != config.files.get(name):
            raise ModelError(f"{name} of the model is damaged (SHA-256 differs); {_MEND}")

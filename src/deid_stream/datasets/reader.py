"""The rows of the files of ``detect`` and ``score``: one JSON object per line, read one by one. Errors name the line
and never quote it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from deid_stream.errors import ConfigError, DecodeError
from deid_stream.model.entities import EntityType


class Turn(msgspec.Struct, frozen=True):
    """One turn of a conversation, to find values in."""

    id: str
    text: str
    dialogue_id: str | None = None
    """Rows of one dialogue are one conversation."""
    turn: int | None = None
    """Place of the turn in its dialogue."""
    speaker: int | str | None = None
    prev: str | None = None
    """Text of the other party's turn before, where that turn is no row of the file."""
    language: str | None = None
    """BCP 47 tag; None: guessed."""


class GoldSpan(msgspec.Struct, frozen=True):
    """A value in the truth of a row: half-open, in characters of ``text``."""

    start: int
    end: int
    label: str
    core: bool = True
    """False: the span counts neither when found nor when missed."""


class Gold(msgspec.Struct, frozen=True):
    """One turn with its truth."""

    id: str
    text: str
    spans: tuple[GoldSpan, ...] = ()
    dialogue_id: str | None = None


class Labelled(Gold, frozen=True, kw_only=True):
    """A row of the file that ``score`` compares with: it must have ``spans``, else turns that nobody has labelled
    would count as turns without values."""

    spans: tuple[GoldSpan, ...]


class PredictedSpan(msgspec.Struct, frozen=True):
    """A value that was found: half-open, in characters of ``text``; ``score`` from 0 to 1."""

    start: int
    end: int
    entity_type: EntityType
    score: float = 1.0


class Predicted(msgspec.Struct, frozen=True):
    """One row of the output of ``detect``."""

    id: str
    spans: tuple[PredictedSpan, ...] = ()
    withheld: str | msgspec.UnsetType = msgspec.UNSET
    """Code of the error for which the whole turn must go (one span covers all of it); unset: none."""


Row = TypeVar("Row")


def read_rows(path: Path, row: type[Row]) -> Iterator[Row]:
    """The rows of a JSON-lines file; blank lines are skipped. Raises DecodeError naming file and line, ConfigError
    where the file cannot be read."""
    decoder = msgspec.json.Decoder(row)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    try:
                        yield decoder.decode(line)
                    except (msgspec.DecodeError, UnicodeDecodeError) as error:
                        what = str(error) if isinstance(error, msgspec.ValidationError) else "not JSON"
                        raise DecodeError(f"{path.name} line {number}: {what}") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error

"""Turn files: one JSON object a line, read lazily, errors by line number and never by content."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from deid_stream.errors import ConfigError, DecodeError
from deid_stream.model.entities import EntityType


class Turn(msgspec.Struct, frozen=True):
    """A row to detect in. ``prev`` is the other party's turn before, where that is not itself a row; ``language`` its
    BCP 47 tag."""

    id: str
    text: str
    dialogue_id: str | None = None
    turn: int | None = None
    speaker: int | str | None = None
    prev: str | None = None
    language: str | None = None


class GoldSpan(msgspec.Struct, frozen=True):
    start: int
    end: int
    label: str
    core: bool = True


class Gold(msgspec.Struct, frozen=True):
    """A row with truth."""

    id: str
    text: str
    spans: tuple[GoldSpan, ...] = ()
    dialogue_id: str | None = None


class PredictedSpan(msgspec.Struct, frozen=True):
    start: int
    end: int
    entity_type: EntityType
    score: float = 1.0


class Predicted(msgspec.Struct, frozen=True):
    """A row of ``detect``'s output. ``withheld`` says why the whole turn must go: one span covers all of it."""

    id: str
    spans: tuple[PredictedSpan, ...] = ()
    withheld: str | msgspec.UnsetType = msgspec.UNSET


Row = TypeVar("Row")


def read_rows(path: Path, row: type[Row]) -> Iterator[Row]:
    """The rows of a JSON-lines file; blank lines are skipped. ``DecodeError`` names file and line."""
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

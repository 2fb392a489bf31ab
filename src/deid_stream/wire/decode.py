"""From a record to its events: the only dispatch from a kind of record to its decoder."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from deid_stream.errors import DecodeError, InternalError
from deid_stream.model.events import Event
from deid_stream.model.topics import AUDIO_KIND, EVENTS_KIND, TRANSCRIPTS_KIND
from deid_stream.wire.audio import decode_audio
from deid_stream.wire.cloudevents import Headers
from deid_stream.wire.events import decode_event
from deid_stream.wire.limits import Limits
from deid_stream.wire.notes import Note, ignore
from deid_stream.wire.transcript import decode_transcript


class Decoded(msgspec.Struct, frozen=True):
    """The events of a record, and a fault for each part that could not be read."""

    events: tuple[Event, ...]
    faults: tuple[DecodeError, ...] = ()

    def sound(self) -> tuple[Event, ...]:
        """The events. Raises the first fault where there is any."""
        if self.faults:
            raise self.faults[0]
        return self.events


def _transcript(*arguments: Any) -> Decoded:
    return Decoded(*decode_transcript(*arguments))


def _event(*arguments: Any) -> Decoded:
    return Decoded((decode_event(*arguments),))


_READERS: Final[dict[str, Callable[..., Decoded]]] = {
    TRANSCRIPTS_KIND: _transcript,
    EVENTS_KIND: _event,
}


def decode(
    kind: str,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    timestamp_ms: int,
    offset: int,
    limits: Limits,
    note: Note = ignore,
) -> Decoded:
    """The events of a record of ``kind`` (``events``, ``transcripts`` or ``audio``). Raises nothing: whatever is wrong
    with a record is a fault of that record, also where reading it failed in a way that nobody foresaw.

    ``timestamp_ms`` is record time, ``offset`` the record's place; ``note`` is told of fields that were left out.
    """
    try:
        if kind == AUDIO_KIND:
            # by far the most records: not through the table
            return Decoded((decode_audio(key, value, headers, timestamp_ms, offset, limits, note),))
        return _READERS[kind](key, value, headers, timestamp_ms, offset, limits, note)
    except DecodeError as error:
        return Decoded((), (error,))
    except Exception as error:  # noqa: BLE001 - one record may never end the partition; its type is told
        return Decoded((), (internal(error),))


def internal(error: BaseException) -> InternalError:
    """The fault of a record that could not be read because of a bug here; it names only the type of ``error``."""
    name = type(error).__name__
    fault = InternalError(f"reading the record failed with {name}", mend="report it with the exception's type")
    fault.exception = name
    return fault

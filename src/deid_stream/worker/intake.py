"""From source records to events. With ``hash_ids`` the producer's identifiers are replaced here and go no further."""

from functools import lru_cache
from typing import Any

import msgspec

from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.events import AudioChunk, CallStarted, Event, Segment
from deid_stream.model.json import JsonObject
from deid_stream.model.topics import EVENTS_KIND
from deid_stream.session.lifecycle import REFERENCES
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.decode import Decoded, decode
from deid_stream.wire.limits import Limits
from deid_stream.wire.notes import Note
from deid_stream.wire.telephones import telephone

RecordHeaders = tuple[tuple[str, bytes], ...]


class Intake:
    """``ids`` None: identifiers stay as the producer made them. ``subjects`` None: there is no key, so the person on
    the line gets no pseudonym."""

    def __init__(
        self, limits: Limits | None = None, ids: IdPseudonyms | None = None, subjects: IdPseudonyms | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._ids = ids
        self._subjects = subjects
        self._headers = lru_cache(maxsize=16_384)(self._hidden_headers)

    def decode(self, kind: str, record: Any, time_ms: Ms, note: Note) -> Decoded:
        """As ``wire.decode.decode``; ``time_ms`` is record time."""
        decoded = decode(kind, record.key, record.value, record.headers, time_ms, record.offset, self._limits, note)
        if not decoded.events or (self._ids is None and kind != EVENTS_KIND):
            return decoded
        return Decoded(tuple(self._hidden(event, note) for event in decoded.events), decoded.faults)

    def key(self, key: bytes | None) -> bytes | None:
        """A source record's key, for its dead letter: a call id, or nothing that can be told."""
        if self._ids is None or not key:
            return key
        return self._ids.call(key.decode(errors="surrogateescape")).encode()

    def _hidden(self, event: Event, note: Note) -> Event:
        ids, replace = self._ids, msgspec.structs.replace
        if isinstance(event, CallStarted):
            event = replace(event, metadata=self._ends(event, note))
        if isinstance(event, CallStarted) and event.subject:
            known = self._subjects
            event = replace(event, subject=known.subject(event.customer_id, event.subject) if known else "")
        if ids is None:
            return event
        call_id, customer_id = ids.call(event.call_id), ids.customer(event.customer_id)
        if isinstance(event, AudioChunk):
            # ce_id is free text of the producer's: the output's own id takes its place
            headers = self._headers(event.headers, call_id, customer_id)
            return replace(event, call_id=call_id, customer_id=customer_id, headers=headers, id=b"")
        if isinstance(event, Segment):
            segment_id = ids.segment(event.segment_id)
            return replace(event, call_id=call_id, customer_id=customer_id, segment_id=segment_id)
        return replace(event, call_id=call_id, customer_id=customer_id)

    def _ends(self, event: CallStarted, note: Note) -> JsonObject:
        """The metadata with telephone numbers as references, which are those of ``subject``, and their countries."""
        metadata = {name: value for name, value in event.metadata.items() if name not in REFERENCES}
        for name in ("from", "to"):
            value = metadata.pop(name, None)
            number = telephone(value)
            if number is None or self._subjects is None:
                if value is not None:
                    note(name)
                continue
            metadata[f"{name}_ref"] = self._subjects.subject(event.customer_id, number.number)
            if number.country:
                metadata[f"{name}_country"] = number.country
        return metadata

    @staticmethod
    def _hidden_headers(headers: RecordHeaders, call_id: str, customer_id: str) -> RecordHeaders:
        hidden = {
            ce.SUBJECT: call_id.encode(),
            ce.CUSTOMER_ID: customer_id.encode(),
            ce.SOURCE: ce.OWN_SOURCE,
        }
        return tuple((name, hidden.get(name, value)) for name, value in headers)

"""An index of what the training topics hold now: for each call, the keys of its live records and their offsets. It
holds no payload.

A training reader makes two passes. The first reads every key up to the end that stood when it began and keeps this
index: a tombstone, however much later it came, removes its key here. The second pass takes only the records that this
index names, so no record that was retracted before the reader began is ever handed out.
"""

from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256

import msgspec

from deid_stream.model.ids import split_record_id
from deid_stream.units import Ms
from deid_stream.wire.published import PublishedSummary


class Source(StrEnum):
    """A topic that training reads: ``deid.training.transcripts``, ``deid.training.audio`` or ``deid.calls``."""

    TRANSCRIPTS = "transcripts"
    AUDIO = "audio"
    CALLS = "calls"


class HeldCall(msgspec.Struct):
    """The live records of one call."""

    partition: int
    transcripts: dict[bytes, int] = {}
    """Offset in ``deid.training.transcripts``, by record key."""
    audio: dict[bytes, int] = {}
    """Offset in ``deid.training.audio``, by record key."""
    closed_at: int | None = None
    """Offset of the call's summary in ``deid.calls``; after it only revisions are added. None: the call goes on."""
    audio_chunks: int = 0
    """Number of audio records, as the summary says."""
    customer_id: str = ""
    """As the summary says; empty while the call goes on."""
    ended_ms: Ms = 0
    """Record time at which the call ended, epoch ms."""

    @property
    def records(self) -> int:
        """Number of live records in both training topics."""
        return len(self.transcripts) + len(self.audio)

    @property
    def gaps(self) -> bool:
        """Whether records of the call are missing: audio that the summary counts, or a number within a channel."""
        if len(self.audio) < self.audio_chunks:
            return True
        counts: dict[str, int] = {}
        highest: dict[str, int] = {}
        for kind, keys in (("t", self.transcripts), ("a", self.audio)):
            for key in keys:
                parts = split_record_id(key)
                if parts is not None:
                    stream = f"{kind}/{parts[1]}"
                    counts[stream] = counts.get(stream, 0) + 1
                    highest[stream] = max(highest.get(stream, 0), parts[2])
        return any(counts[stream] <= highest[stream] for stream in counts)

    def digest(self) -> str:
        """SHA-256 in hexadecimal of all keys and offsets: a revision, a retraction or a deletion changes it."""
        found = sha256()
        for keys in (self.transcripts, self.audio):
            for key in sorted(keys):
                found.update(key + b"@%d\n" % keys[key])
        return found.hexdigest()


class Held:
    """The index of all calls. Give it every record of the three topics in offset order, then ask."""

    def __init__(self) -> None:
        self._calls: dict[str, HeldCall] = {}

    def add(self, source: Source, partition: int, offset: int, key: bytes, *, live: bool) -> None:
        """Take in a record of a training topic; ``live`` False: a tombstone, which removes its key. Keys that are no
        record ids are ignored."""
        parts = split_record_id(key)
        if parts is None or source is Source.CALLS:
            return
        call = self._calls.get(parts[0])
        if call is None:
            if not live:
                return
            call = self._calls[parts[0]] = HeldCall(partition)
        keys = call.transcripts if source is Source.TRANSCRIPTS else call.audio
        if live:
            keys[key] = offset
        else:
            keys.pop(key, None)

    def close(self, partition: int, offset: int, summary: PublishedSummary) -> None:
        """Take in the summary of a call from ``deid.calls``: the call is closed."""
        call = self._calls.setdefault(summary.call_id, HeldCall(partition))
        call.closed_at, call.audio_chunks = offset, summary.audio_chunks
        call.customer_id, call.ended_ms = summary.customer_id, summary.time_ms

    def withdraw(self, call_id: str) -> None:
        """Forget a call, because its summary was taken back (a tombstone in ``deid.calls``)."""
        self._calls.pop(call_id, None)

    def get(self, call_id: str) -> HeldCall | None:
        """The call of that id; None where it has no live record."""
        call = self._calls.get(call_id)
        return call if call is not None and call.records else None

    def items(self) -> Iterator[tuple[str, HeldCall]]:
        """Call ids with their calls, of which at least one record is live."""
        return ((call_id, call) for call_id, call in self._calls.items() if call.records)

    def customers(self) -> set[str]:
        """The customers of all closed calls, also of calls of which training has no record."""
        return {call.customer_id for call in self._calls.values() if call.customer_id}

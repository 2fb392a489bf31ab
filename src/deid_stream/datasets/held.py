"""What the training topics hold now, without a payload: by call the keys that are live and where each lies.

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
    """A topic of the training set."""

    TRANSCRIPTS = "transcripts"
    AUDIO = "audio"
    CALLS = "calls"


class HeldCall(msgspec.Struct):
    """One call's live records: key to source offset."""

    partition: int
    transcripts: dict[bytes, int] = {}
    audio: dict[bytes, int] = {}
    closed_at: int | None = None
    """Offset of its summary in ``deid.calls``: nothing but a revision will be added. None: the call goes on."""
    audio_chunks: int = 0
    """By its summary."""
    customer_id: str = ""
    ended_ms: Ms = 0
    """Record time of its end."""

    @property
    def records(self) -> int:
        return len(self.transcripts) + len(self.audio)

    @property
    def gaps(self) -> bool:
        """Records between the first of the call and its last are missing."""
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
        """Names exactly this set of records; it changes with each revision and each retraction."""
        found = sha256()
        for keys in (self.transcripts, self.audio):
            for key in sorted(keys):
                found.update(key + b"@%d\n" % keys[key])
        return found.hexdigest()


class Held:
    """Feed every record of the three topics in offset order, then ask."""

    def __init__(self) -> None:
        self._calls: dict[str, HeldCall] = {}

    def add(self, source: Source, partition: int, offset: int, key: bytes, *, live: bool) -> None:
        """One record of a training topic; ``live`` False: a tombstone."""
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
        """A call's summary."""
        call = self._calls.setdefault(summary.call_id, HeldCall(partition))
        call.closed_at, call.audio_chunks = offset, summary.audio_chunks
        call.customer_id, call.ended_ms = summary.customer_id, summary.time_ms

    def withdraw(self, call_id: str) -> None:
        """The summary was taken back, and with it the call."""
        self._calls.pop(call_id, None)

    def get(self, call_id: str) -> HeldCall | None:
        """A call with at least one live record."""
        call = self._calls.get(call_id)
        return call if call is not None and call.records else None

    def items(self) -> Iterator[tuple[str, HeldCall]]:
        """Calls with at least one live record."""
        return ((call_id, call) for call_id, call in self._calls.items() if call.records)

    def customers(self) -> set[str]:
        """Of all calls that have closed, those of which training has nothing among them."""
        return {call.customer_id for call in self._calls.values() if call.customer_id}

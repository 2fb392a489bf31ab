"""What a partition's next owner needs: positions, stream time and the content-free state of every live call.

Records of one partition of ``deid.checkpoints`` are a *base* (everything, in one record or several parts) and after
it *deltas* (what changed since, one per batch of work). Every record but a base's own parts names the offset at which
its base begins, so recovery reads one record at the end of the log and then from there: its cost does not grow with
the age of the partition. All of them are JSON:

    {"v":1,"epoch":7,"writer":"k3...","base":1840,"part":0,"parts":1,"kind":"delta",
     "positions":{...},"needed":{...},"time_ms":...,"audited":[position, hash],
     "calls":[<snapshot>, ...],"closed":[["call-id",time_ms], ...]}

What does not fit one record is split into ``parts``, bases and deltas alike; neither counts before all its parts are
there. ``epoch`` counts the owners. On a broker without transactions a paused worker may still write after it has been
replaced; what it writes then has a lower epoch (or the same and came second) and is ignored.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from deid_stream.model.topics import INPUT_KINDS
from deid_stream.units import Ms
from deid_stream.wire.chain import Head
from deid_stream.worker.consent import CallFacts
from deid_stream.worker.ended import EndedCall

VERSION: Final = 1
DELTA_SLOTS: Final = 512
"""Deltas reuse so many keys, which bounds what compaction keeps."""

PART_BYTES: Final = 600_000
"""Bytes of calls that one record holds: below the broker's usual limit for a batch (1 MB), with room for one large
call."""


FACTS: Final = 2_000
"""Facts that one record holds: some 200 kB, with long call ids."""
_ENDED_BYTES: Final = 100
"""Bytes that a closed call takes in a record beside its id and its ranges, roughly."""


class Progress(msgspec.Struct, kw_only=True):
    """Where a partition is. Offsets by topic kind (``events``, ``transcripts``, ``audio``)."""

    positions: dict[str, int] = {}
    """Next source offset that no session has been given yet."""
    needed: dict[str, int] = {}
    """Where reading must start again; never after ``positions``."""
    time_ms: Ms = 0
    audited: Head = Head()
    """How far the worker's chain in this partition of the audit has come, with this batch."""


class _Record(msgspec.Struct, kw_only=True):
    v: int
    kind: str
    epoch: int
    writer: str
    base: int = -1
    part: int = 0
    parts: int = 1
    positions: dict[str, int] = {}
    needed: dict[str, int] = {}
    time_ms: Ms = 0
    audited: Head = Head()
    calls: list[msgspec.Raw] = []
    facts: Sequence[CallFacts] = ()
    closed: list[EndedCall] = []


class _CallName(msgspec.Struct):
    call_id: str


class Restored(msgspec.Struct, kw_only=True):
    """What the log of a partition says; ``epoch`` 0 when it says nothing."""

    epoch: int = 0
    progress: Progress = msgspec.field(default_factory=Progress)
    calls: dict[str, bytes] = {}
    """Snapshots by call."""
    facts: dict[str, CallFacts] = {}
    """Of the calls, by call."""
    closed: dict[str, EndedCall] = {}
    unreadable: int = 0
    """Calls whose very name could not be read."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Record)
_name = msgspec.json.Decoder(_CallName)


class CheckpointWriter:
    """Turns the work of one owner of one partition into checkpoint records. ``written`` must be called with the
    offset of the first record of what ``encode`` returned, once the broker has it."""

    def __init__(self, partition: int, epoch: int, writer: str) -> None:
        self._partition = partition
        self._epoch = epoch
        self._writer = writer
        self._base = -1
        self._base_bytes = 0
        self._delta_bytes = 0
        self._deltas = 0
        self._full = True

    @property
    def wants_base(self) -> bool:
        """Whether the next record has to hold everything."""
        return self._base < 0 or self._deltas >= DELTA_SLOTS or self._delta_bytes > max(self._base_bytes, 256_000)

    def encode(
        self,
        progress: Progress,
        calls: Iterable[bytes],
        closed: Iterable[EndedCall],
        facts: Sequence[CallFacts] = (),
        *,
        full: bool,
    ) -> list[tuple[bytes, bytes]]:
        """Keys and values. ``calls`` are snapshots: all of them when ``full`` (asked for by ``wants_base``), else those
        changed since the last time; so are ``closed`` and ``facts``, what the gate knows of calls."""
        self._full = full
        parts = _split(calls, closed)
        parts += [([], [])] * (-(-len(facts) // FACTS) - len(parts))
        records, size = [], 0
        for number, (snapshots, ended) in enumerate(parts):
            record = _Record(
                v=VERSION,
                kind="base" if full else "delta",
                epoch=self._epoch,
                writer=self._writer,
                base=-1 if full else self._base,
                part=number,
                parts=len(parts),
                positions=progress.positions,
                needed=progress.needed,
                time_ms=progress.time_ms,
                audited=progress.audited,
                facts=facts[number * FACTS : (number + 1) * FACTS],
                calls=[*map(msgspec.Raw, snapshots)],
                closed=ended,
            )
            value = _encoder.encode(record)
            records.append((self._key(number), value))
            size += len(value)
        if full:
            self._base_bytes, self._delta_bytes, self._deltas = size, 0, 0
        else:
            self._delta_bytes += size
            self._deltas += len(parts)
        return records

    def written(self, offset: int) -> None:
        """``offset`` -1: the broker did not say; the next record is a base again."""
        if self._full or offset < 0:
            self._base = offset

    def _key(self, number: int) -> bytes:
        if self._full:
            return b"%d" % self._partition if number == 0 else b"%d/base/%d" % (self._partition, number)
        return b"%d/delta/%d" % (self._partition, self._deltas + number)


class CheckpointLog:
    """Replays the records of one partition in log order; what does not fit together is left out."""

    def __init__(self) -> None:
        self._owner: tuple[int, str] = (0, "")
        self._state = Restored()
        self._parts: dict[str, list[_Record]] = {"base": [], "delta": []}
        """Of the base and of the delta that are not whole yet."""

    @property
    def restored(self) -> Restored:
        return self._state

    def add(self, value: bytes | None) -> None:
        """One record, in order."""
        record = read(value)
        if record is None:
            return
        owner = (record.epoch, record.writer)
        if record.kind == "base":
            if record.epoch < self._owner[0] or (record.epoch == self._owner[0] and owner != self._owner):
                return
        elif owner != self._owner:
            return
        parts = self._parts.setdefault(record.kind, [])
        if record.part == 0:
            parts.clear()
        elif record.part != len(parts) or parts[0].writer != record.writer:
            return
        parts.append(record)
        if len(parts) < record.parts:
            return
        if record.kind == "base":
            self._owner = owner
            self._state = Restored(epoch=record.epoch)
        for part in parts:
            self._apply(part)
        parts.clear()

    def _apply(self, record: _Record) -> None:
        state = self._state
        state.progress = Progress(
            positions=_of_inputs(record.positions),
            needed=_of_inputs(record.needed),
            time_ms=record.time_ms,
            audited=record.audited,
        )
        for facts in record.facts:
            state.facts[facts.call_id] = facts
        for raw in record.calls:
            try:
                state.calls[_name.decode(raw).call_id] = bytes(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                state.unreadable += 1
        for call in record.closed:
            state.calls.pop(call.call_id, None)
            state.facts.pop(call.call_id, None)
            # the latest last
            state.closed.pop(call.call_id, None)
            state.closed[call.call_id] = call


def read(value: bytes | None) -> _Record | None:
    """A checkpoint record, or None where it is not one of ours (a newer version, a tombstone)."""
    if not value:
        return None
    try:
        record = _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record if record.v == VERSION else None


def base_offset(value: bytes | None, offset: int) -> int | None:
    """Where the base of the record at ``offset`` begins; None where it is not a checkpoint."""
    record = read(value)
    if record is None:
        return None
    return offset - record.part if record.kind == "base" else record.base


def _of_inputs(offsets: dict[str, int]) -> dict[str, int]:
    """Those of topics that this version reads; those below 0 are none."""
    return {kind: offset for kind, offset in offsets.items() if kind in INPUT_KINDS and offset >= 0}


def _split(calls: Iterable[bytes], closed: Iterable[EndedCall]) -> list[tuple[list[bytes], list[EndedCall]]]:
    parts: list[tuple[list[bytes], list[EndedCall]]] = [([], [])]
    size = 0

    def room(needed: int) -> tuple[list[bytes], list[EndedCall]]:
        nonlocal size
        if size and size + needed > PART_BYTES:
            parts.append(([], []))
            size = 0
        size += needed
        return parts[-1]

    for snapshot in calls:
        room(len(snapshot))[0].append(snapshot)
    for call in closed:
        room(_ENDED_BYTES + 2 * len(call.call_id) + 16 * (len(call.transcripts) + len(call.audio)))[1].append(call)
    return parts

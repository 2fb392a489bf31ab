"""What a partition's next owner needs: positions, stream time and the content-free state of every live call.

Records of one partition of ``deid.checkpoints`` are a *base* (everything, in one record or several parts) and after
it *deltas* (what changed since, one a batch of work). Every record but a base's own parts names the offset at which
its base begins, so recovery reads one record at the end of the log and then from there: its cost does not grow with
the age of the partition. All of them are JSON:

    {"v":1,"epoch":7,"writer":"k3...","base":1840,"part":0,"parts":1,"kind":"delta",
     "positions":{...},"needed":{...},"time_ms":...,"policies":{...},"retracting":[...],
     "calls":[<snapshot>, ...],"closed":[["call-id",time_ms], ...]}

``epoch`` counts the owners. On a broker without transactions a paused worker may still write after it has been
replaced; what it writes then has a lower epoch (or the same and came second) and is ignored.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from deid_stream.units import Ms

VERSION: Final = 1
DELTA_SLOTS: Final = 512
"""Deltas reuse so many keys, which bounds what compaction keeps."""

_PART_BYTES: Final = 600_000
"""Of one record of a base: below the broker's usual limit for a batch with room to spare."""


class Progress(msgspec.Struct, kw_only=True):
    """Where a partition is. Offsets by topic kind (``events``, ``transcripts``, ``audio``)."""

    positions: dict[str, int] = {}
    """Next source offset that no session has been given yet."""
    needed: dict[str, int] = {}
    """Where reading must start again; never after ``positions``."""
    time_ms: Ms = 0
    policies: dict[int, int] = {}
    """Partition of ``customers.policies`` to the next offset to apply there."""
    retracting: list[str] = []
    """Customers whose published training records are still being taken back."""


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
    policies: dict[int, int] = {}
    retracting: list[str] = []
    calls: list[msgspec.Raw] = []
    closed: list[tuple[str, Ms]] = []


class _CallName(msgspec.Struct):
    call_id: str


class Restored(msgspec.Struct, kw_only=True):
    """What the log of a partition says; ``epoch`` 0 when it says nothing."""

    epoch: int = 0
    progress: Progress = msgspec.field(default_factory=Progress)
    calls: dict[str, bytes] = {}
    """Snapshots by call."""
    closed: dict[str, Ms] = {}


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
        self, progress: Progress, calls: Iterable[bytes], closed: Iterable[tuple[str, Ms]], *, full: bool
    ) -> list[tuple[bytes, bytes]]:
        """Keys and values. ``calls`` are snapshots and ``closed`` call ids with the time of their end: all of them
        when ``full`` (asked for by ``wants_base``), else those changed since the last time."""
        self._full = full
        parts = _split(calls) if full else [list(calls)]
        records = []
        for number, part in enumerate(parts):
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
                policies=progress.policies,
                retracting=progress.retracting,
                calls=[msgspec.Raw(snapshot) for snapshot in part],
                closed=list(closed) if number == 0 else [],
            )
            records.append((self._key(number), _encoder.encode(record)))
        size = sum(len(value) for _, value in records)
        if full:
            self._base_bytes, self._delta_bytes, self._deltas = size, 0, 0
        else:
            self._delta_bytes += size
            self._deltas += 1
        return records

    def written(self, offset: int) -> None:
        """``offset`` -1: the broker did not say; the next record is a base again."""
        if self._full or offset < 0:
            self._base = offset

    def _key(self, number: int) -> bytes:
        if self._full:
            return b"%d" % self._partition if number == 0 else b"%d/base/%d" % (self._partition, number)
        return b"%d/delta/%d" % (self._partition, self._deltas)


class CheckpointLog:
    """Replays the records of one partition in log order; what does not fit together is left out."""

    def __init__(self) -> None:
        self._owner: tuple[int, str] = (0, "")
        self._state = Restored()
        self._parts: list[_Record] = []

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
            if record.part == 0:
                self._parts = []
            if record.part != len(self._parts) or (self._parts and self._parts[0].writer != record.writer):
                return
            self._parts.append(record)
            if len(self._parts) == record.parts:
                self._owner = owner
                self._state = Restored(epoch=record.epoch)
                for part in self._parts:
                    self._apply(part)
                self._parts = []
        elif owner == self._owner:
            self._apply(record)

    def _apply(self, record: _Record) -> None:
        state = self._state
        state.progress = Progress(
            positions=record.positions,
            needed=record.needed,
            time_ms=record.time_ms,
            policies=record.policies,
            retracting=record.retracting,
        )
        for raw in record.calls:
            state.calls[_name.decode(raw).call_id] = bytes(raw)
        for call_id, time_ms in record.closed:
            state.calls.pop(call_id, None)
            state.closed[call_id] = time_ms


def read(value: bytes | None) -> _Record | None:
    """A checkpoint record, or None where it is not one of ours (a newer version, a tombstone)."""
    if not value:
        return None
    try:
        record = _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return record if record.v == VERSION else None


def base_offset(value: bytes | None, offset: int) -> int | None:
    """Where the base of the record at ``offset`` begins; None where it is not a checkpoint."""
    record = read(value)
    if record is None:
        return None
    return offset - record.part if record.kind == "base" else record.base


def _split(calls: Iterable[bytes]) -> list[list[bytes]]:
    parts: list[list[bytes]] = [[]]
    size = 0
    for snapshot in calls:
        if size + len(snapshot) > _PART_BYTES and parts[-1]:
            parts.append([])
            size = 0
        parts[-1].append(snapshot)
        size += len(snapshot)
    return parts

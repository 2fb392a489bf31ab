"""What the service holds of a call, as the workers' claims tell it, and how much of it has been taken back.

A call's records are kept in *parts*: analytics, and training by the policy that permitted it. Taking a part back makes
tombstones for its ranges. A claim that comes later may name more records: those go at once. It may name the same ones
again (a worker that was paused writes late what it had let go; most of the time, a call that goes on): then all of them
are taken back once more, and no sooner than ``SETTLE_MS`` after the last time.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from deid_stream.model.outputs import SeqRange
from deid_stream.model.published import Claim, Closing
from deid_stream.model.runs import Runs
from deid_stream.policy.permit import Position
from deid_stream.units import Ms

SETTLE_MS: Final[Ms] = 30_000
"""So long after the last claim of a part that was taken back, all of it is taken back once more: a record that was on
its way when the tombstones were written lies behind them. A worker gives a batch up after 20 s. Larger: such a record
stays for longer; smaller: more tombstones while a call goes on."""


class Purpose(StrEnum):
    """What a published record is for."""

    ANALYTICS = "analytics"
    TRAINING = "training"
    SUMMARY = "summary"
    """The call's own record in ``deid.calls``."""


Ranges = tuple[SeqRange, ...]


class Part(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The published records of a call for one purpose; for training, those under the permits of one policy."""

    purpose: Purpose
    position: str = ""
    """Place of that policy in ``customers.policies``, as ``partition/offset``; empty: not known."""
    retain_until_ms: Ms = 0
    """When the first of the records expires, epoch ms; 0: the permit does not say."""
    transcripts: Ranges = ()
    """Sequence numbers of the transcripts that workers have claimed."""
    audio: Ranges = ()
    """Sequence numbers of the audio records that workers have claimed."""
    told: int = 0
    """Number of claims that have named this part."""
    heard_ms: Ms = 0
    """When the last claim came, by the control plane's clock."""
    gone_told: int = 0
    """``told`` when the part was last taken back; 0: it never was."""
    gone_ms: Ms = 0
    """When the part was last taken back, by the control plane's clock."""
    gone_transcripts: Ranges = ()
    """Those of ``transcripts`` that have been taken back."""
    gone_audio: Ranges = ()
    """Those of ``audio`` that have been taken back."""
    settled_told: int = 0
    """``told`` when the whole part was taken back a second time, ``SETTLE_MS`` after the last claim."""
    reason: str = ""
    """Why the part was last taken back."""

    @property
    def records(self) -> int:
        """Number of records in the part."""
        if self.purpose is Purpose.SUMMARY:
            return 1
        return sum(known.last - known.first + 1 for known in (*self.transcripts, *self.audio))

    @property
    def gone(self) -> bool:
        """Whether all that was claimed has been taken back. Taking it back once more only makes sure."""
        return self.gone_told > 0 and not any(self._not_gone())

    def before(self, opted_out: Position) -> bool:
        """Whether its records were permitted before the opt-out; where the permit is not known, they were."""
        partition, _, offset = self.position.partition("/")
        if not (partition.isdecimal() and offset.isdecimal()):
            return True
        return Position(int(partition), int(offset)).before(opted_out)

    def owed(self, now_ms: Ms) -> tuple[Ranges, Ranges] | None:
        """The sequence numbers (transcripts, audio) to take back at ``now_ms``, given that the part must go; None: all
        have been taken back."""
        if self.gone_told == 0:
            return self.transcripts, self.audio
        more = self._not_gone()
        if any(more):
            return more
        again_ms = self.again_ms
        return (self.transcripts, self.audio) if again_ms is not None and now_ms >= again_ms else None

    @property
    def again_ms(self) -> Ms | None:
        """When the whole part is to be taken back a second time, for records that were on their way; None: it is not to
        be, or was already."""
        if self.gone_told == 0 or self.settled_told >= self.told:
            return None
        return (self.gone_ms if self.told > self.gone_told else self.heard_ms) + SETTLE_MS

    def _not_gone(self) -> tuple[Ranges, Ranges]:
        return _less(self.transcripts, self.gone_transcripts), _less(self.audio, self.gone_audio)

    def taken_back(self, reason: str, now_ms: Ms) -> "Part":
        """The part after all of it has been taken back at ``now_ms``."""
        settled = now_ms - self.heard_ms >= SETTLE_MS
        return msgspec.structs.replace(
            self,
            gone_told=self.told,
            gone_ms=now_ms,
            gone_transcripts=self.transcripts,
            gone_audio=self.audio,
            settled_told=self.told if settled else self.settled_told,
            reason=reason,
        )


class Taking(msgspec.Struct, frozen=True, array_like=True):
    """What the last batch that took back anything of a call for a request took back of it."""

    batch: int
    """Number of that batch, counted per request from 1."""
    calls: int
    """1 where nothing of this call had been taken back for the request before, else 0."""
    records: int
    """Number of tombstones."""


def call_key(customer_id: str, call_id: str) -> str:
    """The key of a call in the index. It holds both ids, since two customers' producers may use one call id; a blank
    parts them, since identifiers hold none."""
    return f"{call_id} {customer_id}"


class Holding(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One call of the index. Nothing of what was said is in it."""

    call_id: str
    customer_id: str
    partition: int
    subject: str = ""
    region: str = ""
    began: str = ""
    """Its first source record: kind of topic and offset, as ``events/17``; empty: not known."""
    started_ms: Ms = 0
    last_ms: Ms = 0
    segments: int = 0
    chunks: int = 0
    bytes: int = 0
    minor: bool = False
    closed: bool = False
    counted: Closing | None = None
    """What it adds to the aggregates; None: it has not closed, or its customer allows no analytics."""
    window_ms: Ms = 0
    """The start (ms since the epoch) of the window of the aggregates in which ``counted`` counts."""
    parts: list[Part] = []
    takings: dict[str, Taking] = {}
    """By request id. The request's own numbers are written after these: after a crash between the two they are made up
    from these."""

    @property
    def key(self) -> str:
        """The call's key in the index."""
        return call_key(self.customer_id, self.call_id)

    def of(self, *purposes: Purpose) -> list[Part]:
        """The call's parts for these purposes."""
        return [part for part in self.parts if part.purpose in purposes]

    @property
    def gone(self) -> bool:
        """Whether nothing of the call is held any more."""
        return all(part.gone for part in self.parts)

    @property
    def settled(self) -> bool:
        """Whether no part is to be taken back a second time."""
        return all(part.again_ms is None for part in self.parts)


def claimed(known: Holding | None, claim: Claim, partition: int, now_ms: Ms) -> Holding:
    """The call after a worker's ``claim``, which adds to what other workers have claimed before; None: the call is new
    to the index."""
    holding = known or Holding(call_id=claim.call_id, customer_id=claim.customer_id, partition=partition)
    parts = {(part.purpose, part.position): part for part in holding.parts}

    def add(purpose: Purpose, position: str, retain_until_ms: Ms, transcripts: Ranges, audio: Ranges) -> None:
        part = parts.get((purpose, position)) or Part(purpose=purpose, position=position)
        dates = [date for date in (part.retain_until_ms, retain_until_ms) if date]
        parts[purpose, position] = msgspec.structs.replace(
            part,
            retain_until_ms=min(dates, default=0),
            transcripts=_joined(part.transcripts, transcripts),
            audio=_joined(part.audio, audio),
            told=part.told + 1,
            heard_ms=now_ms,
        )

    if claim.transcripts or claim.audio:
        add(Purpose.ANALYTICS, "", 0, claim.transcripts, claim.audio)
    for trained in claim.trained:
        add(Purpose.TRAINING, trained.position, trained.retain_until_ms, trained.transcripts, trained.audio)
    if claim.closed:
        add(Purpose.SUMMARY, "", 0, (), ())
    starts = [time_ms for time_ms in (holding.started_ms, claim.started_ms) if time_ms]
    return msgspec.structs.replace(
        holding,
        subject=claim.subject or holding.subject,
        region=claim.region or holding.region,
        began=holding.began or claim.began,
        started_ms=min(starts, default=0),
        last_ms=max(holding.last_ms, claim.last_ms),
        segments=max(holding.segments, claim.segments),
        chunks=max(holding.chunks, claim.chunks),
        bytes=max(holding.bytes, claim.bytes),
        minor=holding.minor or claim.minor,
        closed=holding.closed or claim.closed,
        parts=list(parts.values()),
    )


def _joined(one: Ranges, other: Ranges) -> Ranges:
    if one == other:
        return one
    runs = Runs(one)
    for known in other:
        runs.add(known)
    return runs.ranges()


def _less(all_of: Ranges, without: Ranges) -> Ranges:
    """Runs of ``all_of`` that are in none of ``without``."""
    left: list[SeqRange] = []
    for known in all_of:
        pieces = [(known.first, known.last)]
        for gone in without:
            if gone.channel == known.channel:
                pieces = list(_cut(pieces, gone.first, gone.last))
        left.extend(SeqRange(known.channel, first, last) for first, last in pieces)
    return tuple(left)


def _cut(pieces: Iterable[tuple[int, int]], first: int, last: int) -> Iterable[tuple[int, int]]:
    for start, end in pieces:
        if last < start or end < first:
            yield start, end
            continue
        if start < first:
            yield start, first - 1
        if last < end:
            yield last + 1, end

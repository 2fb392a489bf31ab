"""What a worker says of the records of a call that it has let leave: keys in a few numbers, and nothing of content."""

import msgspec

from deid_stream.model.outputs import SeqRange
from deid_stream.units import Ms


class Trained(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Records of a call in training under one permit."""

    position: str
    """Of the permit's policy in ``customers.policies``, as ``2/17``; empty: not known, so before every opt-out."""
    retain_until_ms: Ms = 0
    """When the first of them is to be gone; 0: not known."""
    transcripts: tuple[SeqRange, ...] = ()
    audio: tuple[SeqRange, ...] = ()


class Closing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a call that has closed counts for, where its customer allows analytics."""

    time_ms: Ms
    duration_ms: Ms = 0
    values: dict[str, int] = {}
    """Redacted values by entity type."""
    withheld: int = 0
    opted_out: bool = False
    """Its customer allows no training."""


class Claim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call, as one worker has it so far. Ranges only grow, and may name records that never left: a tombstone for
    one of those does no harm."""

    call_id: str
    customer_id: str
    subject: str = ""
    """Pseudonym of the person on the line, where the producer named one."""
    region: str = ""
    began: str = ""
    """The first source record: kind of topic and offset, as ``events/17``."""
    started_ms: Ms = 0
    """Record time of the first record."""
    last_ms: Ms = 0
    """Of the last that left."""
    transcripts: tuple[SeqRange, ...] = ()
    """In analytics."""
    audio: tuple[SeqRange, ...] = ()
    trained: tuple[Trained, ...] = ()
    segments: int = 0
    """Transcripts and chunks that this worker has let leave, and their bytes."""
    chunks: int = 0
    bytes: int = 0
    minor: bool = False
    closed: bool = False
    closing: Closing | None = None


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """One record of ``deid.index``: the calls of one partition of which something has changed."""

    v: int
    partition: int
    """Every record of these calls, of every topic, is in it."""
    time_ms: Ms
    calls: tuple[Claim, ...]

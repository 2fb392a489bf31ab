"""What a worker tells the index of the records that it has published: their keys as ranges of numbers, nothing of their
content."""

import msgspec

from deid_stream.model.outputs import SeqRange
from deid_stream.units import Ms


class Trained(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The training records of a call under the permits of one policy."""

    position: str
    """Partition and offset of that policy in ``customers.policies``, as ``2/17``; empty: not known, which counts as
    before every opt-out."""
    retain_until_ms: Ms = 0
    """When the first of the records expires, epoch ms; 0: not known."""
    transcripts: tuple[SeqRange, ...] = ()
    audio: tuple[SeqRange, ...] = ()


class Closing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a closed call adds to the aggregates; only where its customer allows analytics."""

    time_ms: Ms
    duration_ms: Ms = 0
    values: dict[str, int] = {}
    """Number of redacted values, by entity type."""
    withheld: int = 0
    """Number of records that were withheld."""
    opted_out: bool = False
    """Whether the customer allows no training."""


class Claim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one worker has let leave of a call so far. Ranges only grow. They may name records that never left: a
    tombstone for one of those does no harm."""

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
    """Record time of the last record that left."""
    transcripts: tuple[SeqRange, ...] = ()
    """Sequence numbers of the transcripts in analytics."""
    audio: tuple[SeqRange, ...] = ()
    """Sequence numbers of the audio records in analytics."""
    trained: tuple[Trained, ...] = ()
    segments: int = 0
    """Number of transcripts that this worker has let leave."""
    chunks: int = 0
    """Number of audio records that this worker has let leave."""
    bytes: int = 0
    """Bytes of both."""
    minor: bool = False
    closed: bool = False
    closing: Closing | None = None


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """One record of ``deid.index``: the calls of one partition of which something has changed."""

    v: int
    partition: int
    """The partition number, in every topic, of these calls' records."""
    time_ms: Ms
    calls: tuple[Claim, ...]

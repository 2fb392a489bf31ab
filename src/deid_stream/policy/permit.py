"""The permit of a training record: the policy that allows it, the place of that policy in its topic, and the date until
which the record may be kept."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from deid_stream.policy.policy import CompiledPolicy
from deid_stream.units import DAY_MS, Ms

_LAST_MS: Final = 253_402_300_799_000
"""The last second that RFC 3339 can express."""


class Position(NamedTuple):
    """A record of ``customers.policies``."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}/{self.offset}"

    def before(self, other: "Position") -> bool:
        """Whether this record came first. Records of two partitions have no order: then the answer is yes, since the
        question is what an opt-out takes back."""
        return self.partition != other.partition or self.offset < other.offset


class Permit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """It goes out with the record (``permit`` in a transcript, ``ce_permit`` with audio, both this JSON), and is the
    same on every replay."""

    customer_id: str
    policy_version: str
    position: str
    """Partition and offset of the policy in ``customers.policies``, as ``2/17``."""
    time: str
    """Since when that policy is in force, RFC 3339."""
    retain_until: str
    """RFC 3339; the record is to be gone then."""
    region: str | None = None
    partial: bool = False
    """Training has not the whole call."""

    def ended(self, now_ms: Ms) -> bool:
        """``retain_until`` has passed, or is no date at all."""
        try:
            return datetime.fromisoformat(self.retain_until).timestamp() * 1000 <= now_ms
        except ValueError:
            return True

    @property
    def retain_until_ms(self) -> Ms:
        """``retain_until`` in epoch ms; 0 where it is no date."""
        try:
            return int(datetime.fromisoformat(self.retain_until).timestamp() * 1000)
        except ValueError:
            return 0

    @classmethod
    def of(cls, policy: CompiledPolicy, position: Position, since_ms: Ms, time_ms: Ms, *, partial: bool) -> "Permit":
        return cls(
            customer_id=policy.customer_id,
            policy_version=policy.version,
            position=str(position),
            time=rfc3339(since_ms),
            retain_until=rfc3339((day_of(time_ms) + policy.retention_days.training) * DAY_MS),
            region=policy.region,
            partial=partial,
        )


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Permit)


def encode_permit(permit: Permit) -> bytes:
    """For the header ``ce_permit``."""
    return _encoder.encode(permit)


def decode_permit(raw: bytes | None) -> Permit | None:
    """What a header says; None where it is no permit of this version (0.1.0 wrote customer and version only)."""
    try:
        return _decoder.decode(raw) if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def position_of(permit: Permit) -> Position | None:
    """Where its policy stands in the topic; None where that cannot be read."""
    partition, _, offset = permit.position.partition("/")
    if not (partition.isdecimal() and offset.isdecimal()):
        return None
    return Position(int(partition), int(offset))


def day_of(time_ms: Ms) -> int:
    """The day (UTC) of a record time: what a record's retention is counted from, so that those of a day agree."""
    return time_ms // DAY_MS


def rfc3339(time_ms: Ms) -> str:
    """The time in RFC 3339: UTC, with milliseconds, within the years 1970 to 9999."""
    moment = datetime.fromtimestamp(max(0, min(time_ms, _LAST_MS)) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"

"""Makes the ids of records, here and nowhere else. An id is made of what the record is about, so a replay makes the
same ids."""

from typing import Final

INTERLEAVED: Final = "x"
"""Stands for the channel in the id of a chunk that interleaves several: ``call_id/x/seq``."""


def record_id(call_id: str, channel: int | None, seq: int) -> bytes:
    """``call_id/channel/seq``: the key and the id of what is published for a chunk or a segment."""
    return f"{call_id}/{INTERLEAVED if channel is None else channel}/{seq}".encode()


def split_record_id(key: bytes) -> tuple[str, str, int] | None:
    """Call, channel (``x``: interleaved) and sequence number of a record id; None where the key is none."""
    parts = key.decode(errors="replace").rsplit("/", 2)
    if len(parts) != 3 or not parts[0] or not parts[2].isdecimal():
        return None
    return parts[0], parts[1], int(parts[2])


def joined(*parts: str | int | None) -> str:
    """Parts of an id, with ``x`` for what is not there."""
    return "/".join("x" if part is None else str(part) for part in parts)


def place_id(topic: str, partition: int, offset: int, part: int = 0) -> str:
    """The id of a record about a source record (a dead letter, say); ``part`` numbers several of them."""
    return joined(topic, partition, offset) + (f"/{part}" if part else "")


def made_up_segment_id(channel: int, start_ms: int, end_ms: int) -> str:
    """For a segment that its recogniser gave no id. It holds both times, so that two segments that begin at one moment
    (a recogniser that gives no start, a second connection) stay two."""
    return f"{channel}-{start_ms}-{end_ms}"


def untimed_segment_id(channel: int, time_ms: int, offset: int) -> str:
    """For a segment that has neither an id nor times: when its record came, and its place in the topic."""
    return f"{channel}-r{time_ms}-{offset}"

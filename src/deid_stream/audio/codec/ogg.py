"""What one Ogg Opus stream says of itself (RFC 3533, RFC 7845), and whether its bytes may be passed on as they are.

A record without a hole leaves with its own bytes. So whatever those may hold that nobody listens to is refused by name:
tags, other streams, data behind the end, and sound that a player skips but the bytes still have.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from deid_stream.errors import AudioFormatError

CLOCK_HZ: Final = 48_000
"""Opus counts in this, whatever rate a stream was made from."""
MAX_HIDDEN: Final = CLOCK_HZ // 50
"""Sound that is skipped at the start, or cut off at the end: what an encoder needs, less than can be understood."""

_PAGE: Final = struct.Struct("<4sBBqIIIB")
_HEAD: Final = struct.Struct("<8sBBHIhB")
_TECHNICAL: Final = frozenset({b"encoder", b"encoder_options"})
_LAST: Final = 4
_FRAMES: Final = (480, 960, 1_920, 2_880)
"""Samples of a SILK frame, by the low bits of its configuration; the other modes have their own (RFC 6716, 3.1)."""


class Head(NamedTuple):
    """``rate_hz`` is that of the sound before it was encoded, ``samples`` how many a channel has at ``CLOCK_HZ``."""

    channels: int
    rate_hz: int
    samples: int


def read(data: bytes) -> Head:
    """Look at a whole stream. Raises AudioFormatError, saying what is wrong with it."""
    packets: list[bytes] = []
    part = b""
    pages = list(_pages(data))
    if len({page.serial for page in pages}) != 1:
        raise AudioFormatError("the Ogg record must hold one stream")
    for number, page in enumerate(pages):
        if page.number != number:
            raise AudioFormatError("the Ogg record has a page missing; send one whole stream per record")
        for piece, complete in page.pieces:
            part += piece
            if complete:
                packets.append(part)
                part = b""
    if part or not pages[-1].flags & _LAST or len(packets) < 3:
        raise AudioFormatError("the Ogg record is no whole stream; send one whole stream per record")
    channels, skipped, rate_hz = _head(packets[0])
    _check_tags(packets[1])
    end = pages[-1].granule
    sounding = sum(map(_duration, packets[2:]))
    if not skipped < end <= sounding:
        raise AudioFormatError("the Opus stream is not as long as it says")
    if skipped > MAX_HIDDEN or sounding - end > MAX_HIDDEN:
        raise AudioFormatError("the Opus stream holds more than 20 ms that players skip; encode each record by itself")
    return Head(channels, rate_hz, end - skipped)


class _Page(NamedTuple):
    flags: int
    granule: int
    """Samples at its end."""
    serial: int
    number: int
    pieces: list[tuple[bytes, bool]]
    """Of packets, and whether the packet ends there."""


def _pages(data: bytes) -> Iterator[_Page]:
    at = 0
    while at < len(data):
        if len(data) - at < _PAGE.size:
            raise AudioFormatError("not Opus in Ogg")
        magic, version, flags, granule, serial, sequence, _, count = _PAGE.unpack_from(data, at)
        at += _PAGE.size
        lacing = data[at : at + count]
        at += count
        if magic != b"OggS" or version or len(lacing) != count or len(data) - at < sum(lacing):
            raise AudioFormatError("not Opus in Ogg")
        pieces: list[tuple[bytes, bool]] = []
        size = 0
        for value in lacing:
            size += value
            if value < 255:
                pieces.append((data[at : at + size], True))
                at, size = at + size, 0
        if size:
            pieces.append((data[at : at + size], False))
            at += size
        yield _Page(flags, granule, serial, sequence, pieces)


def _head(packet: bytes) -> tuple[int, int, int]:
    """Channels, samples to skip, rate."""
    if len(packet) != _HEAD.size or packet[:8] != b"OpusHead" or packet[8] != 1:
        raise AudioFormatError("not Opus in Ogg, or of more than two channels")
    _, _, channels, skipped, rate_hz, gain, family = _HEAD.unpack(packet)
    if family or not 1 <= channels <= 2:
        raise AudioFormatError("Opus must have one or two channels (mapping family 0)")
    if gain:
        raise AudioFormatError("the Opus stream asks for an output gain; it must be 0")
    return channels, skipped, rate_hz


def _check_tags(packet: bytes) -> None:
    """Tags may say a name: only the encoder's own are let through."""
    try:
        if packet[:8] != b"OpusTags":
            raise AudioFormatError("not Opus in Ogg")
        (vendor,) = struct.unpack_from("<I", packet, 8)
        at = 12 + vendor
        (count,) = struct.unpack_from("<I", packet, at)
        at += 4
        for _ in range(count):
            (length,) = struct.unpack_from("<I", packet, at)
            if packet[at + 4 : at + 4 + length].partition(b"=")[0].lower() not in _TECHNICAL:
                raise AudioFormatError("the Opus stream has tags; send it without any but ENCODER")
            at += 4 + length
    except struct.error:
        raise AudioFormatError("the Opus stream's tags cannot be read") from None
    if packet[at:].strip(b"\0"):
        raise AudioFormatError("the Opus stream's tags hold something besides tags")


def _duration(packet: bytes) -> int:
    """Samples of an Opus packet at ``CLOCK_HZ``, from its first bytes (RFC 6716, section 3.1 and 3.2)."""
    if not packet:
        raise AudioFormatError("the Opus stream has an empty packet")
    configuration, code = packet[0] >> 3, packet[0] & 3
    if configuration < 12:
        frame = _FRAMES[configuration & 3]
    elif configuration < 16:
        frame = (480, 960)[configuration & 1]
    else:
        frame = 120 << (configuration & 3)
    if code < 3:
        return frame * (1, 2, 2)[code]
    if len(packet) < 2:
        raise AudioFormatError("the Opus stream has a packet cut short")
    return frame * (packet[1] & 0x3F)

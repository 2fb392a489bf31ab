"""Chunk bytes to samples and back: the contract's content types, ITU-T G.711 and 16-bit PCM.

Samples are int16 at full scale 32768; arrays are ``(frames, channels)``. Nothing here resamples or mixes.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioFormat, Encoding

Samples = NDArray[np.int16]

MIN_RATE_HZ: Final = 8_000
MAX_RATE_HZ: Final = 48_000
MAX_CHANNELS: Final = 32
IDLE_PEAK: Final = 8
"""The smallest step of G.711, -72 dBFS. Sound that no sample of which is louder is inaudible wherever this project says
so: at most 8 RMS of 32768, it is below the noise that ITU-T G.712 permits a telephone channel on which nobody speaks
(-65 dBm0p, with +3.17 dBm0 the largest sine of mu-law: 8.9 RMS)."""
QUIET_PEAK: Final = 64
"""Loudest absolute sample that may count as quiet on any line: -54 dBFS."""
QUIET_PEAKS: Final = tuple(range(IDLE_PEAK, QUIET_PEAK + 1, 8))
"""What may count as quiet, by the noise of the line (``audio.hold.line``): the softest steps of G.711."""


def _mulaw_decode_table() -> Samples:
    """ITU-T G.711 table 2a/2b, scaled to 16 bits."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_decode_table() -> Samples:
    """ITU-T G.711 table 1a/1b, scaled to 16 bits."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code & 0x70) >> 4
    step = ((code & 0x0F) << 4) + np.where(segment == 0, 8, 0x108)
    magnitude = step << np.maximum(segment - 1, 0)
    signed: Samples = np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)
    return signed


def _all_samples() -> NDArray[np.int32]:
    """Every int16 value, in the order of its unsigned bit pattern, so that a view as uint16 indexes the table."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _mulaw_encode_table() -> NDArray[np.uint8]:
    sample = _all_samples()
    biased = np.minimum(np.abs(sample), 32635) + 0x84
    segment = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = (biased >> (segment + 3)) & 0x0F
    codes: NDArray[np.uint8] = (~(np.where(sample < 0, 0x80, 0) | (segment << 4) | mantissa) & 0xFF).astype(np.uint8)
    return codes


def _alaw_encode_table() -> NDArray[np.uint8]:
    sample = _all_samples() >> 3
    magnitude = np.where(sample < 0, -sample - 1, sample)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    mantissa = (magnitude >> np.maximum(segment, 1)) & 0x0F
    codes: NDArray[np.uint8] = (((segment << 4) | mantissa) ^ np.where(sample < 0, 0x55, 0xD5)).astype(np.uint8)
    return codes


_DECODE: Final = {Encoding.MULAW: _mulaw_decode_table(), Encoding.ALAW: _alaw_decode_table()}
_ENCODE: Final = {Encoding.MULAW: _mulaw_encode_table(), Encoding.ALAW: _alaw_encode_table()}
_DTYPE: Final = {Encoding.PCM16LE: np.dtype("<i2"), Encoding.PCM16BE: np.dtype(">i2")}
_QUIET_BYTES: Final = {
    (encoding, peak): bytes(np.flatnonzero(np.abs(table.astype(np.int32)) <= peak).astype(np.uint8))
    for encoding, table in _DECODE.items()
    for peak in QUIET_PEAKS
}
SILENCE: Final = {
    Encoding.MULAW: b"\xff",
    Encoding.ALAW: b"\xd5",
    Encoding.PCM16LE: b"\0\0",
    Encoding.PCM16BE: b"\0\0",
}
"""One sample of digital silence in each codec."""


def decode(data: bytes, fmt: AudioFormat) -> Samples:
    """Samples of a chunk, int16 ``(frames, channels)``. The byte count must be whole frames (see ``check``)."""
    table = _DECODE.get(fmt.encoding)
    if table is not None:
        # half the time of table[...]; every byte has its place in the table, so that "clip" changes nothing but a fifth
        # of the time, which checking the places would take
        samples = table.take(np.frombuffer(data, np.uint8), mode="clip")
    else:
        samples = np.frombuffer(data, _DTYPE[fmt.encoding]).astype(np.int16, copy=False)
    return samples.reshape(-1, fmt.channels)


def encode(samples: Samples, fmt: AudioFormat) -> bytes:
    """The chunk bytes of int16 samples ``(frames, channels)`` or ``(frames,)``."""
    table = _ENCODE.get(fmt.encoding)
    if table is not None:
        return table[np.ascontiguousarray(samples).view(np.uint16)].tobytes()
    return samples.astype(_DTYPE[fmt.encoding]).tobytes()


def check(data: bytes, fmt: AudioFormat) -> None:
    """Refuse a chunk that is empty or holds a partial frame."""
    if not data:
        raise AudioFormatError("empty audio chunk")
    if len(data) % fmt.frame_bytes:
        raise AudioFormatError(
            f"{len(data)} bytes are not whole frames of {fmt.channels} channel(s) {fmt.encoding} "
            f"({fmt.frame_bytes} bytes a frame)"
        )


def is_quiet(data: bytes, fmt: AudioFormat, peak: int = QUIET_PEAK) -> bool:
    """Whether no sample of any channel exceeds ``peak``, one of ``QUIET_PEAKS``.

    The gate before anything dearer: for G.711 deleting the quiet codes from the bytes costs about a microsecond per
    100 ms (one pass in C), and a loud chunk is never decoded for it.
    """
    quiet = _QUIET_BYTES.get((fmt.encoding, peak))
    if quiet is not None:
        return not data.translate(None, quiet)
    return not has_sound(np.frombuffer(data, _DTYPE[fmt.encoding]), peak)


def quiet_codes(fmt: AudioFormat, peaks: Sequence[int]) -> bytes | None:
    """The bytes that are quiet in a stream of one G.711 channel, for who asks ``is_quiet`` of each of its chunks; None
    for other formats."""
    return _QUIET_BYTES.get((fmt.encoding, peaks[0])) if fmt.channels == 1 else None


def quiet_channels(data: bytes, fmt: AudioFormat, peaks: Sequence[int]) -> int:
    """Which channels of a chunk are quiet, each by its own peak of ``QUIET_PEAKS``: bit ``c`` for channel ``c``."""
    if fmt.channels == 1:
        return int(is_quiet(data, fmt, peaks[0]))
    if is_quiet(data, fmt, min(peaks)):
        return (1 << fmt.channels) - 1
    if fmt.encoding in _DTYPE:
        samples = np.frombuffer(data, _DTYPE[fmt.encoding]).reshape(-1, fmt.channels)
        quiet = [not has_sound(samples[:, channel], peak) for channel, peak in enumerate(peaks)]
    else:
        own = msgspec.structs.replace(fmt, channels=1)
        quiet = [is_quiet(data[channel :: fmt.channels], own, peak) for channel, peak in enumerate(peaks)]
    return sum(1 << channel for channel, is_still in enumerate(quiet) if is_still)


def has_sound(samples: Samples, peak: int = QUIET_PEAK) -> bool:
    """Whether any sample exceeds ``peak``."""
    return bool(len(samples)) and (int(np.maximum.reduce(samples)) > peak or int(np.minimum.reduce(samples)) < -peak)


def loudness(samples: Samples) -> NDArray[np.uint16]:
    """Absolute samples. The least sample of 16 bits has no counterpart of its own kind, so they have no sign."""
    return np.abs(samples).view(np.uint16)


_G711_TYPES: Final = {
    "audio/basic": Encoding.MULAW,
    "audio/pcmu": Encoding.MULAW,
    "audio/x-mulaw": Encoding.MULAW,
    "audio/pcma": Encoding.ALAW,
    "audio/x-alaw": Encoding.ALAW,
}
_PCM_ENCODINGS: Final = {"s16le": Encoding.PCM16LE, "s16be": Encoding.PCM16BE}


@lru_cache(maxsize=256)
def parse_content_type(value: str | bytes) -> AudioFormat:
    """The format a content type names. Cached: chunks of one stream share one ``AudioFormat`` object.

    ``audio/basic`` and ``audio/PCMA`` are one channel at 8 kHz unless ``rate`` or ``channels`` say otherwise (RFC 2046,
    RFC 4856); ``audio/L16`` is big-endian and must name its rate (RFC 3551); ``audio/pcm`` names its ``encoding``.
    Raises AudioFormatError.
    """
    try:
        text = value.decode("ascii") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        raise AudioFormatError("content type is not ASCII") from None
    media, *rest = (part.strip() for part in text.split(";"))
    parameters: dict[str, str] = {}
    for part in filter(None, rest):
        name, _, setting = part.partition("=")
        parameters[name.strip().lower()] = setting.strip().strip('"').lower()
    media = media.lower()
    default_rate_hz: int | None = 8_000
    if media in _G711_TYPES:
        encoding = _G711_TYPES[media]
    elif media == "audio/l16":
        encoding, default_rate_hz = Encoding.PCM16BE, None
    elif media == "audio/pcm":
        named = _PCM_ENCODINGS.get(parameters.get("encoding", "s16le"))
        if named is None:
            raise AudioFormatError("audio/pcm: encoding must be s16le or s16be")
        encoding, default_rate_hz = named, None
    else:
        raise AudioFormatError(
            "content type must be audio/basic, audio/PCMU, audio/PCMA, audio/x-mulaw, audio/x-alaw, audio/L16, "
            "audio/pcm or audio/ogg;codecs=opus"
        )
    rate_hz = _number(parameters, "rate", default_rate_hz)
    channels = _number(parameters, "channels", 1)
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioFormatError(f"rate must be {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioFormatError(f"channels must be 1 to {MAX_CHANNELS}")
    return AudioFormat(encoding, rate_hz, channels)


def _number(parameters: dict[str, str], name: str, default: int | None) -> int:
    setting = parameters.get(name)
    if setting is None:
        if default is None:
            raise AudioFormatError(f"content type needs {name}=")
        return default
    if not (setting.isascii() and setting.isdigit() and len(setting) <= 6):
        raise AudioFormatError(f"{name} is not a number")
    return int(setting)


def content_type(fmt: AudioFormat) -> str:
    """The contract's content type of a format; ``parse_content_type`` gives the format back."""
    if fmt.encoding in (Encoding.MULAW, Encoding.ALAW):
        name = "audio/basic" if fmt.encoding is Encoding.MULAW else "audio/PCMA"
        rate = f";rate={fmt.rate_hz}" if fmt.rate_hz != 8_000 else ""
        return name + rate + (f";channels={fmt.channels}" if fmt.channels != 1 else "")
    if fmt.encoding is Encoding.PCM16BE:
        return f"audio/L16;rate={fmt.rate_hz};channels={fmt.channels}"
    return f"audio/pcm;rate={fmt.rate_hz};channels={fmt.channels};encoding=s16le"

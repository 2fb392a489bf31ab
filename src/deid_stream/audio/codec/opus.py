"""Opus in Ogg (RFC 6716, RFC 7845), in and out, through libsndfile (extra ``opus``).

Opus cannot be silenced in the codec: a record with a hole is decoded, silenced and encoded again, one generation of
loss on that record; a record without one passes as it came. One record is one whole Ogg stream (``audio.codec.ogg``).
"""

import io
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from deid_stream.audio.codec import ogg, pcm
from deid_stream.errors import AudioFormatError, CodecError, OversizedError, install
from deid_stream.model.events import AudioFormat, Encoding

RATES_HZ: Final = (8_000, 12_000, 16_000, 24_000, 48_000)


class Pcm(NamedTuple):
    """Samples of a stream with their format, whole interleaved frames."""

    format: AudioFormat
    data: bytes


def is_opus(content_type: bytes) -> bool:
    """Whether a content type names Opus in Ogg (RFC 7845, section 9; ``audio/ogg`` alone may be anything)."""
    media, *parameters = content_type.lower().replace(b" ", b"").replace(b'"', b"").split(b";")
    return media == b"audio/ogg" and b"codecs=opus" in parameters


def decode(data: bytes, max_bytes: int | None = None) -> Pcm:
    """An Ogg stream as 16-bit PCM at its own rate, sample-exact.

    Raises AudioFormatError for anything else, OversizedError where the PCM would be above ``max_bytes`` (a second of
    Opus may take 50 bytes), CodecError without the extra.
    """
    head = ogg.read(data)
    fmt = _format(head.rate_hz if head.rate_hz in RATES_HZ else ogg.CLOCK_HZ, head.channels)
    frames = head.samples * fmt.rate_hz // ogg.CLOCK_HZ
    if max_bytes is not None and frames * fmt.frame_bytes > max_bytes:
        raise OversizedError(f"an Opus record of {frames * fmt.frame_bytes} bytes of sound is above {max_bytes}")
    sound = _read(data, frames + 2)
    if sound.format != fmt or not frames <= len(sound.data) // fmt.frame_bytes <= frames + 1:
        raise AudioFormatError("the Opus stream is not as long as it says; is a page damaged?")
    return sound._replace(format=fmt)


def decode_file(data: bytes) -> Pcm:
    """As ``decode``, of any length, with tags and what players skip: for what is encoded again whatever it holds."""
    return _read(data, -1)


def _read(data: bytes, frames: int) -> Pcm:
    soundfile = _library()
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if (file.format, file.subtype) != ("OGG", "OPUS"):
                raise AudioFormatError("not Opus in Ogg")
            samples = file.read(frames, dtype="int16", always_2d=True)
            fmt = AudioFormat(Encoding.PCM16LE, file.samplerate, file.channels)
    except soundfile.LibsndfileError:
        raise AudioFormatError("not Opus in Ogg, or damaged") from None
    return Pcm(fmt, pcm.encode(np.ascontiguousarray(samples), fmt))


def encode(sound: Pcm) -> bytes:
    """Any format of the project as an Ogg Opus stream that decodes to as many samples.

    Raises AudioFormatError for a rate Opus does not have, CodecError without the extra.
    """
    if sound.format.rate_hz not in RATES_HZ:
        raise AudioFormatError(f"Opus has no {sound.format.rate_hz} Hz")
    buffer = io.BytesIO()
    samples = pcm.decode(sound.data, sound.format)
    _library().write(buffer, samples, sound.format.rate_hz, format="OGG", subtype="OPUS")
    return buffer.getvalue()


@lru_cache(maxsize=64)
def _format(rate_hz: int, channels: int) -> AudioFormat:
    """One object for all records of a stream."""
    return AudioFormat(Encoding.PCM16LE, rate_hz, channels)


def _library() -> Any:
    try:
        import soundfile
    except (ImportError, OSError):
        raise CodecError(f"Opus in Ogg needs soundfile wherever audio is read; {install('opus')}") from None
    return soundfile

"""Opus in Ogg (RFC 6716, RFC 7845), in and out, through libsndfile.

Opus cannot be silenced in the codec: a record with a hole is decoded, silenced and encoded again, one generation of
loss on that record; a record without one passes as it came. One record is one Ogg stream. Rates: 8, 12, 16, 24, 48 kHz.
"""

import io
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import soundfile

from deid_stream.audio import pcm, silence
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.units import SampleIndex

RATES_HZ: Final = (8_000, 12_000, 16_000, 24_000, 48_000)


class Pcm(NamedTuple):
    """Samples of a stream with their format, whole interleaved frames."""

    format: AudioFormat
    data: bytes


def decode(data: bytes) -> Pcm:
    """An Ogg stream as 16-bit PCM at its own rate. Raises AudioFormatError for anything else."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if (file.format, file.subtype) != ("OGG", "OPUS"):
                raise AudioFormatError("not Opus in Ogg")
            samples = file.read(dtype="int16", always_2d=True)
            fmt = AudioFormat(Encoding.PCM16LE, file.samplerate, file.channels)
    except soundfile.LibsndfileError:
        raise AudioFormatError("not Opus in Ogg") from None
    return Pcm(fmt, pcm.encode(np.ascontiguousarray(samples), fmt))


def encode(sound: Pcm) -> bytes:
    """Any format of the project as an Ogg Opus stream. Raises AudioFormatError for a rate Opus does not have."""
    if sound.format.rate_hz not in RATES_HZ:
        raise AudioFormatError(f"Opus has no {sound.format.rate_hz} Hz")
    buffer = io.BytesIO()
    samples = pcm.decode(sound.data, sound.format)
    soundfile.write(buffer, samples, sound.format.rate_hz, format="OGG", subtype="OPUS")
    return buffer.getvalue()


def redact(
    data: bytes, start_sample: SampleIndex, holes: Sequence[silence.Hole], operator: silence.Operator = "silence"
) -> bytes:
    """``silence.redact`` for an Ogg record: as many samples as before, the same object when no hole touches it."""
    sound = decode(data)
    redacted = silence.redact(sound.data, sound.format, start_sample, holes, operator)
    return data if redacted is sound.data else encode(Pcm(sound.format, redacted))

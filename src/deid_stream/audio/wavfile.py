"""WAV files (RIFF, Microsoft 1991; RFC 2361) with the samples' bytes left as they are.

Reading keeps mu-law, A-law and 16-bit PCM byte for byte, so what ``replay`` does not redact stays bit-identical. 32-bit
float is brought to 16 bits, clipped at full scale; a sample that is not a number is refused by name.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from deid_stream.audio import pcm
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioFormat, Encoding

_PCM: Final = 1
_FLOAT: Final = 3
_ALAW: Final = 6
_MULAW: Final = 7
_EXTENSIBLE: Final = 0xFFFE
_TAGS: Final = {Encoding.MULAW: _MULAW, Encoding.ALAW: _ALAW, Encoding.PCM16LE: _PCM}


class Wav(NamedTuple):
    """Frames of a WAV file in the project's own terms; ``data`` is whole interleaved frames."""

    format: AudioFormat
    data: bytes


def read_wav(path: Path) -> Wav:
    """Read a file. Raises AudioFormatError for what is not a WAV file of one of the codecs, or holds no whole frame."""
    return parse_wav(path.read_bytes())


def write_wav(path: Path, wav: Wav) -> None:
    """Write a file in the codec of ``wav``; 16-bit samples in network order are swapped, as WAV demands."""
    path.write_bytes(build_wav(wav))


def parse_wav(raw: bytes) -> Wav:
    """``read_wav`` of the file's bytes. A data chunk cut short, or of unknown length, is read as far as it goes."""
    if len(raw) < 12 or raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise AudioFormatError("not a WAV file")
    form: bytes | None = None
    for name, body in _chunks(raw):
        if name == b"fmt ":
            form = body
        elif name == b"data":
            if form is None:
                raise AudioFormatError("WAV: data before fmt")
            return _frames(form, body)
    raise AudioFormatError("WAV: no data chunk")


def _chunks(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(raw):
        name, size = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8], "little")
        yield name, raw[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _frames(form: bytes, data: bytes) -> Wav:
    if len(form) < 16:
        raise AudioFormatError("WAV: fmt chunk is too short")
    tag, channels, rate_hz, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", form)
    if tag == _EXTENSIBLE and len(form) >= 26:
        tag = int.from_bytes(form[24:26], "little")
    if not 1 <= channels <= pcm.MAX_CHANNELS:
        raise AudioFormatError(f"WAV: {channels} channels")
    if not pcm.MIN_RATE_HZ <= rate_hz <= pcm.MAX_RATE_HZ:
        raise AudioFormatError(f"WAV: {rate_hz} Hz")
    if tag == _FLOAT and bits == 32:
        return Wav(AudioFormat(Encoding.PCM16LE, rate_hz, channels), _from_float(_whole(data, 4 * channels)))
    encoding = {(_PCM, 16): Encoding.PCM16LE, (_ALAW, 8): Encoding.ALAW, (_MULAW, 8): Encoding.MULAW}.get((tag, bits))
    if encoding is None:
        raise AudioFormatError(f"WAV: codec {tag} with {bits} bits; mu-law, A-law, 16-bit PCM or 32-bit float wanted")
    fmt = AudioFormat(encoding, rate_hz, channels)
    if frame_bytes != fmt.frame_bytes:
        raise AudioFormatError(f"WAV: header says {frame_bytes} bytes a frame, the codec has {fmt.frame_bytes}")
    data = _whole(data, fmt.frame_bytes)
    pcm.check(data, fmt)
    return Wav(fmt, data)


def _whole(data: bytes, frame_bytes: int) -> bytes:
    """Without the last frame where a recording was cut off in the middle of it."""
    return data[: len(data) // frame_bytes * frame_bytes]


def _from_float(data: bytes) -> bytes:
    samples = np.frombuffer(data, "<f4")
    if not len(samples):
        raise AudioFormatError("empty audio chunk")
    if not np.isfinite(samples).all():
        raise AudioFormatError("float audio holds samples that are not finite numbers (NaN or infinity)")
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()


def build_wav(wav: Wav) -> bytes:
    """The bytes of a WAV file; ``parse_wav`` gives the frames back."""
    fmt, data = wav
    if fmt.encoding is Encoding.PCM16BE:
        data = np.frombuffer(data, ">i2").astype("<i2").tobytes()
        fmt = AudioFormat(Encoding.PCM16LE, fmt.rate_hz, fmt.channels)
    form = struct.pack(
        "<HHIIHH",
        _TAGS[fmt.encoding],
        fmt.channels,
        fmt.rate_hz,
        fmt.rate_hz * fmt.frame_bytes,
        fmt.frame_bytes,
        8 * fmt.sample_bytes,
    )
    parts = [(b"fmt ", form)]
    if fmt.encoding is not Encoding.PCM16LE:
        parts = [(b"fmt ", form + b"\0\0"), (b"fact", struct.pack("<I", len(data) // fmt.frame_bytes))]
    parts.append((b"data", data))
    body = b"WAVE" + b"".join(
        name + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for name, part in parts
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body

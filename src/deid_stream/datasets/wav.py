"""Reads and writes WAV files without encoding their samples again: G.711 stays G.711.

RIFF/WAVE with PCM 16 bit, A-law or mu-law (format tags 1, 6, 7, or extensible naming one of them). 32-bit float (tag 3)
is read as 16-bit PCM, clipped at full scale. Chunks other than format and samples (titles, comments, cue texts) are not
carried over: nobody has looked at what they say.
"""

import struct
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from deid_stream.audio.codec.pcm import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ
from deid_stream.datasets.files import atomic_writer
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioFormat, Encoding

_TAGS: Final = {(1, 16): Encoding.PCM16LE, (6, 8): Encoding.ALAW, (7, 8): Encoding.MULAW}
_FLOAT: Final = (3, 32)
_EXTENSIBLE: Final = 0xFFFE
_MEND: Final = "convert it to 16-bit PCM, A-law or mu-law, for example `ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav`"


class WavFile(msgspec.Struct, frozen=True):
    """A recording: interleaved samples in the codec that ``format`` names."""

    format: AudioFormat
    data: bytes
    """Whole frames only."""

    def __repr__(self) -> str:
        return f"<WavFile {self.format.encoding} {self.format.rate_hz} Hz, {self.format.channels} channel(s)>"

    @property
    def frames(self) -> int:
        """Number of frames (one sample per channel)."""
        return len(self.data) // self.format.frame_bytes

    @property
    def duration_ms(self) -> int:
        return self.frames * 1000 // self.format.rate_hz


def read_wav(path: Path) -> WavFile:
    """Read a WAV file. A last frame that is not whole is left out. Where the data chunk claims more than the file has
    (a program that was still writing never filled its size in), the rest of the file is the data.

    Raises AudioFormatError with the file's name where it is no WAV file of these codecs, OSError where it cannot be
    opened.
    """
    raw = path.read_bytes()
    if raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise AudioFormatError(
            f"{path.name} is not a RIFF/WAVE file", mend="convert it to WAV (16-bit PCM, mu-law or A-law)"
        )
    fmt: AudioFormat | None = None
    is_float = False
    at = 12
    while at + 8 <= len(raw):
        name, size = raw[at : at + 4], int.from_bytes(raw[at + 4 : at + 8], "little")
        body = raw[at + 8 : at + 8 + size]
        if name == b"fmt ":
            fmt, is_float = _format(body, path.name)
        elif name == b"data":
            if fmt is None:
                raise AudioFormatError(f"{path.name} has its samples before their format; {_MEND}")
            data = _from_float(body, path.name) if is_float else body
            return WavFile(fmt, data[: len(data) // fmt.frame_bytes * fmt.frame_bytes])
        at += 8 + size + size % 2
    raise AudioFormatError(f"{path.name} has no samples")


def _from_float(body: bytes, name: str) -> bytes:
    samples = np.frombuffer(body[: len(body) // 4 * 4], "<f4")
    if not np.isfinite(samples).all():
        raise AudioFormatError(f"{name} has samples that are not finite numbers (NaN or infinity)")
    # clipped before as well: what is far above full scale would overflow
    within = np.rint(samples.clip(-1.0, 1.0) * 32768.0)
    return np.clip(within, -32768, 32767).astype("<i2").tobytes()


def _format(body: bytes, name: str) -> tuple[AudioFormat, bool]:
    """The format, and whether the samples are 32-bit float, to be read as 16-bit PCM."""
    if len(body) < 16:
        raise AudioFormatError(f"{name} has a format chunk of {len(body)} bytes; at least 16 are needed")
    tag, channels, rate_hz, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = int.from_bytes(body[24:26], "little")
    is_float = (tag, bits) == _FLOAT
    encoding = Encoding.PCM16LE if is_float else _TAGS.get((tag, bits))
    if encoding is None:
        raise AudioFormatError(f"{name} has format tag {tag} with {bits} bits; {_MEND}")
    if not 1 <= channels <= MAX_CHANNELS or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioFormatError(
            f"{name} has {channels} channels at {rate_hz} Hz; "
            f"1 to {MAX_CHANNELS} at {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz work"
        )
    if frame_bytes != channels * bits // 8:
        raise AudioFormatError(
            f"{name} says a frame has {frame_bytes} bytes; {channels} channels of {bits} bits do not"
        )
    return AudioFormat(encoding, rate_hz, channels), is_float


def write_wav(path: Path, wav: WavFile) -> None:
    """Write a WAV file with the shortest header that its codec allows. Raises ConfigError where it cannot be written,
    AudioFormatError for big-endian PCM, which WAV does not have."""
    fmt = wav.format
    if fmt.encoding is Encoding.PCM16BE:
        raise AudioFormatError("WAV samples are little-endian; s16be cannot be written as they are")
    tag, bits = next(key for key, encoding in _TAGS.items() if encoding is fmt.encoding)
    header = struct.pack(
        "<HHIIHH", tag, fmt.channels, fmt.rate_hz, fmt.rate_hz * fmt.frame_bytes, fmt.frame_bytes, bits
    )
    chunks = [(b"fmt ", header), (b"data", wav.data)]
    if fmt.encoding is not Encoding.PCM16LE:
        # whatever is not PCM has an extension size and a fact chunk
        chunks[0] = (b"fmt ", header + b"\0\0")
        chunks.insert(1, (b"fact", struct.pack("<I", wav.frames)))
    body = b"".join(name + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for name, part in chunks)
    with atomic_writer(path) as out:
        out.write(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)

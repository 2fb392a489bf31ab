"""Reads and writes the sound of a call file: WAV in its own codec, or Opus in Ogg, which is decoded when read and
encoded again when written."""

from pathlib import Path
from typing import Final

from deid_stream.audio.codec import opus
from deid_stream.datasets.files import atomic_writer
from deid_stream.datasets.wav import WavFile, read_wav, write_wav
from deid_stream.errors import AudioFormatError

OGG_SUFFIXES: Final = (".opus", ".ogg")
SUFFIXES: Final = (".wav", *OGG_SUFFIXES)


def read_sound(path: Path) -> WavFile:
    """Read a recording; Opus becomes 16-bit PCM. Raises AudioFormatError with the file's name where it is no such
    recording, CodecError where it is Opus and the extra ``opus`` is missing, OSError where it cannot be opened."""
    if path.suffix.lower() not in OGG_SUFFIXES:
        return read_wav(path)
    try:
        return WavFile(*opus.decode_file(path.read_bytes()))
    except AudioFormatError as error:
        raise type(error)(f"{path.name}: {error}") from None


def write_sound(path: Path, sound: WavFile) -> None:
    """Write a recording in the format that the file's suffix names. Raises ConfigError where it cannot be written,
    CodecError as ``read_sound`` does."""
    if path.suffix.lower() in OGG_SUFFIXES:
        encoded = opus.encode(opus.Pcm(sound.format, sound.data))
        with atomic_writer(path) as out:
            out.write(encoded)
    else:
        write_wav(path, sound)

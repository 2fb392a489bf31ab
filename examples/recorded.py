"""A recorded call in place of a caller, a recogniser and an agent's voice: what the agent examples play."""

import json
import os
import sys
import wave
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deid_stream.audio.codec.pcm import decode
from deid_stream.datasets.wav import read_wav
from deid_stream.live import Clean, CleanAudio, CleanText

FRAME_MS = 20


class Step(NamedTuple):
    """What happens within 20 ms."""

    caller: bytes
    """Sound."""
    agent: bytes
    """Sound; none while the agent is silent."""
    heard: list[dict[str, Any]]
    """Segments of the caller that the recogniser has done with, 600 ms after their last word."""
    said: list[dict[str, Any]]
    """Segments of the agent that end here."""


class Recorded(NamedTuple):
    """A call of two channels."""

    rate_hz: int
    steps: list[Step]


def recorded(sound: str, transcript: str) -> Recorded:
    """Read ``NAME.wav`` and ``NAME.call.json``; a segment is ready 600 ms after its last word."""
    wav = read_wav(Path(sound))
    named = json.loads(Path(transcript).read_text(encoding="utf-8"))
    caller = named["channels"].index("customer")
    samples = decode(wav.data, wav.format).astype("<i2")
    size = wav.format.rate_hz * FRAME_MS // 1000
    heard = [segment for segment in named["segments"] if segment["channel"] == caller]
    said = [segment for segment in named["segments"] if segment["channel"] != caller]
    steps = []
    for at in range(0, len(samples) + size * 50, size):
        now_ms = at * 1000 // wav.format.rate_hz
        frame = samples[at : at + size]
        speaks = any(segment["start_ms"] <= now_ms < segment["end_ms"] for segment in said)
        steps.append(
            Step(
                frame[:, caller].tobytes(),
                frame[:, 1 - caller].tobytes() if speaks else b"",
                [segment for segment in heard if now_ms - FRAME_MS < segment["end_ms"] + 600 <= now_ms],
                [segment for segment in said if now_ms - FRAME_MS < segment["end_ms"] <= now_ms],
            )
        )
    return Recorded(wav.format.rate_hz, steps)


def tell(line: str) -> None:
    """Print a line; where whoever read the lines has gone (``| head``), no more of them."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Record:
    """Keeps what leaves a call: give it as the sink. Prints each sanitized segment."""

    def __init__(self) -> None:
        self.audio: list[CleanAudio] = []
        self.text: list[str] = []

    def __call__(self, clean: Clean) -> None:
        if isinstance(clean, CleanAudio):
            self.audio.append(clean)
        elif isinstance(clean, CleanText) and clean.is_final:
            self.text.append(clean.text)
            tell(f"{clean.start_ms / 1000:7.2f}  {('caller', 'agent')[clean.channel]:6}  {clean.text}")

    def write(self, path: str) -> None:
        """A stereo recording: caller left, agent right; silence where nothing left."""
        if not self.audio:
            sys.exit("nothing has left the call")
        rate_hz = self.audio[0].rate_hz
        length = max(clean.first_sample + len(clean.samples) for clean in self.audio)
        stereo = np.zeros((length, 2), dtype="<i2")
        for clean in self.audio:
            first = clean.first_sample
            stereo[first : first + len(clean.samples), clean.channel] = clean.samples
        with wave.open(path, "wb") as out:
            out.setparams((2, 2, rate_hz, 0, "NONE", ""))
            out.writeframes(stereo.tobytes())

"""What a real recogniser's errors leave of the values: synthetic callers, read by Whisper tiny.en, through ``replay``.

    python benchmarks/real_asr.py DIR [--first N] [--calls N] [--profile NAME] [--normal MS] [--json FILE]

Callers are made as for ``audio.py`` (``audio_corpus.py``; needs the extra ``voices``), each over one of five lines:
clean, telephone noise, echo of the other side, packet loss, reverberation. The recogniser reads every channel as it
is (extra ``spotcheck``); its words and times are kept in DIR and read again by later runs. Numbers below 1,000 are for
tuning, the others for figures that are reported. With ``--normal`` the true words stand in for the recogniser's, on a
clean line, each edge off by a normal error of this standard deviation.

Residual: milliseconds of a value's speech that are still heard. A value counts as missed where more than half of its
speech is. Causes: *missing* (the recogniser has no word there), *misheard* (other words), *times* (the right words).
Spread: what nine in ten draws of as many of the calls have.
"""

import argparse
import json
import random
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

import audio_corpus
import audio_measure as measure
from deid_stream.audio.codec import pcm
from deid_stream.datasets.callfile import CallFile, Pace, read_call
from deid_stream.datasets.replay import replay
from deid_stream.datasets.wav import WavFile, write_wav
from deid_stream.detect.detector import Detector
from deid_stream.keys import KeyRing
from deid_stream.policy import UNKNOWN
from deid_stream.session.settings import SessionSettings
from deid_stream.spotcheck.whisper import SecondRecogniser
from deid_stream.text.normalise import normalise

LINES = ("clean", "noise", "echo", "loss", "room")
NEAR_MS = 150
DRAWS = 300
SPREAD = ("residual_mean_ms", "residual_p90_ms", "asked_p95_ms", "other_muted_ms_per_value")


def over_the_line(samples: NDArray[np.int16], rate_hz: int, line: str, seed: int) -> NDArray[np.int16]:
    """``samples`` (frames, channels) as they come out of such a line."""
    rng = np.random.default_rng(seed)
    sound = samples.astype(np.float64)
    if line == "noise":
        hiss = rng.normal(0, 1, sound.shape)
        hiss[1:] += 0.7 * hiss[:-1]
        level = np.sqrt(np.mean(np.square(sound[np.abs(sound) > 200]))) if (np.abs(sound) > 200).any() else 1000.0
        sound += hiss / hiss.std() * level * 10 ** (-18 / 20)
    elif line == "echo":
        delay = 120 * rate_hz // 1000
        sound[delay:] += 10 ** (-22 / 20) * samples[:-delay, ::-1]
    elif line == "room":
        decay = np.exp(-np.arange(rate_hz // 4) / (0.06 * rate_hz)) * rng.normal(0, 1, rate_hz // 4)
        decay *= 0.35 / np.sqrt(np.sum(np.square(decay)))
        for channel in range(sound.shape[1]):
            sound[:, channel] += np.convolve(sound[:, channel], decay)[: len(sound)]
    elif line == "loss":
        frame = 20 * rate_hz // 1000
        for channel in range(sound.shape[1]):
            for at in range(0, len(sound), frame):
                if rng.random() < 0.03:
                    sound[at : at + frame, channel] = 0
    return np.clip(np.rint(sound), -32_768, 32_767).astype(np.int16)


def prepared(folder: Path, numbers: range) -> list[tuple[str, CallFile, NDArray[np.bool_]]]:
    """The calls as the recogniser has them, by name, with where speech is audible (channels, ms)."""
    plain = folder / "plain"
    build(plain, numbers)
    recogniser: SecondRecogniser | None = None
    calls = []
    for number in numbers:
        name = f"caller-{number:03d}"
        labelled = measure._load(plain / f"{name}.wav")
        line = LINES[number % len(LINES)]
        fmt = labelled.wav.format
        samples = over_the_line(labelled.reader.samples, fmt.rate_hz, line, number)
        samples = pcm.decode(pcm.encode(samples, fmt), fmt)
        heard = folder / f"{name}.heard.json"
        if not heard.exists():
            recogniser = recogniser or SecondRecogniser()
            heard.write_text(json.dumps(read_aloud(recogniser, samples, fmt.rate_hz)))
        write_wav(folder / f"{name}.wav", WavFile(fmt, pcm.encode(samples, fmt)))
        header = json.loads((plain / f"{name}.call.json").read_text())
        header["segments"] = json.loads(heard.read_text())
        (folder / f"{name}.call.json").write_text(json.dumps(header))
        (folder / f"{name}.truth.json").write_text((plain / f"{name}.truth.json").read_text())
        calls.append((line, read_call(folder / f"{name}.wav", folder / f"{name}.call.json"), labelled.audible))
    return calls


def build(folder: Path, numbers: range) -> None:
    """Make the callers that are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [number for number in numbers if not (folder / f"caller-{number:03d}.truth.json").exists()]
    if wanted:
        voices = audio_corpus.voices()
        for number in wanted:
            audio_corpus.make(audio_corpus.script(number), voices, folder)


def read_aloud(recogniser: SecondRecogniser, samples: NDArray[np.int16], rate_hz: int) -> list[dict[str, Any]]:
    """Final segments as the recogniser cuts them, in order of their ends."""
    segments = []
    for channel in range(samples.shape[1]):
        for number, heard in enumerate(recogniser.segments(samples[:, channel], rate_hz)):
            segments.append(
                {
                    "segment_id": f"{channel}-{number}",
                    "channel": channel,
                    "start_ms": heard.words[0].start_ms,
                    "end_ms": heard.words[-1].end_ms,
                    "text": heard.text,
                    "words": [msgspec.to_builtins(word) for word in heard.words],
                }
            )
    return sorted(segments, key=lambda segment: segment["end_ms"])


def as_said(call: CallFile, plain: Path, off_ms: float) -> CallFile:
    """The call with its true words, over a clean line, the edges of each off by a normal error."""
    said = read_call(plain / f"{call.name}.wav", plain / f"{call.name}.call.json")
    rng = random.Random(f"{call.name} {off_ms}")
    for segment in said.header.segments:
        for word in segment["words"]:
            start_ms = max(0, word["start_ms"] + round(rng.gauss(0, off_ms)))
            word |= {"start_ms": start_ms, "end_ms": max(start_ms + 30, word["end_ms"] + round(rng.gauss(0, off_ms)))}
    return said


@dataclass
class Value:
    """One value of one call, and what became of it."""

    line: str
    entity_type: str
    asked: bool
    spoken_ms: int
    left_ms: int
    cause: str

    @property
    def missed(self) -> bool:
        return self.left_ms * 2 > self.spoken_ms


def judged(line: str, call: CallFile, audible: NDArray[np.bool_], after: WavFile) -> tuple[list[Value], int]:
    """Every value of a call, and the milliseconds of other speech that were silenced."""
    fmt = call.wav.format
    before, left = pcm.decode(call.wav.data, fmt), pcm.decode(after.data, fmt)
    per_ms = fmt.rate_hz // 1000
    kept = (left != 0).reshape(-1, per_ms, fmt.channels).any(axis=1).T[:, : audible.shape[1]]
    sounded = (before != 0).reshape(-1, per_ms, fmt.channels).any(axis=1).T[:, : audible.shape[1]]
    silenced = sounded & ~kept
    secret = np.zeros_like(audible)
    values = []
    for truth in call.truth:
        stretch = slice(truth.start_ms, truth.end_ms)
        secret[truth.channel, stretch] = True
        spoken = audible[truth.channel, stretch]
        left_ms = int((spoken & ~silenced[truth.channel, stretch] & kept[truth.channel, stretch]).sum())
        values.append(
            Value(line, truth.entity_type, truth.channel == 1, int(spoken.sum()), left_ms, cause(call, truth))
        )
    return values, int((audible & silenced & ~secret).sum())


def cause(call: CallFile, truth: Any) -> str:
    """What the recogniser got wrong of a value."""
    middle = [
        word["text"]
        for segment in call.header.segments
        if segment["channel"] == truth.channel
        for word in segment["words"]
        if truth.start_ms - NEAR_MS <= (word["start_ms"] + word["end_ms"]) // 2 < truth.end_ms + NEAR_MS
    ]
    heard, said = plain(" ".join(middle)), plain(truth.text)
    if not heard:
        return "missing"
    return "times" if said in heard else "misheard"


def plain(text: str) -> str:
    """Letters and digits, spoken numbers as figures."""
    return re.sub(r"[^a-z0-9]", "", normalise(text.lower()).text)


def summary(values: list[Value], other_ms: int) -> dict[str, Any]:
    """Figures of all values, and by cause."""
    left = np.array([value.left_ms for value in values] or [0])
    asked = np.array([value.left_ms for value in values if value.asked] or [0])
    return {
        "values": len(values),
        "residual_mean_ms": round(float(left.mean()), 1),
        "residual_p90_ms": round(float(np.percentile(left, 90)), 1),
        "residual_p95_ms": round(float(np.percentile(left, 95)), 1),
        "residual_max_ms": int(left.max()),
        "asked": sum(value.asked for value in values),
        "asked_p95_ms": round(float(np.percentile(asked, 95)), 1),
        "asked_missed": sum(value.missed for value in values if value.asked),
        "missed": sum(value.missed for value in values),
        "other_muted_ms_per_value": round(other_ms / max(1, len(values)), 1),
        "left_by_cause_ms": {
            name: sum(value.left_ms for value in values if value.cause == name)
            for name in ("times", "misheard", "missing")
        },
        "residual_mean_by_line_ms": {
            line: round(float(np.mean([value.left_ms for value in values if value.line == line] or [0])), 1)
            for line in LINES
        },
    }


def spread(calls: list[tuple[list[Value], int]]) -> dict[str, list[float]]:
    """The main figures as nine in ten draws of as many calls, with repetition, have them."""
    rng = np.random.default_rng(0)
    drawn: dict[str, list[float]] = {}
    for _ in range(DRAWS):
        some = [calls[at] for at in rng.integers(len(calls), size=len(calls))]
        figures = summary([value for values, _ in some for value in values], sum(other for _, other in some))
        for name in SPREAD:
            drawn.setdefault(name, []).append(figures[name])
    return {name: [round(float(ms), 1) for ms in np.percentile(found, (5, 95))] for name, found in drawn.items()}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=2_000)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--profile", default="", help="timing profile; empty: learned from each call")
    parser.add_argument("--normal", type=float, help="the true words, their times off by this standard deviation, ms")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--list", action="store_true", help="every value that is heard")
    options = parser.parse_args()
    detector = Detector.load()
    measured: list[tuple[list[Value], int]] = []
    for line, call, audible in prepared(options.folder, range(options.first, options.first + options.calls)):
        if options.normal is not None:
            call = as_said(call, options.folder / "plain", options.normal)
        result = replay(
            call,
            detector=detector,
            keys=KeyRing(b"real-asr" * 4),
            policy=UNKNOWN,
            settings=SessionSettings(default_profile=options.profile),
            pace=Pace(),
            pipeline_version="bench",
        )
        found, other = judged(line, call, audible, result.wav)
        measured.append((found, other))
        if options.list:
            for value, truth in zip(found, call.truth, strict=True):
                if value.left_ms > 30:
                    print(call.name, line, value.cause, value.left_ms, "of", value.spoken_ms, truth.entity_type)
    figures = summary([value for found, _ in measured for value in found], sum(other for _, other in measured))
    figures["spread"] = spread(measured)
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""What a redaction left and what it took: milliseconds of PII speech and of other speech, against truth."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec import pcm
from deid_stream.audio.hold.reader import Recording
from deid_stream.datasets.wav import WavFile, read_wav
from deid_stream.model.entities import EntityType
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import Span
from deid_stream.words.placement import place

AUDIBLE_DB = -35.0
"""Re the speaker's level; softer frames are not counted as speech."""
FRAME_MS = 10


@dataclass(frozen=True)
class Truth:
    entity_type: str
    channel: int
    segment_id: str
    start_ms: int
    end_ms: int
    text: str


@dataclass
class LabelledCall:
    name: str
    wav: WavFile
    reader: Recording
    segments: list[Segment]
    truth: list[Truth]
    audible: NDArray[np.bool_]
    """(channels, ms): frames above ``AUDIBLE_DB``."""

    @property
    def duration_ms(self) -> int:
        return len(self.reader.samples) * 1000 // self.reader.rate_hz


def load(folder: Path) -> list[LabelledCall]:
    """Every NAME.wav with NAME.call.json and NAME.truth.json."""
    return [_load(path) for path in sorted(folder.glob("*.wav")) if path.with_suffix(".truth.json").exists()]


def _load(path: Path) -> LabelledCall:
    wav = read_wav(path)
    samples = pcm.decode(wav.data, wav.format)
    header = json.loads(path.with_suffix(".call.json").read_text())
    segments = [
        Segment(
            call_id=header["call_id"],
            customer_id=header["customer_id"],
            segment_id=raw["segment_id"],
            text=raw["text"],
            start_ms=raw["start_ms"],
            end_ms=raw["end_ms"],
            channel=raw["channel"],
            words=tuple(Word(w["text"], w["start_ms"], w["end_ms"], w.get("confidence")) for w in raw["words"]),
        )
        for raw in header["segments"]
    ]
    truth = [
        Truth(t["entity_type"], t["channel"], t["segment_id"], t["start_ms"], t["end_ms"], t["text"])
        for t in json.loads(path.with_suffix(".truth.json").read_text())
        if t["entity_type"] in set(EntityType)  # what no transcript covers is not alignment's to find
    ]
    return LabelledCall(
        path.stem, wav, Recording(samples, wav.format.rate_hz), segments, truth, _audible(samples, wav.format.rate_hz)
    )


def _audible(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.bool_]:
    size = rate_hz * FRAME_MS // 1000
    frames = samples[: len(samples) // size * size].astype(np.float64).reshape(-1, size, samples.shape[1])
    rms = np.sqrt(np.square(frames).mean(axis=1))
    loud = []
    for channel in rms.T:
        spoken = channel[channel > 200]  # -44 dBFS: above line noise, to find the speaker's level
        level = np.sqrt(np.mean(np.square(spoken))) if len(spoken) else 1.0
        loud.append(np.repeat(channel > level * 10 ** (AUDIBLE_DB / 20), FRAME_MS))
    return np.array(loud)


def spans_of(call: LabelledCall, segment: Segment) -> list[Span]:
    """Truth as detections, so that the audio is judged by itself."""
    stands = place(segment.text, [word.text for word in segment.words]).places
    spans: list[Span] = []
    for entity in call.truth:
        if entity.segment_id != segment.segment_id:
            continue
        inside = [
            stand
            for stand, word in zip(stands, segment.words, strict=True)
            if stand.length and entity.start_ms <= ((word.start_ms or 0) + (word.end_ms or 0)) // 2 < entity.end_ms
        ]
        if inside:
            spans.append(Span(inside[0].start, inside[-1].end, EntityType(entity.entity_type), 1.0, "truth"))
    return spans


def disturbed(segment: Segment, source: str, rng: random.Random) -> Segment:
    """The segment with the word times of a source: exact, uniform N, normal N (95 % within N), late, none."""
    if source == "exact":
        return segment
    if source == "none":
        return msgspec.structs.replace(segment, words=tuple(Word(word.text) for word in segment.words))
    kind, _, size = source.partition(" ")
    limit = int(size or 0)

    def error() -> int:
        if kind == "uniform":
            return round(rng.uniform(-limit, limit))
        if kind == "normal":
            return round(rng.gauss(0, limit / 2))
        return round(rng.gauss(limit, 110))

    words: list[Word] = []
    for word in segment.words:
        start = max(0, (word.start_ms or 0) + error())
        words.append(Word(word.text, start, max(start + 30, (word.end_ms or 0) + error()), word.confidence))
    return msgspec.structs.replace(segment, words=tuple(words))


@dataclass
class Tally:
    """Sums over entities; residual is per entity."""

    residual_ms: list[int]
    other_ms: int = 0
    whole_turns: int = 0

    def row(self) -> dict[str, float]:
        residual = np.array(self.residual_ms or [0])
        count = max(1, len(self.residual_ms))
        return {
            "entities": len(self.residual_ms),
            "residual_mean_ms": round(float(residual.mean()), 1),
            "residual_p95_ms": round(float(np.percentile(residual, 95)), 1),
            "residual_max_ms": int(residual.max()),
            "residual_over_50ms": round(float((residual > 50).mean()), 4),
            "other_muted_ms_per_entity": round(self.other_ms / count, 1),
            "turns_muted_whole": self.whole_turns,
        }


def judge(call: LabelledCall, muted: NDArray[np.bool_], tally: Tally) -> None:
    """Add a call's ``muted`` (channels, ms) to the tally."""
    secret = np.zeros_like(call.audible)
    for entity in call.truth:
        stretch = slice(entity.start_ms, entity.end_ms)
        secret[entity.channel, stretch] = True
        tally.residual_ms.append(int((call.audible[entity.channel, stretch] & ~muted[entity.channel, stretch]).sum()))
    tally.other_ms += int((call.audible & muted & ~secret).sum())

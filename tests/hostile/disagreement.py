"""Calls whose transcript disagrees with itself and with the sound: does a planted value get out?

    python -m tests.hostile.disagreement [CASES] [FIRST]

Every case is one made call of one channel: words with sound exactly where they are said, some of them values, which may
be said softly. Its segments then say otherwise: text, words, times and revisions are disturbed, each by itself; values
are replaced by placeholders or left out; what was said is sent again. The detector knows the values by their letters
and digits, so what gets out got past the session, not past detection. A value may not be in any field of any output,
and 20 ms of its sound at most.
"""

import argparse
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import track

from deid_stream.audio.codec import pcm
from deid_stream.detect.conversation.state import ConversationState
from deid_stream.model.entities import EntityType
from deid_stream.model.events import AudioChunk, CallEnded, CallStarted, Event, Segment, Word
from deid_stream.model.outputs import SanitizedAudio
from deid_stream.model.spans import Span
from deid_stream.policy.policy import UNKNOWN
from deid_stream.session.call import FOREVER_MS, CallSession
from deid_stream.session.settings import SessionSettings
from deid_stream.text.normalise import normalise
from deid_stream.units import Interval
from deid_stream.words.durations import most_sound_ms
from deid_stream.words.placeholders import placeholders
from tests.support.made_calls import EPOCH_MS, MULAW

LEFT_MS = 20
PLAIN = "the bill for last month looks rather high to me and i would like to know why so can you look into it".split()
NAMES = ("zorblax", "quuxley", "frobnitz", "vexwright")
DIGITS = "zero one two three four five six seven eight nine".split()
SIGNS = ("[NAME]", "####", "****", "<PHONE>", "{{PII}}", "bleep", "[CREDIT_CARD_1]", "[REDACTED]", "XXXX")
FEW_DIGITS = 4
SOFT = 0.15
"""Share of the runs of words whose values are said softly."""
AGAIN = 0.15
"""Share of the segments that come again under another id."""
TEXTS = "as said,as said,written,none,okay,thanks,dots,signs,without values,one value".split(",")
OFF = ("early", "late", "squeezed", "second half")
"""What may be wrong with all word times of a segment."""


class KnowsTheValues:
    """Finds the names, four digits or more in a row, spoken or written, and placeholders."""

    def conversation(
        self,
        key: bytes,
        *,
        allow: Sequence[str] = (),
        deny: Sequence[str] = (),
        state: ConversationState | None = None,
        languages: Sequence[str] | None = None,
    ) -> "KnowsTheValues":
        return self

    def turn(
        self, text: str, speaker: int | str, prev: str | None = None, *, language: str | None = None
    ) -> list[Span]:
        found = [match.span() for match in re.finditer("|".join(NAMES), text.casefold())]
        found += [(place.start, place.end) for place in placeholders(text)]
        written = normalise(text)
        for run in re.finditer(r"\d(?:[ ,.-]*\d)+", written.text):
            if sum(map(str.isdigit, run[0])) >= FEW_DIGITS:
                found.append(written.to_source(*run.span()))
        spans: list[Span] = []
        for start, end in sorted(found):
            if not spans or start >= spans[-1].end:
                spans.append(Span(start, end, EntityType.PERSON, 0.9, "known", 1))
        return spans

    def state(self) -> ConversationState:
        return ConversationState()


@dataclass
class Said:
    """A word with its sound, and which value it is a part of (-1: none)."""

    text: str
    start_ms: int
    end_ms: int
    value: int
    peak: int = 8_000


@dataclass
class Case:
    """One call and what was done to it."""

    seed: int
    said: list[Said] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    sound: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))
    done: list[str] = field(default_factory=list)


def make_case(seed: int) -> Case:
    """The case of that number: the same on every machine."""
    rng = random.Random(f"disagreement-{seed}")
    case = Case(seed)
    at_ms = 600
    for number in range(rng.randint(1, 3)):
        first = len(case.said)
        at_ms = _speak(case, rng, at_ms)
        case.segments += [_segment(case, rng, number, first, revision) for revision in range(rng.choice((1, 1, 1, 2)))]
        if rng.random() < AGAIN:
            again = _segment(case, rng, number, first, 0)
            case.segments.append(msgspec.structs.replace(again, segment_id=f"again-{number}"))
        at_ms += rng.choice((400, 1_000, 2_500))
    duration_ms = -(-(at_ms + 500) // 100) * 100
    noise = np.random.default_rng(seed)
    case.sound = np.zeros(8 * duration_ms, np.int16)
    for word in case.said:
        case.sound[8 * word.start_ms : 8 * word.end_ms] = noise.integers(
            -word.peak, word.peak, 8 * (word.end_ms - word.start_ms)
        )
    return case


def _speak(case: Case, rng: random.Random, at_ms: int) -> int:
    """A run of plain words with a value somewhere, words 80 to 160 ms apart."""
    spoken: list[tuple[str, int]] = [(rng.choice(PLAIN), -1) for _ in range(rng.randint(1, 5))]
    for _ in range(rng.choice((1, 1, 2))):
        number = len(case.values)
        value = [rng.choice(NAMES)] if rng.random() < 0.5 else rng.choices(DIGITS, k=rng.choice((4, 8, 16)))
        case.values.append(" ".join(value))
        at = rng.randint(0, len(spoken))
        while 0 < at < len(spoken) and spoken[at - 1][1] == spoken[at][1] >= 0:
            at += 1
        spoken[at:at] = [(word, number) for word in value]
    soft_peak = rng.randint(16, 64) if rng.random() < SOFT else 0
    for word, number in spoken:
        length_ms = rng.randrange(200, 361, 10)
        peak = soft_peak if soft_peak and number >= 0 else 8_000
        case.said.append(Said(word, at_ms, at_ms + length_ms, number, peak))
        at_ms += length_ms + rng.randrange(80, 161, 10)
    return at_ms


def _segment(case: Case, rng: random.Random, number: int, first: int, revision: int) -> Segment:
    said = case.said[first:]
    text = _text(case, rng, said)
    words = _words(case, rng, said)
    start_ms, end_ms = said[0].start_ms, said[-1].end_ms
    lag_ms = 300 if not revision else rng.choice((350, 4_000))
    return Segment(
        call_id="call-1",
        customer_id="acme",
        segment_id=f"s{number}",
        text=text,
        start_ms=start_ms,
        end_ms=end_ms,
        words=words,
        revision=revision,
        timing=rng.choice(("exact", "50ms", "100ms", "300ms", "late")),
        time_ms=EPOCH_MS + end_ms + lag_ms,
    )


def _text(case: Case, rng: random.Random, said: Sequence[Said]) -> str:
    how = rng.choice(
        ("as said", "as said", "written", "none", "okay", "thanks", "dots", "signs", "without values", "one value")
    )
    case.done.append(f"text {how}")
    match how:
        case "written":
            return _written(said)
        case "none":
            return ""
        case "okay":
            return "okay"
        case "thanks":
            return "okay thank you"
        case "dots":
            return "..."
        case "signs":
            return " ".join(_with_signs(said, rng))
        case "without values":
            return " ".join(word.text for word in said if word.value < 0)
        case "one value":
            kept = max(word.value for word in said)
            return " ".join(word.text for word in said if word.value in (-1, kept))
    return " ".join(word.text for word in said)


def _written(said: Sequence[Said]) -> str:
    """Digits as figures in groups of four, capitals, full stops."""
    parts: list[str] = []
    for word in said:
        if word.text in DIGITS:
            figure = str(DIGITS.index(word.text))
            if parts and parts[-1][-1].isdigit() and len(parts[-1]) < FEW_DIGITS:
                parts[-1] += figure
            else:
                parts.append(figure)
        else:
            parts.append(word.text)
    return f"{' '.join(parts).capitalize()}."


def _with_signs(said: Sequence[Said], rng: random.Random) -> list[str]:
    sign = rng.choice(SIGNS)
    parts: list[str] = []
    last = -1
    for word in said:
        if word.value < 0:
            parts.append(word.text)
        elif word.value != last:
            parts.append(sign)
        last = word.value
    return parts


def _words(case: Case, rng: random.Random, said: Sequence[Said]) -> tuple[Word, ...]:
    how = rng.choice(
        ("as said", "as said", "as said", "none", "signs", "doubled", "dropped", "merged", "split", "swapped", "extra",
         "capitals", "without values")
    )  # fmt: skip
    times = rng.choice(("exact", "exact", "exact", "exact", "none", "some", *OFF))
    case.done.append(f"words {how}, times {times}")
    words = [(word.text, word.start_ms, word.end_ms) for word in said]
    at = rng.randrange(len(words))
    match how:
        case "none":
            return ()
        case "signs":
            words = list(_sign_words(said, rng))
        case "doubled":
            words.insert(at, words[at])
        case "dropped":
            del words[at]
        case "merged" if at + 1 < len(words):
            words[at : at + 2] = [(words[at][0] + words[at + 1][0], words[at][1], words[at + 1][2])]
        case "split":
            name, start, end = words[at]
            middle = (start + end) // 2
            words[at : at + 1] = [(name[:1], start, middle), (name[1:] or name, middle, end)]
        case "swapped" if at + 1 < len(words):
            words[at : at + 2] = [words[at + 1], words[at]]
        case "extra":
            words.insert(at, (rng.choice((*NAMES, "4111", "one")), words[at][1], words[at][1] + 60))
        case "capitals":
            words = [(f"{name.upper()},", start, end) for name, start, end in words]
        case "without values":
            words = [word for word, spoken in zip(words, said, strict=True) if spoken.value < 0]
    made = []
    off_ms = rng.randrange(400, 801, 50)
    for name, start, end in words:
        timed = times not in ("none", "some") or (times == "some" and rng.random() < 0.7)
        begins, ends = (_stated(at_ms, times, off_ms, said) for at_ms in (start, end))
        made.append(Word(name, max(0, begins), max(0, ends), 0.9) if timed else Word(name))
    return tuple(made)


def _stated(at_ms: int, times: str, off_ms: int, said: Sequence[Said]) -> int:
    """When something is stated that is heard at ``at_ms``."""
    first_ms, last_ms = said[0].start_ms, said[-1].end_ms
    match times:
        case "early":
            return at_ms - off_ms
        case "late":
            return at_ms + off_ms
        case "squeezed":
            return first_ms + (at_ms - first_ms) // 2
        case "second half":
            return last_ms - (last_ms - at_ms) // 2
    return at_ms


def _sign_words(said: Sequence[Said], rng: random.Random) -> Iterator[tuple[str, int, int]]:
    sign = rng.choice(SIGNS)
    at = 0
    while at < len(said):
        stop = at + 1
        while said[at].value >= 0 and stop < len(said) and said[stop].value == said[at].value:
            stop += 1
        name = said[at].text if said[at].value < 0 else sign
        yield name, said[at].start_ms, said[stop - 1].end_ms
        at = stop


def run(case: Case) -> list[str]:
    """What got out, in words; empty where nothing did."""
    session = CallSession(
        "call-1", "acme", detector=KnowsTheValues(), key=bytes(32), settings=SessionSettings(), policy=UNKNOWN
    )
    outputs = []
    for event in _events(case):
        session.receive(event)
        session.advance(event.time_ms)
        outputs += session.outputs()
    session.advance(FOREVER_MS)
    outputs += session.outputs()
    audio = [output for output in outputs if isinstance(output, SanitizedAudio)]
    others = [output for output in outputs if not isinstance(output, SanitizedAudio)]
    return [*_in_fields(case, others), *_in_sound(case, audio)]


def _events(case: Case) -> list[Event]:
    common = {"call_id": "call-1", "customer_id": "acme"}
    duration_ms = len(case.sound) // 8
    encoded = pcm.encode(case.sound, MULAW)
    events: list[Event] = [
        AudioChunk(
            **common, seq=seq, offset_ms=100 * seq, format=MULAW, channel=0, data=encoded[800 * seq : 800 * seq + 800],
            time_ms=EPOCH_MS + 100 * seq + 100,
        )
        for seq in range(duration_ms // 100)
    ]  # fmt: skip
    events += [CallStarted(**common, time_ms=EPOCH_MS, channels=1), *case.segments]
    events.append(CallEnded(**common, time_ms=EPOCH_MS + duration_ms + 5_000, duration_ms=duration_ms))
    return sorted(events, key=lambda event: event.time_ms)


def _in_fields(case: Case, outputs: Sequence[object]) -> list[str]:
    found: list[str] = []
    for output in outputs:
        strings = list(_strings(msgspec.to_builtins(output)))
        whole = " ".join(strings)
        letters = "".join(c for c in whole.casefold() if c.isalnum())
        digits = re.sub(r"\W", "", normalise(re.sub(r"\[\w+\]", "|", whole)).text)
        for value in case.values:
            if value in NAMES:
                got_out = value in letters
            else:
                figures = "".join(str(DIGITS.index(word)) for word in value.split())
                got_out = any(figures[n : n + FEW_DIGITS] in digits for n in range(len(figures) - FEW_DIGITS + 1))
            if got_out:
                found.append(f"{value!r} in {type(output).__name__}: {whole!r}")
    return found


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


def _in_sound(case: Case, audio: Sequence[SanitizedAudio]) -> list[str]:
    left = np.frombuffer(b"".join(a.data for a in sorted(audio, key=lambda a: a.chunk.seq)), np.uint8) != 0xFF
    assert len(left) == len(case.sound), "all of the sound leaves, silenced or not"
    found: list[str] = []
    for number, value in enumerate(case.values):
        if _may_be_read(case, number):
            continue
        parts = [left[8 * word.start_ms : 8 * word.end_ms] for word in case.said if word.value == number]
        heard_ms = sum(int(part[: len(part) // 8 * 8].reshape(-1, 8).any(axis=1).sum()) for part in parts)
        if heard_ms > LEFT_MS:
            found.append(f"{heard_ms} ms of {value!r} are heard")
    return found


def _may_be_read(case: Case, number: int) -> bool:
    """Whether a text whose words have no times, or wrong ones, has letters enough for all that sounds in its segment:
    nobody can tell then that it says something else."""
    said = [word for word in case.said if word.value == number]
    for segment in case.segments:
        if segment.start_ms <= said[0].start_ms < segment.end_ms:
            words = [word.text for word in segment.words] or segment.text.split()
            there = [word for word in case.said if segment.start_ms <= word.start_ms < segment.end_ms]
            sounding_ms = sum(word.end_ms - word.start_ms for word in there)
            if not _timed(segment, there) and sounding_ms <= most_sound_ms(words):
                return True
    return False


def _timed(segment: Segment, said: Sequence[Said]) -> bool:
    """Whether every word of a segment is stated where something is said."""
    sounds = [Interval(word.start_ms, word.end_ms) for word in said]
    return bool(segment.words) and all(
        word.start_ms is not None
        and word.end_ms is not None
        and any(Interval(word.start_ms, word.end_ms) == sound for sound in sounds)
        for word in segment.words
    )


def describe(case: Case) -> str:
    """A case as its reader wants it."""
    lines = [
        f"case {case.seed}: {'; '.join(case.done)}",
        "  said  " + " ".join(f"{w.text}@{w.start_ms}" for w in case.said),
    ]
    for segment in case.segments:
        words = " ".join(f"{word.text}@{word.start_ms}-{word.end_ms}" for word in segment.words)
        lines += [f"  {segment.segment_id}.{segment.revision} {segment.text!r}", f"        {words}"]
    return "\n".join(lines)


def main() -> None:
    """Run so many cases; say which let something out."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.disagreement", description=__doc__)
    parser.add_argument("cases", type=int, nargs="?", default=20_000)
    parser.add_argument("first", type=int, nargs="?", default=0, help="seed of the first case")
    given = parser.parse_args()
    cases, failed = given.cases, 0
    for seed in track(range(given.first, given.first + cases), "cases", console=Console(stderr=True)):
        case = make_case(seed)
        found = run(case)
        if found:
            failed += 1
            print(describe(case), *(f"  !! {line}" for line in found), sep="\n")
    print(f"{failed} of {cases} cases let something out")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

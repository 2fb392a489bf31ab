"""Made calls of one channel, and segments that disagree with them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from deid_stream.model.events import AudioFormat, Segment, Word
from tests.hostile.disagreement.values import DIGITS, FEW_DIGITS, NAMES
from tests.support.made_calls import EPOCH_MS, MULAW

IDS = {"call_id": "call-1", "customer_id": "acme"}
PLAIN = "the bill for last month looks rather high to me and i would like to know why so can you look into it".split()
SIGNS = ("[NAME]", "####", "****", "<PHONE>", "{{PII}}", "bleep", "[CREDIT_CARD_1]", "[REDACTED]", "XXXX")
SOFT = 0.15
"""Share of the runs of words whose values are said softly."""
AGAIN = 0.15
"""Share of the segments that come again under another id."""
OFF = ("early", "late", "squeezed", "second half")
"""What may be wrong with all word times of a segment."""


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
    others: list[np.ndarray] = field(default_factory=list)
    """The call's other lines."""
    delay_ms: list[int] = field(default_factory=lambda: [0])
    """By line: how much later what is said is heard there."""
    format: AudioFormat = MULAW
    chunk_ms: tuple[int, ...] = (100,)
    """Lengths of the audio records, in turn."""
    audio_lag_ms: int = 0
    """How late the audio comes."""
    lost: float = 0.0
    """Share of the audio records that never come."""
    other_rate_from_ms: int | None = None
    """From here on (media time) the audio records name another rate."""
    ended_before_ms: int = 0
    """How long before the last segment the end comes."""
    done: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[np.ndarray]:
        """The sound of every channel."""
        return [self.sound, *self.others]


def basic_case(seed: int) -> Case:
    """The case of that number before anything of ``kin`` is done to it: the same on every machine."""
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
        **IDS,
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

"""Further ways in which a transcript can disagree with its call, drawn by themselves: a case keeps its number."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import msgspec
import numpy as np

from deid_stream.errors import DecodeError
from deid_stream.model.events import AudioFormat, Encoding, Segment, Word
from deid_stream.wire.segments import Draft, Identity, finish
from deid_stream.wire.transcript import read_own
from tests.hostile.disagreement.cases import IDS, SIGNS, Case
from tests.hostile.disagreement.parted import short_segments
from tests.hostile.disagreement.values import DIGITS
from tests.support.made_calls import EPOCH_MS

KEYS_HZ = {
    digit: (low, high)
    for low, digits in zip((697, 770, 852, 941), ("123", "456", "789", "*0#"), strict=True)
    for digit, high in zip(digits, (1_209, 1_336, 1_477), strict=True)
}
"""The two tones of a key (ITU-T Q.23)."""
INVISIBLE = ("\u200b", "\u200d", "\u00ad", "\u200f", "\u202e", "\u2060", "\ufeff", "\u0301", "\u0308")
BLANKS = ("\u00a0", "\u2009", "\u3000", "\u202f", "  ")
"""What a writer may put for a blank."""

Change = Callable[[Segment, random.Random], Segment]


# -- the times of words


def _words(segment: Segment, made: Sequence[tuple[Word, int | None, int | None]]) -> Segment:
    words = tuple(msgspec.structs.replace(word, start_ms=start, end_ms=end) for word, start, end in made)
    return msgspec.structs.replace(segment, words=words)


def overlapping(segment: Segment, rng: random.Random) -> Segment:
    """Words last into the next ones."""
    more_ms = rng.randrange(100, 801, 50)
    return _words(segment, [(w, w.start_ms, w.end_ms and w.end_ms + more_ms) for w in segment.words])


def no_length(segment: Segment, rng: random.Random) -> Segment:
    """Words have a start and no more."""
    share = rng.choice((0.3, 1.0))
    return _words(segment, [(w, w.start_ms, w.start_ms if rng.random() < share else w.end_ms) for w in segment.words])


def backwards(segment: Segment, rng: random.Random) -> Segment:
    """Words end before they start."""
    made = [(w, w.end_ms, w.start_ms) if rng.random() < 0.5 else (w, w.start_ms, w.end_ms) for w in segment.words]
    return _words(segment, made)


def reversed_times(segment: Segment, rng: random.Random) -> Segment:
    """The last word is stated where the first is said."""
    times = [(w.start_ms, w.end_ms) for w in segment.words][::-1]
    return _words(segment, [(w, *at) for w, at in zip(segment.words, times, strict=True)])


def negative(segment: Segment, rng: random.Random) -> Segment:
    """Words begin before the call."""
    share = rng.choice((0.3, 1.0))
    return _words(
        segment,
        [(w, -rng.randint(1, 900) if rng.random() < share else w.start_ms, w.end_ms) for w in segment.words],
    )


def in_seconds(segment: Segment, rng: random.Random) -> Segment:
    """Times are in another unit."""
    return _words(
        segment,
        [(w, w.start_ms and w.start_ms // 1_000, w.end_ms and -(-w.end_ms // 1_000)) for w in segment.words],
    )


def all_the_time(segment: Segment, rng: random.Random) -> Segment:
    """Every word is stated where the whole segment is."""
    return _words(segment, [(w, segment.start_ms, segment.end_ms) for w in segment.words])


def moved_segment(segment: Segment, rng: random.Random) -> Segment:
    """The segment lies elsewhere than its words."""
    off_ms = rng.choice((-2_000, -700, 700, 2_000))
    start_ms, end_ms = max(0, segment.start_ms + off_ms), max(1, segment.end_ms + off_ms)
    return msgspec.structs.replace(segment, start_ms=start_ms, end_ms=end_ms)


def point_segment(segment: Segment, rng: random.Random) -> Segment:
    """The segment has no length."""
    at_ms = rng.choice((segment.start_ms, segment.end_ms))
    return msgspec.structs.replace(segment, start_ms=at_ms, end_ms=at_ms)


# -- the writing


def _rewritten(segment: Segment, change: Callable[[str], str], rng: random.Random) -> Segment:
    where = rng.choice(("text", "words", "both"))
    if where != "words":
        segment = msgspec.structs.replace(segment, text=change(segment.text))
    if where != "text":
        words = tuple(msgspec.structs.replace(word, text=change(word.text)) for word in segment.words)
        segment = msgspec.structs.replace(segment, words=words)
    return segment


def glued(segment: Segment, rng: random.Random) -> Segment:
    """Number words run together, with hyphens or without."""
    sign = rng.choice(("-", "", "\u2011", "/"))
    parts = [
        [sign.join(group)] if is_digit else list(group)
        for is_digit, group in groupby(segment.text.split(), lambda word: word.strip(".,").lower() in DIGITS)
    ]
    segment = msgspec.structs.replace(segment, text=" ".join(word for part in parts for word in part))
    if rng.random() < 0.5:
        return segment
    words: list[Word] = []
    for is_digit, group in groupby(segment.words, lambda word: word.text.strip(".,").lower() in DIGITS):
        run = list(group)
        joined = Word(sign.join(w.text for w in run), run[0].start_ms, run[-1].end_ms, run[0].confidence)
        words += [joined] if is_digit else run
    return msgspec.structs.replace(segment, words=tuple(words))


def wide(segment: Segment, rng: random.Random) -> Segment:
    """Letters and figures in full width."""
    shift = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
    return _rewritten(segment, lambda text: text.translate(shift), rng)


def marked(segment: Segment, rng: random.Random) -> Segment:
    """Signs within words that nobody sees."""
    sign, step = rng.choice(INVISIBLE), rng.randint(1, 3)

    def change(text: str) -> str:
        return "".join(c + sign if c.isalnum() and not at % step else c for at, c in enumerate(text))

    return _rewritten(segment, change, rng)


def blanks(segment: Segment, rng: random.Random) -> Segment:
    """Other blanks than the ordinary one."""
    return msgspec.structs.replace(segment, text=segment.text.replace(" ", rng.choice(BLANKS)))


def two_signs(segment: Segment, rng: random.Random) -> Segment:
    """Every placeholder twice, and one put in beside a word."""
    first, second = rng.choice(SIGNS), rng.choice(SIGNS)
    between = rng.choice((" ", ""))
    tokens = segment.text.split() or [first]
    at = rng.randrange(len(tokens))
    tokens[at : at + 1] = [f"{first}{between}{second}"]
    words = list(segment.words)
    if words:
        at = min(at, len(words) - 1)
        old = words[at]
        middle = None if old.start_ms is None or old.end_ms is None else (old.start_ms + old.end_ms) // 2
        words[at : at + 1] = [Word(first, old.start_ms, middle), Word(second, middle, old.end_ms)]
    return msgspec.structs.replace(segment, text=" ".join(tokens), words=tuple(words))


SEGMENTS: tuple[Change, ...] = (
    overlapping, no_length, backwards, reversed_times, negative, in_seconds, all_the_time, moved_segment, point_segment,
    glued, wide, marked, blanks, two_signs,
)  # fmt: skip


# -- the records


def shortened(case: Case, rng: random.Random) -> None:
    """A revision has only the first half, of text and time; it comes before the release, or after it."""
    segment = rng.choice(case.segments)
    tokens, words = segment.text.split(), segment.words
    kept = words[: max(1, len(words) // 2)]
    ends = [word.end_ms for word in kept if word.end_ms is not None]
    end_ms = max(segment.start_ms, min(segment.end_ms, max(ends))) if ends else segment.end_ms
    lag_ms = rng.choice((50, 2_000, 8_000, 20_000))
    case.segments.append(
        msgspec.structs.replace(
            segment, text=" ".join(tokens[: max(1, len(tokens) // 2)]), words=kept, end_ms=end_ms,
            revision=segment.revision + 5, time_ms=segment.time_ms + lag_ms,
        )
    )  # fmt: skip


def interims(case: Case, rng: random.Random) -> None:
    """Interims that say all, and come before, between and after the finals."""
    for segment in list(case.segments):
        lag_ms = rng.choice((-100, 0, 10_000))
        case.segments.append(
            msgspec.structs.replace(
                segment, is_final=False, revision=rng.randint(0, 3), time_ms=max(EPOCH_MS, segment.time_ms + lag_ms)
            )
        )


def late(case: Case, rng: random.Random) -> None:
    """Finals come long after their sound, some when the call has ended."""
    lag_ms = rng.choice((3_000, 9_000, 20_000, 28_000))
    late_ones = [rng.random() < 0.7 for _ in case.segments]
    case.segments[:] = [
        msgspec.structs.replace(segment, time_ms=segment.time_ms + lag_ms) if is_late else segment
        for segment, is_late in zip(case.segments, late_ones, strict=True)
    ]


def out_of_order(case: Case, rng: random.Random) -> None:
    """The records of segments change places."""
    times = [segment.time_ms for segment in case.segments]
    rng.shuffle(times)
    case.segments[:] = [
        msgspec.structs.replace(segment, time_ms=at) for segment, at in zip(case.segments, times, strict=True)
    ]


def audio_late(case: Case, rng: random.Random) -> None:
    """The sound comes when the text has left."""
    case.audio_lag_ms = rng.choice((1_000, 6_000, 25_000))


def other_chunks(case: Case, rng: random.Random) -> None:
    """Audio records of other lengths."""
    case.chunk_ms = rng.choice(((20,), (1_000,), (30, 70, 250, 10), (480,)))


# -- the lines


def echo(case: Case, rng: random.Random) -> None:
    """The other line carries what is said, later and softer; it may have the same transcript."""
    delay_ms, gain = rng.choice((0, 7, 20, 45)), rng.choice((1.0, 0.5, 0.3))
    line = np.zeros_like(case.sound)
    line[8 * delay_ms :] = case.sound[: len(case.sound) - 8 * delay_ms] * gain
    case.others, case.delay_ms = [line], [0, delay_ms]
    if rng.random() < 0.5:
        copies(case, rng)


def copies(case: Case, rng: random.Random) -> None:
    """What was said has segments on another channel too, whose line is silent where it is there at all."""
    case.segments += [msgspec.structs.replace(segment, channel=1) for segment in case.segments if rng.random() < 0.7]


def swapped_lines(case: Case, rng: random.Random) -> None:
    """The transcript has the lines the other way round."""
    if not case.others:
        case.others, case.delay_ms = [np.zeros_like(case.sound)], [0, 0]
    from_ms = rng.choice((0, 0, 3_000))
    case.segments[:] = [
        msgspec.structs.replace(segment, channel=1 - segment.channel) if segment.start_ms >= from_ms else segment
        for segment in case.segments
    ]


# -- the sound


def keyed(case: Case, rng: random.Random) -> None:
    """The digits of numbers are pressed, not said; nobody writes them."""
    length_ms = rng.choice((40, 70, 120, 200))
    for at, word in enumerate(list(case.said)):
        if word.value < 0 or word.text not in DIGITS:
            continue
        case.said[at] = replace(word, end_ms=word.start_ms + length_ms)
        case.sound[8 * word.start_ms : 8 * word.end_ms] = 0
        times = np.arange(8 * length_ms) / 8_000
        tones = sum(np.sin(2 * np.pi * hz * times) for hz in KEYS_HZ[str(DIGITS.index(word.text))])
        case.sound[8 * word.start_ms : 8 * (word.start_ms + length_ms)] = word.peak / 2 * tones
    if rng.random() < 0.7:
        case.segments[:] = [_without_digits(segment) for segment in case.segments]


def _without_digits(segment: Segment) -> Segment:
    def stays(text: str) -> bool:
        return text.strip(".,").lower() not in DIGITS and not any(map(str.isdigit, text))

    return msgspec.structs.replace(
        segment,
        text=" ".join(filter(stays, segment.text.split())),
        words=tuple(word for word in segment.words if stays(word.text)),
    )


def noisy(case: Case, rng: random.Random) -> None:
    """The line has steady noise, far softer than what is said."""
    if any(word.peak < 8_000 for word in case.said):
        return
    peak = rng.choice((4, 12, 40, 90, 300))
    noise = np.random.default_rng(case.seed + 1).integers(-peak, peak + 1, len(case.sound))
    case.sound = (case.sound + noise).astype(np.int16)


def other_rate(case: Case, rng: random.Random) -> None:
    """In mid-call the audio records name another rate."""
    case.other_rate_from_ms = rng.randrange(0, len(case.sound) // 8, 100)


def other_codec(case: Case, rng: random.Random) -> None:
    """A-law, or samples of 16 bits."""
    encoding = rng.choice((Encoding.ALAW, Encoding.PCM16LE, Encoding.PCM16BE))
    case.format = AudioFormat(encoding, 8_000, 1)


def lost_audio(case: Case, rng: random.Random) -> None:
    """Some audio records never come."""
    case.lost = rng.choice((0.05, 0.2))


def hasty(case: Case, rng: random.Random) -> None:
    """The recogniser says that it has finished with what it has not heard yet."""
    ahead_ms = rng.choice((500, 3_000, 60_000))
    case.segments[:] = [
        msgspec.structs.replace(segment, transcribed_until_ms=segment.end_ms + ahead_ms) for segment in case.segments
    ]


def untimed(case: Case, rng: random.Random) -> None:
    """The recogniser's form has no times, and no words."""
    share = rng.choice((0.5, 1.0))
    case.segments[:] = [
        msgspec.structs.replace(segment, words=(), timed=False) if rng.random() < share else segment
        for segment in case.segments
    ]


def without_words(case: Case, rng: random.Random) -> None:
    """Some segments have no words, or words without times, while the channel's others have them."""
    kept = rng.choice((0, 1))
    case.segments[:] = [
        segment
        if rng.random() < 0.5
        else msgspec.structs.replace(segment, words=tuple(Word(word.text) for word in segment.words) if kept else ())
        for segment in case.segments
    ]


def faint(case: Case, rng: random.Random) -> None:
    """Values, or all that is said, in the softest steps of G.711; in A-law there is no sample of nothing."""
    if noisy.__name__ in case.done:
        return  # nobody hears what is softer than the noise
    peak, all_of_it = rng.choice((9, 12, 17, 24, 33, 48)), rng.random() < 0.3
    case.format = AudioFormat(rng.choice((Encoding.ALAW, Encoding.ALAW, Encoding.MULAW)), 8_000, 1)
    for at, word in enumerate(list(case.said)):
        if all_of_it or word.value >= 0:
            part = slice(8 * word.start_ms, 8 * word.end_ms)
            case.sound[part] = case.sound[part].astype(np.float64) * peak / word.peak
            case.said[at] = replace(word, peak=peak)


def neighbours(case: Case, rng: random.Random) -> None:
    """Every word lasts to the next one, begins where the one before ended, or both; some segments lack their values, so
    that these lie in the times of other words."""
    how, lacking = rng.choice(("lasting", "begun", "both")), rng.random() < 0.7
    values = [word for word in case.said if word.value >= 0]

    def stays(word: Word) -> bool:
        start_ms, end_ms = sorted((word.start_ms or 0, word.end_ms or 0))
        return not (lacking and any(start_ms < value.end_ms and value.start_ms < end_ms for value in values))

    for at, segment in enumerate(case.segments):
        words = [word for word in segment.words if stays(word)]
        if not words:
            continue
        if len(words) < len(segment.words):
            segment = msgspec.structs.replace(segment, text=" ".join(word.text for word in words))
        case.segments[at] = _words(segment, [(word, *_reaching(words, n, how)) for n, word in enumerate(words)])


def _reaching(words: Sequence[Word], at: int, how: str) -> tuple[int | None, int | None]:
    """A word's times, out to its neighbours where it lies between them."""
    start_ms, end_ms = words[at].start_ms, words[at].end_ms
    before_ms = words[at - 1].end_ms if at else None
    after_ms = words[at + 1].start_ms if at + 1 < len(words) else None
    if start_ms is None or end_ms is None:
        return start_ms, end_ms
    if how != "lasting" and before_ms is not None and before_ms < start_ms:
        start_ms = before_ms if how == "begun" else (before_ms + start_ms) // 2
    if how != "begun" and after_ms is not None and after_ms > end_ms:
        end_ms = after_ms if how == "lasting" else (end_ms + after_ms) // 2
    return start_ms, end_ms


CALLS: tuple[Callable[[Case, random.Random], None], ...] = (
    shortened, interims, late, out_of_order, audio_late, other_chunks, echo, copies, swapped_lines, keyed, noisy,
    other_rate, other_codec, hasty, lost_audio, untimed, without_words, faint, neighbours, short_segments,
)  # fmt: skip
KINDS = (*SEGMENTS, *CALLS)
"""New ones are put at the end, so that a case is the same again with the number of kinds that it was found with."""


def disturb(case: Case, kinds: int) -> None:
    """One to three of the first so many kinds, to the segments and the call. What the wire refuses does not come."""
    rng = random.Random(f"kin-{case.seed}")
    for change in rng.sample(KINDS[:kinds], rng.choice((1, 1, 2, 3))):
        case.done.append(change.__name__)
        if change in SEGMENTS:
            hit = [rng.random() < 0.8 for _ in case.segments]
            case.segments[:] = [
                change(segment, rng) if is_hit else segment for segment, is_hit in zip(case.segments, hit, strict=True)
            ]
        else:
            change(case, rng)
    case.segments[:] = [read for segment in case.segments for read in _through_the_wire(segment)]
    case.ended_before_ms = rng.choice((0, 0, 6_000))


def _through_the_wire(segment: Segment) -> Sequence[Segment]:
    """The segment as it is read from its record; none where the record is refused."""
    identity = Identity(**IDS, channel=None, time_ms=segment.time_ms, offset=-1)
    if not segment.timed:
        draft = Draft(
            text=segment.text, segment_id=segment.segment_id, channel=segment.channel, revision=segment.revision,
            is_final=segment.is_final, language=segment.language, timed=False,
        )  # fmt: skip
        return [finish(draft, identity, timing=segment.timing)]
    names = "segment_id text start_ms end_ms channel revision is_final language transcribed_until_ms".split()
    record: dict[str, object] = {name: getattr(segment, name) for name in names}
    record["words"] = [{name: getattr(word, name) for name in word.__struct_fields__} for word in segment.words]
    try:
        return [finish(read_own(msgspec.json.encode(record)), identity, timing=segment.timing)]
    except DecodeError:
        return []

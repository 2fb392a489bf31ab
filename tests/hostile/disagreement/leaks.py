"""A case through the session, and what of its values got out."""

import random
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec import pcm
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioChunk, CallEnded, CallStarted, Event, Segment, Word
from deid_stream.model.outputs import Output, SanitizedAudio
from deid_stream.policy.policy import UNKNOWN
from deid_stream.session.arrival import placed
from deid_stream.session.call import CallSession
from deid_stream.session.settings import SessionSettings
from deid_stream.units import FOREVER_MS, Interval
from deid_stream.words.durations import most_sound_ms, usual_sound_ms
from tests.hostile.disagreement.cases import IDS, Case, Said
from tests.hostile.disagreement.parted import whole
from tests.hostile.disagreement.values import DIGITS, KnowsTheValues, bare, read_in
from tests.support.made_calls import EPOCH_MS

LEFT_MS = 20
PAUSE_MS = 600
"""What is said without a longer pause may be one utterance."""
NEAR_MS = 500
"""No recogniser is off by more."""
_ENDS_AFTER_MS = 5_000


def run(case: Case) -> list[str]:
    """What got out, in words; empty where nothing did."""
    session = CallSession(**IDS, detector=KnowsTheValues(), key=bytes(32), settings=SessionSettings(), policy=UNKNOWN)
    outputs: list[Output] = []
    refused = 0
    for event in _events(case):
        try:
            session.receive(event)
        except AudioFormatError:
            refused += 1
        session.advance(event.time_ms)
        outputs += session.outputs()
    session.advance(FOREVER_MS)
    outputs += session.outputs()
    audio = [output for output in outputs if isinstance(output, SanitizedAudio)]
    others = [output for output in outputs if not isinstance(output, SanitizedAudio)]
    assert len(audio) + refused == len(_chunks(case)), "all of the sound leaves, silenced or not"
    return [*_in_fields(case, others), *_in_sound(case, audio)]


def _events(case: Case) -> list[Event]:
    duration_ms = len(case.sound) // 8
    events: list[Event] = [*_chunks(case), *case.segments]
    events.append(CallStarted(**IDS, time_ms=EPOCH_MS, channels=len(case.lines)))
    sound_ms = EPOCH_MS + duration_ms + case.audio_lag_ms
    text_ms = max((segment.time_ms for segment in case.segments), default=0) - case.ended_before_ms
    events.append(CallEnded(**IDS, time_ms=max(sound_ms, text_ms) + _ENDS_AFTER_MS, duration_ms=duration_ms))
    return sorted(events, key=lambda event: event.time_ms)


def _chunks(case: Case) -> list[AudioChunk]:
    chunks: list[AudioChunk] = []
    losing = random.Random(case.seed)
    for channel, line in enumerate(case.lines):
        encoded, size = pcm.encode(line, case.format), 8 * case.format.frame_bytes
        at_ms = seq = 0
        while at_ms < len(line) // 8:
            length_ms = case.chunk_ms[seq % len(case.chunk_ms)]
            data = encoded[size * at_ms : size * (at_ms + length_ms)]
            fmt = case.format
            if case.other_rate_from_ms is not None and at_ms >= case.other_rate_from_ms:
                fmt = msgspec.structs.replace(fmt, rate_hz=16_000)
            end_ms = at_ms + len(data) // size
            time_ms = EPOCH_MS + end_ms + case.audio_lag_ms
            chunk = AudioChunk(**IDS, seq=seq, offset_ms=at_ms, format=fmt, channel=channel, data=data, time_ms=time_ms)
            if losing.random() >= case.lost:
                chunks.append(chunk)
            at_ms, seq = end_ms, seq + 1
    return chunks


def _in_fields(case: Case, outputs: Sequence[Output]) -> Iterator[str]:
    for output in outputs:
        strings = list(_strings(msgspec.to_builtins(output)))
        for value in case.values:
            if read_in(value, strings):
                yield f"{value!r} in {type(output).__name__}: {' '.join(strings)!r}"


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


def _in_sound(case: Case, audio: Sequence[SanitizedAudio]) -> Iterator[str]:
    for channel, line in enumerate(case.lines):
        before = pcm.decode(pcm.encode(line, case.format), case.format)[:, 0]
        after = np.zeros_like(before)
        for output in audio:
            if output.chunk.channel == channel:
                start = 8 * output.chunk.offset_ms
                left_there = pcm.decode(output.data, case.format)[:, 0]
                after[start : start + len(left_there)] = left_there
        left = (after == before) & (np.abs(before) > pcm.IDLE_PEAK)
        for number, value in enumerate(case.values):
            parts = [word for word in case.said if word.value == number and not _a_digit_by_itself(case, word)]
            heard_ms = sum(_heard_ms(left, word, case.delay_ms[channel]) for word in parts)
            if heard_ms > LEFT_MS and not _may_be_read(case, number, channel):
                yield f"{heard_ms} ms of {value!r} are heard" + (f" on line {channel}" if channel else "")


def _a_digit_by_itself(case: Case, said: Said) -> bool:
    """Whether a final segment gives one digit and nothing else where another is said, or that one nearby: it leaves as
    the quantity that it is by its text."""
    if said.text not in DIGITS:
        return False
    for segment in case.segments:
        if not segment.is_final or bare(segment.text) not in DIGITS:
            continue
        for word in segment.words:
            start_ms, end_ms = word.start_ms, word.end_ms
            if start_ms is None or end_ms is None:
                continue
            there = 2 * Interval(start_ms, end_ms).intersect(Interval(said.start_ms, said.end_ms)).length
            near = bare(segment.text) == said.text and abs(start_ms - said.start_ms) <= NEAR_MS
            if near or there > said.end_ms - said.start_ms:
                return True
    return False


def _heard_ms(left: NDArray[np.bool_], word: Said, delay_ms: int) -> int:
    part = left[8 * (word.start_ms + delay_ms) : 8 * (word.end_ms + delay_ms)]
    return int(part[: len(part) // 8 * 8].reshape(-1, 8).any(axis=1).sum())


def _may_be_read(case: Case, number: int, channel: int) -> bool:
    """Whether a text whose words have no times, or wrong ones, has letters enough for all that sounds in its segment,
    words without times between others for all that sounds there, or one word for all that sounds in its time: nobody
    can tell then that they say something else."""
    said = [word for word in case.said if word.value == number]
    for segment in whole(case.segments):
        segment = segment if segment.timed else placed(segment, EPOCH_MS)
        heard_on = (segment.channel,) if segment.channel < len(case.lines) else range(len(case.lines))
        if segment.is_final and channel in heard_on and segment.start_ms <= said[0].start_ms < segment.end_ms:
            words = [word.text for word in segment.words] or segment.text.split()
            there = [word for word in case.said if segment.start_ms <= word.start_ms < segment.end_ms]
            there = there if segment.timed else _in_one_go(case, there, said[0])
            sounding_ms = sum(word.end_ms - word.start_ms for word in there)
            if not _timed(segment, there) and sounding_ms <= most_sound_ms(words):
                return True
            if any(_enough(case, said, *stretch) for stretch in (*_untimed(segment), *_single(segment))):
                return True
    return False


def _enough(case: Case, value: Sequence[Said], stretch: Interval, most_ms: int) -> bool:
    """Whether all of a value is said in a stretch, and no more sounds in it than ``most_ms``."""
    there = [word for word in case.said if stretch.start <= word.start_ms and word.end_ms <= stretch.end]
    return all(word in there for word in value) and sum(word.end_ms - word.start_ms for word in there) <= most_ms


def _single(segment: Segment) -> Iterator[tuple[Interval, int]]:
    """The words with times, and how long they usually sound."""
    for word in segment.words:
        if word.start_ms is not None and word.end_ms is not None:
            yield Interval(word.start_ms, word.end_ms), usual_sound_ms((word.text,))


def _untimed(segment: Segment) -> Iterator[tuple[Interval, int]]:
    """The runs of words without times of a segment that has words with times: where each may be said, and how long it
    can sound."""
    free_ms, texts = segment.start_ms, list[str]()
    for word in segment.words:
        if word.start_ms is None or word.end_ms is None:
            texts.append(word.text)
            continue
        if texts:
            yield Interval(free_ms, word.start_ms), most_sound_ms(texts)
        free_ms, texts = word.end_ms, []
    if texts and len(texts) < len(segment.words):
        yield Interval(free_ms, segment.end_ms), most_sound_ms(texts)


def _in_one_go(case: Case, there: Sequence[Said], about: Said) -> list[Said]:
    """What is said with ``about`` without a longer pause, and comes: a text without times may be any such stretch."""
    runs: list[list[Said]] = []
    refused_ms = case.other_rate_from_ms
    for word in there:
        if refused_ms is not None and word.start_ms >= refused_ms and word != about:
            continue
        if runs and word.start_ms - runs[-1][-1].end_ms < PAUSE_MS:
            runs[-1].append(word)
        else:
            runs.append([word])
    return next(run for run in runs if about in run)


def _timed(segment: Segment, said: Sequence[Said]) -> bool:
    """Whether every word of a segment is stated where it is said, though its time may reach into that of others."""
    return bool(segment.words) and all(any(_there(word, spoken) for spoken in said) for word in segment.words)


def _there(word: Word, said: Said) -> bool:
    if word.start_ms is None or word.end_ms is None:
        return False
    if (word.start_ms, word.end_ms) == (said.start_ms, said.end_ms):
        return True
    return word.start_ms <= said.start_ms and said.end_ms <= word.end_ms and bare(word.text) == said.text

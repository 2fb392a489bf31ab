"""Calls in which every word has its sound where it is said, whatever the transcript says of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from deid_stream.audio.codec import pcm
from deid_stream.model.events import AudioChunk, CallEnded, CallStarted, Event, Segment, Word
from deid_stream.session.ports import ConversationFactory
from deid_stream.session.settings import SessionSettings
from tests.support.made_calls import EPOCH_MS, MULAW
from tests.support.run_session import Left, feed, new_session

CHUNK_MS = 100
SILENT = 0xFF
"""A sample of nothing in mu-law."""
IDS = {"call_id": "call-1", "customer_id": "acme"}


@dataclass(frozen=True)
class Spoken:
    """A word and its sound; ``peak``: greatest absolute sample; ``tones_hz``: what sounds in place of noise."""

    text: str
    start_ms: int
    end_ms: int
    peak: int = 8_000
    channel: int = 0
    tones_hz: tuple[int, ...] = ()

    @property
    def word(self) -> Word:
        return Word(self.text, self.start_ms, self.end_ms, 0.9)


def spoken(
    text: str, at_ms: int = 600, *, length_ms: int = 280, pause_ms: int = 120, peak: int = 8_000, channel: int = 0
) -> list[Spoken]:
    """The words of ``text`` one after the other."""
    step_ms = length_ms + pause_ms
    return [
        Spoken(word, at_ms + n * step_ms, at_ms + n * step_ms + length_ms, peak, channel)
        for n, word in enumerate(text.split())
    ]


def final(
    said: Sequence[Spoken],
    text: str | None = None,
    words: Sequence[Word] | None = None,
    *,
    segment_id: str = "s0",
    revision: int = 0,
    lag_ms: int = 300,
    timing: str = "exact",
    language: str = "en",
    channel: int | None = None,
) -> Segment:
    """What a recogniser says of words: where nothing else is given, what was said when it was."""
    end_ms = said[-1].end_ms
    return Segment(
        **IDS, segment_id=segment_id, revision=revision, language=language, timing=timing,
        channel=said[0].channel if channel is None else channel,
        text=" ".join(one.text for one in said) if text is None else text,
        words=tuple(one.word for one in said) if words is None else tuple(words),
        start_ms=said[0].start_ms, end_ms=end_ms, time_ms=EPOCH_MS + end_ms + lag_ms,
    )  # fmt: skip


@dataclass
class Heard:
    """What left of a call, beside what was said."""

    left: Left
    source: dict[int, np.ndarray] = field(default_factory=dict)

    def audible_ms(self, *words: Spoken) -> int:
        """How much of the sound of ``words`` has left."""
        total = 0
        for word in words:
            part = slice(8 * word.start_ms, 8 * word.end_ms)
            after = self._after(word.channel)[part]
            before = self.source[word.channel][part]
            kept = (after == before) & (before != SILENT)
            total += int(kept[: len(kept) // 8 * 8].reshape(-1, 8).any(axis=1).sum())
        return total

    def _after(self, channel: int) -> np.ndarray:
        after = np.full_like(self.source[channel], SILENT)
        for (known, seq), data in self.left.audio.items():
            if known == channel:
                after[8 * CHUNK_MS * seq :][: len(data)] = np.frombuffer(data, np.uint8)
        return after

    @property
    def text(self) -> str:
        """Every text and every word that can be read, with the last revision of each segment."""
        segments = self.left.segments.values()
        return " | ".join(f"{segment.text} / {' '.join(w.text for w in segment.words)}" for segment in segments)


def _sound(word: Spoken, rng: np.random.Generator) -> np.ndarray:
    samples = 8 * (word.end_ms - word.start_ms)
    if not word.tones_hz:
        return rng.integers(-word.peak, word.peak + 1, samples)
    angles = 2 * np.pi / 8_000 * np.outer(word.tones_hz, np.arange(samples))
    return (np.sin(angles).sum(axis=0) * word.peak / len(word.tones_hz)).astype(np.int32)


def hear(
    said: Sequence[Spoken],
    segments: Sequence[Segment],
    *,
    detector: ConversationFactory | None = None,
    channels: int = 1,
    noise_peak: int = 0,
    settings: SessionSettings | None = None,
    tail_ms: int = 4_000,
    lost_ms: Collection[int] = (),
) -> Heard:
    """A whole call through the session. ``lost_ms``: where audio records begin that never come."""
    duration_ms = -(-(max(word.end_ms for word in said) + tail_ms) // CHUNK_MS) * CHUNK_MS
    rng = np.random.default_rng(1)
    events: list[Event] = [*segments]
    heard = Heard(Left())
    for channel in range(channels):
        sound = rng.integers(-noise_peak, noise_peak + 1, 8 * duration_ms).astype(np.int32)
        for word in said:
            if word.channel == channel:
                part = slice(8 * word.start_ms, 8 * word.end_ms)
                sound[part] += _sound(word, rng)
        data = pcm.encode(np.clip(sound, -32_768, 32_767).astype(np.int16), MULAW)
        heard.source[channel] = np.frombuffer(data, np.uint8)
        events += [
            AudioChunk(
                **IDS, seq=seq, offset_ms=CHUNK_MS * seq, format=MULAW, channel=channel,
                data=data[800 * seq : 800 * seq + 800], time_ms=EPOCH_MS + CHUNK_MS * (seq + 1),
            )
            for seq in range(duration_ms // CHUNK_MS)
            if CHUNK_MS * seq not in lost_ms
        ]  # fmt: skip
    started = CallStarted(**IDS, time_ms=EPOCH_MS, channels=channels)
    events.sort(key=lambda event: event.time_ms)
    ended = CallEnded(**IDS, time_ms=max(events[-1].time_ms, EPOCH_MS + duration_ms) + 5_000, duration_ms=duration_ms)
    session = new_session(detector=detector, settings=settings)
    heard.left = Left()
    for event in (started, *events, ended):
        session.receive(event)
        session.advance(event.time_ms)
        heard.left.take(session.outputs())
    closing = feed(session, [])
    heard.left.order += closing.order
    heard.left.audio |= closing.audio
    heard.left.segments |= closing.segments
    heard.left.audit += closing.audit
    heard.left.summaries += closing.summaries
    return heard

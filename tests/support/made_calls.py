"""Made-up calls for tests of the session and everything above it: words on a timeline, and sound where they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from deid_stream.audio.codec import pcm
from deid_stream.detect.conversation.state import ConversationState
from deid_stream.errors import DetectionError
from deid_stream.model.entities import EntityType
from deid_stream.model.events import AudioChunk, AudioFormat, CallEnded, CallStarted, Encoding, Segment, Word
from deid_stream.model.spans import Span

MULAW = AudioFormat(Encoding.MULAW, 8_000, 1)
EPOCH_MS = 1_790_000_000_000
PLAIN = "the bill for the last month looks rather high to me and i would like to know why".split()
SECRET = ("zorblax", "quuxley", "frobnitz")


class SecretDetector:
    """Finds the made-up words of ``SECRET`` and nothing else; raises where it meets ``explode``."""

    def conversation(
        self,
        key: bytes,
        *,
        allow: Sequence[str] = (),
        deny: Sequence[str] = (),
        state: ConversationState | None = None,
        languages: Sequence[str] | None = None,
    ) -> "SecretDetector":
        return self

    def turn(
        self, text: str, speaker: int | str, prev: str | None = None, *, language: str | None = None
    ) -> list[Span]:
        if "explode" in text:
            raise DetectionError("a recognizer failed")
        spans = []
        at = 0
        for word in text.split(" "):
            if word in SECRET:
                spans.append(Span(at, at + len(word), EntityType.PERSON, 0.9, "secret", 1 + SECRET.index(word)))
            at += len(word) + 1
        return spans

    def state(self) -> ConversationState:
        return ConversationState()


@dataclass
class Timeline:
    """Words by channel with exact times, and one signal a channel."""

    call_id: str
    customer_id: str
    words: dict[int, list[Word]]
    signal: dict[int, np.ndarray]
    duration_ms: int
    secrets: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


HURRIED_MS = 150
"""Secrets have more letters than other words: nobody says them in as short a time."""


def make_timeline(seed: int, turns: int = 4, channels: int = 2, customer_id: str = "acme") -> Timeline:
    """Alternating turns of 2 to 7 words with pauses; one word in five is a secret."""
    rng = Random(seed)
    words: dict[int, list[Word]] = {channel: [] for channel in range(channels)}
    secrets: dict[int, list[tuple[int, int]]] = {channel: [] for channel in range(channels)}
    at_ms = 500
    for turn in range(turns):
        channel = turn % channels
        for _ in range(rng.randint(2, 7)):
            length_ms = rng.randrange(150, 500, 10)
            secret = rng.random() < 0.2
            text = rng.choice(SECRET) if secret else rng.choice(PLAIN)
            length_ms += HURRIED_MS if secret else 0
            words[channel].append(Word(text, at_ms, at_ms + length_ms, 0.9))
            if secret:
                secrets[channel].append((at_ms, at_ms + length_ms))
            at_ms += length_ms + rng.randrange(0, 200, 10)
        at_ms += rng.randrange(200, 2_500, 10)
    duration_ms = -(-(at_ms + 500) // 1_000) * 1_000
    noise = np.random.default_rng(seed)
    signal = {}
    for channel in range(channels):
        samples = np.zeros(duration_ms * 8, np.int16)
        for word in words[channel]:
            assert word.start_ms is not None
            assert word.end_ms is not None
            span = slice(word.start_ms * 8, word.end_ms * 8)
            samples[span] = noise.integers(-8_000, 8_000, span.stop - span.start)
        signal[channel] = samples
    return Timeline(f"call-{seed}", customer_id, words, signal, duration_ms, secrets)


def audio_chunks(call: Timeline, cut_ms: Sequence[int], start_offset: int = 0) -> list[AudioChunk]:
    """Chunks of all channels in record-time order; ``cut_ms`` is cycled for their lengths."""
    chunks = []
    for channel, samples in call.signal.items():
        data = pcm.encode(samples[:, None], MULAW)
        at_ms = seq = 0
        while at_ms < call.duration_ms:
            end_ms = min(call.duration_ms, at_ms + cut_ms[seq % len(cut_ms)])
            chunks.append((end_ms, channel, seq, at_ms, data[at_ms * 8 : end_ms * 8]))
            at_ms, seq = end_ms, seq + 1
    return [
        AudioChunk(
            call_id=call.call_id,
            customer_id=call.customer_id,
            seq=seq,
            offset_ms=at_ms,
            format=MULAW,
            data=data,
            channel=channel,
            time_ms=EPOCH_MS + end_ms,
            offset=start_offset + index,
        )
        for index, (end_ms, channel, seq, at_ms, data) in enumerate(sorted(chunks, key=lambda c: (c[0], c[1])))
    ]


def segments(call: Timeline, cut_words: Sequence[int], lag_ms: int = 300, start_offset: int = 0) -> list[Segment]:
    """Final segments of ``cut_words`` words each (cycled), never across a turn's pause, in record-time order."""
    made: list[tuple[int, int, list[Word]]] = []
    for channel, words in call.words.items():
        group: list[Word] = []
        cuts = _cycle(cut_words)
        size = next(cuts)
        for word in words:
            assert word.start_ms is not None
            if group and (len(group) >= size or word.start_ms - (group[-1].end_ms or 0) > 1_000):
                made.append((group[-1].end_ms or 0, channel, group))
                group, size = [], next(cuts)
            group.append(word)
        if group:
            made.append((group[-1].end_ms or 0, channel, group))
    return [
        Segment(
            call_id=call.call_id,
            customer_id=call.customer_id,
            segment_id=f"{channel}-{group[0].start_ms}",
            text=" ".join(word.text for word in group),
            start_ms=group[0].start_ms or 0,
            end_ms=end_ms,
            channel=channel,
            words=tuple(group),
            provider="exact",
            time_ms=EPOCH_MS + end_ms + lag_ms,
            offset=start_offset + index,
        )
        for index, (end_ms, channel, group) in enumerate(sorted(made, key=lambda m: (m[0], m[1])))
    ]


def started(call: Timeline, *, minor: bool = False) -> CallStarted:
    return CallStarted(
        call_id=call.call_id,
        customer_id=call.customer_id,
        time_ms=EPOCH_MS,
        channels=len(call.signal),
        minor=minor,
        metadata={"direction": "inbound", "from": "+15550100"},
    )


def ended(call: Timeline, *, said: bool = True) -> CallEnded:
    return CallEnded(
        call_id=call.call_id,
        customer_id=call.customer_id,
        time_ms=EPOCH_MS + call.duration_ms,
        duration_ms=call.duration_ms if said else None,
    )


def _cycle(values: Sequence[int]) -> Iterator[int]:
    while True:
        yield from values

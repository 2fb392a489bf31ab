"""Made-up calls for broker tests: what is said, noise for a voice, and the truth about both.

A call has two channels (0 agent, 1 customer). Where somebody speaks, the audio is loud noise; elsewhere it is
digital silence. Everything comes from a seed, so a call is the same wherever it is made again.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np

RATE_HZ = 8_000
_FIRST = ("anita", "rohan", "priya", "daniel", "grace", "farah", "marcus", "elena", "wei", "oluwaseun")
_LAST = ("sharma", "ferguson", "okafor", "lindqvist", "patel", "moreau", "tanaka", "costa")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PLAIN = (
    "the parcel has not arrived yet and i am a little worried",
    "let me have a look at that for you",
    "it was a very cold day when the heating stopped",
    "thanks for waiting i can see the order now",
)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class Record:
    """One source record, ready for a producer. ``kind``: events, transcripts, audio."""

    kind: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    time_ms: int


@dataclass
class MadeCall:
    call_id: str
    customer_id: str
    records: list[Record] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    """Raw strings that must appear in no output."""
    duration_ms: int = 0
    chunks: int = 0
    segments: int = 0


def make_call(
    call_id: str, customer_id: str, seed: int, start_ms: int, *, turns: int = 4, chunk_ms: int = 200
) -> MadeCall:
    """A call whose first record has record time ``start_ms``; records are in record time."""
    rng = random.Random(seed)
    call = MadeCall(call_id, customer_id)
    cursor_ms = 400
    spoken: list[tuple[int, int, int]] = []
    segments: list[tuple[int, dict[str, object]]] = []
    for turn in range(turns):
        channel = turn % 2
        text, secrets = _say(rng, channel)
        words = text.split()
        word_ms = 60
        start = cursor_ms
        end = start + len(words) * word_ms
        spoken.append((channel, start, end))
        call.secrets += secrets
        segment = {
            "call_id": call_id,
            "customer_id": customer_id,
            "segment_id": f"{channel}-{turn}",
            "revision": 0,
            "is_final": True,
            "channel": channel,
            "language": "en",
            "start_ms": start,
            "end_ms": end,
            "text": text,
            "words": [
                {"text": word, "start_ms": start + i * word_ms, "end_ms": start + (i + 1) * word_ms, "confidence": 0.9}
                for i, word in enumerate(words)
            ],
            "transcribed_until_ms": end,
        }
        segments.append((end + rng.randint(50, 250), segment))
        cursor_ms = end + rng.choice((300, 1_700))
    call.duration_ms = (cursor_ms // chunk_ms + 1) * chunk_ms
    timed = list(_audio(call, spoken, rng, chunk_ms))
    for at, segment in segments:
        timed.append((at, "transcripts", _encoder.encode(segment), [("ce_type", b"call.transcript.v1")]))
    started = {"call_id": call_id, "customer_id": customer_id, "channels": 2, "direction": "inbound"}
    ended = {"call_id": call_id, "customer_id": customer_id, "duration_ms": call.duration_ms}
    timed.append((0, "events", _encoder.encode(started), [("ce_type", b"call.started.v1")]))
    timed.append((call.duration_ms + 300, "events", _encoder.encode(ended), [("ce_type", b"call.ended.v1")]))
    timed.sort(key=lambda item: (item[0], item[1] != "events"))
    call.chunks = sum(1 for item in timed if item[1] == "audio")
    call.segments = len(segments)
    key = call_id.encode()
    for at, kind, value, headers in timed:
        common = [
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{call_id}-{kind}-{len(call.records)}".encode()),
            ("ce_source", b"tests"),
            ("ce_subject", key),
            ("ce_customerid", customer_id.encode()),
        ]
        call.records.append(Record(kind, key, value, common + headers, start_ms + at))
    return call


def _audio(
    call: MadeCall, spoken: list[tuple[int, int, int]], rng: random.Random, chunk_ms: int
) -> Iterator[tuple[int, str, bytes, list[tuple[str, bytes]]]]:
    noise = np.random.default_rng(rng.randrange(1 << 30))
    for channel in (0, 1):
        total = call.duration_ms * RATE_HZ // 1000
        samples = np.full(total, 0xFF, np.uint8)
        for who, start, end in spoken:
            if who == channel:
                a, b = start * RATE_HZ // 1000, end * RATE_HZ // 1000
                samples[a:b] = noise.integers(0, 256, b - a, dtype=np.uint8)
        for seq in range(call.duration_ms // chunk_ms):
            begin = seq * chunk_ms * RATE_HZ // 1000
            data = samples[begin : begin + chunk_ms * RATE_HZ // 1000].tobytes()
            headers = [
                ("ce_type", b"call.audio.v1"),
                ("ce_channel", b"%d" % channel),
                ("ce_seq", b"%d" % seq),
                ("ce_offsetms", b"%d" % (seq * chunk_ms)),
                ("content-type", b"audio/basic"),
            ]
            yield (seq + 1) * chunk_ms, "audio", data, headers


def _say(rng: random.Random, channel: int) -> tuple[str, list[str]]:
    if channel == 0:
        return rng.choice(
            ("may i have your full card number please", "could you give me your phone number", *_PLAIN)
        ), []
    digits = " ".join(rng.choice(_DIGITS) for _ in range(10))
    name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
    return rng.choice(
        (
            (f"my phone number is {digits}", [digits]),
            (f"my name is {name} and the number is {digits}", [digits, name.split()[1]]),
            (rng.choice(_PLAIN), []),
        )
    )

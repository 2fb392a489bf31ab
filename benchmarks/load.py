"""The load: scripts of calls, every record made beforehand.

A ``Script`` is one call as a list of records with the moment each is sent, counted from the call's start. Many live
calls play the same few dozen scripts; only what names the call (key, ids, subject) differs and is filled in when a
record is sent. Ids have a fixed length, so that a value is patched by one ``replace``.
"""

import json
from dataclasses import dataclass, field
from random import Random

import numpy as np

from benchmarks.phrases import utterance

RATE_HZ = 8000
TICK_MS = 20
"""Records are sent on this grid."""
CALL_ID = "@@@@@@call-id-placeholder-@@@@@@@@"
"""As long as every real id (``call_id``)."""
EVENTS, TRANSCRIPTS, AUDIO = "calls.events", "calls.transcripts", "calls.audio"
OPTED_OUT = ("customer-08", "customer-09")
CUSTOMERS = tuple(f"customer-{n:02d}" for n in range(10))
"""One in five has opted out of training."""

Headers = list[tuple[str, bytes]]


def call_id(script: int, number: int, start_ms: int, lives_ms: int) -> str:
    """``bSSS-NNNNNNN-MMMMMMMMMMMMM-LLLLLLL``: names its script, its start and how long it is played, so that a probe
    needs no table of calls."""
    return f"b{script:03d}-{number:07d}-{start_ms:013d}-{lives_ms:07d}"


def parse_call_id(value: str) -> tuple[int, int, int]:
    """Script, start and length (ms)."""
    return int(value[1:4]), int(value[13:26]), int(value[27:34])


@dataclass(frozen=True, slots=True)
class Shape:
    """What the calls of one load look like."""

    chunk_ms: int = 100
    layout: str = "two"
    """``mono``: one channel; ``two``: a record a channel; ``interleaved``: one record with both."""
    encoding: str = "mulaw"
    """``mulaw`` or ``s16le``."""
    duration_ms: int = 0
    """0: as real calls are, log-normal around two minutes, at most four."""

    @property
    def channels(self) -> int:
        return 1 if self.layout == "mono" else 2

    @property
    def audio_records_per_s(self) -> float:
        return (2 if self.layout == "two" else 1) * 1000 / self.chunk_ms

    @property
    def content_type(self) -> bytes:
        if self.encoding == "mulaw" and self.layout != "interleaved":
            return b"audio/basic"
        if self.encoding == "mulaw":
            return b"audio/basic;rate=8000;channels=2"
        channels = 2 if self.layout == "interleaved" else 1
        return b"audio/pcm;rate=8000;channels=%d;encoding=s16le" % channels

    @property
    def name(self) -> str:
        return f"{self.chunk_ms} ms, {self.layout}, {self.encoding}"


@dataclass(slots=True)
class Record:
    at_ms: int
    topic: str
    value: bytes
    headers: Headers
    """Without those that name the call: ``ce_id``, ``ce_subject`` (and ``ce_time``)."""
    id_suffix: bytes
    in_value: bool
    """The value itself holds the placeholder."""


@dataclass(slots=True)
class Script:
    number: int
    customer_id: str
    duration_ms: int
    records: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class SpokenTurn:
    channel: int
    start_ms: int
    words: list[dict[str, object]]
    text: str

    @property
    def end_ms(self) -> int:
        return int(self.words[-1]["end_ms"])  # type: ignore[call-overload]


def make_scripts(shape: Shape, count: int, seed: int = 7) -> list[Script]:
    """The same scripts for the same arguments, in any process."""
    return [_script(shape, number, Random(seed * 1000 + number)) for number in range(count)]


def _script(shape: Shape, number: int, rng: Random) -> Script:
    duration_ms = shape.duration_ms or int(min(240_000, max(40_000, rng.lognormvariate(11.7, 0.5))))
    duration_ms -= duration_ms % 1000
    turns = _turns(rng, duration_ms, shape.channels)
    script = Script(number, CUSTOMERS[number % len(CUSTOMERS)], duration_ms)
    base: Headers = [
        ("ce_specversion", b"1.0"),
        ("ce_source", b"bench"),
        ("ce_customerid", script.customer_id.encode()),
    ]
    script.records.append(_event(base, script, "started", 0, {"channels": shape.channels, "direction": "inbound"}))
    script.records += _audio_records(base, script, shape, turns, rng)
    script.records += [_transcript(base, script, turn, n, rng) for n, turn in enumerate(turns)]
    last_ms = max(record.at_ms for record in script.records)
    script.records.append(_event(base, script, "ended", last_ms + 20, {"duration_ms": duration_ms}))
    for record in script.records:
        record.at_ms = -(-record.at_ms // TICK_MS) * TICK_MS
    script.records.sort(key=lambda record: record.at_ms)
    return script


def _turns(rng: Random, duration_ms: int, channels: int) -> list[SpokenTurn]:
    """Two people taking turns: gaps log-normal around 300 ms, one turn in ten barges in by up to 400 ms."""
    turns: list[SpokenTurn] = []
    at_ms, channel = 300, 0
    while True:
        words, text = [], utterance(rng, channel)
        cursor = at_ms
        for word in text.split():
            length = int(90 + 55 * len(word) * rng.uniform(0.8, 1.2))
            words.append({"text": word, "start_ms": cursor, "end_ms": cursor + length, "confidence": 0.95})
            cursor += length + (rng.randint(0, 30) if rng.random() < 0.9 else rng.randint(150, 500))
        turn = SpokenTurn(channel if channels == 2 else 0, at_ms, words, text)
        if turn.end_ms > duration_ms - 500:
            return turns
        turns.append(turn)
        gap = -rng.randint(100, 400) if channels == 2 and rng.random() < 0.1 else int(rng.lognormvariate(6.0, 0.7))
        at_ms, channel = turn.end_ms + gap, 1 - channel


def _event(base: Headers, script: Script, kind: str, at_ms: int, fields: dict[str, object]) -> Record:
    value = json.dumps({"call_id": CALL_ID, "customer_id": script.customer_id, **fields}).encode()
    headers = [*base, ("ce_type", b"call.%s.v1" % kind.encode()), ("content-type", b"application/json")]
    return Record(at_ms, EVENTS, value, headers, b"/" + kind.encode(), True)


def _transcript(base: Headers, script: Script, turn: SpokenTurn, number: int, rng: Random) -> Record:
    """The recogniser's final, 150 to 600 ms after the speaker has stopped."""
    delay_ms = int(min(600, max(150, rng.lognormvariate(5.6, 0.35))))
    value = json.dumps(
        {
            "call_id": CALL_ID,
            "customer_id": script.customer_id,
            "segment_id": f"s{number}",
            "revision": 0,
            "is_final": True,
            "channel": turn.channel,
            "language": "en",
            "start_ms": turn.start_ms,
            "end_ms": turn.end_ms,
            "text": turn.text,
            "words": turn.words,
            "transcribed_until_ms": turn.end_ms + 100,
        }
    ).encode()
    headers = [*base, ("ce_type", b"call.transcript.v1"), ("content-type", b"application/json")]
    return Record(turn.end_ms + delay_ms, TRANSCRIPTS, value, headers, b"/t/%d" % number, True)


def _audio_records(base: Headers, script: Script, shape: Shape, turns: list[SpokenTurn], rng: Random) -> list[Record]:
    tracks = [track(script.duration_ms, [t for t in turns if t.channel == c], rng) for c in range(shape.channels)]
    if shape.layout == "interleaved":
        tracks = [np.stack(tracks, axis=1).reshape(-1)]
    step = RATE_HZ * shape.chunk_ms // 1000 * (2 if shape.layout == "interleaved" else 1)
    records = []
    for channel, samples in enumerate(tracks):
        encoded = mulaw(samples) if shape.encoding == "mulaw" else samples
        named = [] if shape.layout == "interleaved" else [("ce_channel", b"%d" % channel)]
        tag = b"/x/" if shape.layout == "interleaved" else b"/%d/" % channel
        for seq in range(len(encoded) // step):
            headers = [
                *base,
                ("ce_type", b"call.audio.v1"),
                *named,
                ("ce_seq", b"%d" % seq),
                ("ce_offsetms", b"%d" % (seq * shape.chunk_ms)),
                ("content-type", shape.content_type),
            ]
            value = encoded[seq * step : (seq + 1) * step].tobytes()
            records.append(Record((seq + 1) * shape.chunk_ms, AUDIO, value, headers, tag + b"%d" % seq, False))
    return records


def track(duration_ms: int, turns: list[SpokenTurn], rng: Random) -> np.ndarray:
    """One channel, int16: line noise a few steps high, and in every word a voiced, formant-shaped buzz."""
    noise = np.random.default_rng(rng.getrandbits(32))
    samples = noise.integers(-4, 5, RATE_HZ * duration_ms // 1000).astype(np.int16)
    pitch_hz = rng.uniform(95, 210)
    for turn in turns:
        for word in turn.words:
            first = int(word["start_ms"]) * RATE_HZ // 1000  # type: ignore[call-overload]
            last = int(word["end_ms"]) * RATE_HZ // 1000  # type: ignore[call-overload]
            t = np.arange(last - first) / RATE_HZ
            voice = np.zeros(len(t))
            for harmonic in range(1, 18):
                hz = harmonic * pitch_hz
                if hz < 3400:
                    gain = np.exp(-(((hz - 550) / 300) ** 2)) + 0.5 * np.exp(-(((hz - 1600) / 500) ** 2)) + 0.02
                    voice += gain * np.sin(2 * np.pi * hz * t + harmonic)
            envelope = np.minimum(1, np.minimum(t, t[::-1]) / 0.02)
            samples[first:last] += (voice * envelope * 2500).astype(np.int16)
    return samples


def mulaw(samples: np.ndarray) -> np.ndarray:
    """ITU-T G.711 mu-law, its own few lines so that the load does not depend on what it measures."""
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return (~(((samples < 0).astype(np.int32) << 7) | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)

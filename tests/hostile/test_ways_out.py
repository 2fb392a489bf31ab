"""Ways in which a call's own records let a value out, through ``replay`` with the shipped detector; those in which they
contradict each other also through a worker on the embedded broker."""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.config import Settings
from deid_stream.datasets.callfile import CallFile, CallHeader, Pace, records
from deid_stream.datasets.replay import replay
from deid_stream.datasets.wav import WavFile
from deid_stream.detect.detector import Detector
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.keys import KeyRing
from deid_stream.policy import UNKNOWN
from deid_stream.session.settings import SessionSettings
from tests.support.calls import Record
from tests.support.made_calls import MULAW
from tests.support.service import Service
from tests.support.spoken import Spoken, spoken

LEFT_MS = 20
OURS = ("_ms", "_hz", "start", "end", "offset", "time", "permit")
"""Ends of the names of fields that hold times, places and rates."""
DIGITS = "four five three nine one four eight eight oh three four three six four six seven".split()
CARD = " ".join(DIGITS)
WRITTEN = "4539 1488 0343 6467"
WRITTEN_AS_ONE = WRITTEN.replace(" ", "")
SHOWS_CARD = rf"\d{{4}}|(?:\b(?:{'|'.join(DIGITS)})\W+){{4}}"


class Way(NamedTuple):
    """What is said, what the call file has of it, what may not be read (a pattern), and which of the words said are the
    value, which may not be heard."""

    said: Sequence[Spoken]
    segments: Sequence[dict[str, Any]]
    shows: str
    value: slice
    metadata: Mapping[str, Any] = MappingProxyType({})


def segment(
    said: Sequence[Spoken], text: str, words: str | Sequence[str] | None = None, **fields: Any
) -> dict[str, Any]:
    """``words``: as said where it is None; else these, one on each word said, the last on all that is left."""
    texts = [word.text for word in said] if words is None else words.split() if isinstance(words, str) else list(words)
    ends = [word.end_ms for word in said[: len(texts) - 1]] + [said[-1].end_ms]
    timed = [
        {"text": one, "start_ms": word.start_ms, "end_ms": end_ms}
        for one, word, end_ms in zip(texts, said, ends, strict=False)
    ]
    start_ms, end_ms = said[0].start_ms, said[-1].end_ms
    return {"segment_id": "s0", "start_ms": start_ms, "end_ms": end_ms, "text": text, "words": timed} | fields


def contradicting() -> Iterator[tuple[str, Way]]:
    """Text, words and revisions that say different things."""
    said = spoken("i i am anna and i want help", 1_000)
    yield "a word more than the text", Way(said, [segment(said, "I am anna and I want help")], "anna", slice(3, 4))
    said = spoken(f"my card is {CARD}", 1_000)
    yield "no text", Way(said, [segment(said, "")], SHOWS_CARD, slice(3, None))
    said = spoken(f"my card is {CARD} and one more thing", 1_000)
    yield (
        "text in figures, a digit again",
        Way(said, [segment(said, f"my card is {WRITTEN} and one more thing")], SHOWS_CARD, slice(3, 19)),
    )
    said = spoken(f"thank {CARD} you", 1_000)
    words = segment([said[0], Spoken("", said[1].start_ms, said[-2].end_ms), said[-1]], "thank you")
    words["words"][1]["text"] = WRITTEN_AS_ONE
    yield "a number between the text's words", Way(said, [words], SHOWS_CARD, slice(1, -1))
    said = spoken(f"my card number is {CARD}", 1_000)
    whole = segment(said, f"my card number is {CARD}")
    later = whole | {
        "revision": 1,
        "text": f"My card number is {WRITTEN}.",
        "words": [],
        "end_ms": said[-1].end_ms + 7_000,
    }
    yield "a revision in figures", Way(said, [whole, later], SHOWS_CARD, slice(4, None))
    parts = [said[:4], *([word] for word in said[4:])]
    finals = [segment(part, " ".join(word.text for word in part), segment_id=f"s{n}") for n, part in enumerate(parts)]
    again = [
        final
        | {"revision": 1, "text": f"{final['text'].capitalize()}.", "words": [], "end_ms": said[-1].end_ms + 7_000 + n}
        for n, final in enumerate(finals)
    ]
    yield "a digit per segment, each formatted later", Way(said, [*finals, *again], SHOWS_CARD, slice(4, None))


def others() -> Iterator[tuple[str, Way]]:
    said = spoken(f"my card number is {CARD}", 1_000)
    opening, digits = said[:4], said[4:]
    before = segment(opening, "my card number is", segment_id="before")
    for text in ("okay", "...", "[inaudible]"):
        yield f"{text!r} over a number", Way(said, [before, segment(digits, text, "")], SHOWS_CARD, slice(4, None))
    for sign in ("[NAME]", "[REDACTED]", "####", "{{PII}}", "<PHONE>"):
        yield (
            f"a recogniser's own {sign}",
            Way(
                said,
                [segment(said, f"my card number is {sign}", f"my card number is {sign}")],
                SHOWS_CARD,
                slice(4, None),
            ),
        )
    slow = [Spoken(word.text, 3_000 + 2_300 * n, 3_280 + 2_300 * n) for n, word in enumerate(digits)]
    alone = [segment([word], word.text, segment_id=f"d{n}") for n, word in enumerate(slow)]
    yield "a digit per turn", Way([*opening, *slow], [before, *alone], SHOWS_CARD, slice(4, None))
    said = spoken("numeron kortti on nolla viisi kaksi", 1_000)
    yield (
        "a language without tables",
        Way(said, [segment(said, "numeron kortti on nolla viisi kaksi", language="fi")], "nolla|viisi", slice(None)),
    )
    said = spoken("good morning", 1_000)
    for name in ("queue", "disposition", "direction", "region", "language"):
        yield (
            f"{name} of the call",
            Way(said, [segment(said, "good morning")], "anna|4539", slice(0, 0), {name: f"anna bell {WRITTEN}"}),
        )
    numbered = segment(said, "good morning", language="en-45391488-03436467")
    numbered["words"][0]["confidence"] = int(WRITTEN_AS_ONE)
    yield "a number as tag and as confidence", Way(said, [numbered], "4539|0343", slice(0, 0))
    for peak in (16, 40, 64):
        quiet = spoken(f"my card number is {CARD}", 1_000, peak=peak)
        late = segment(quiet, f"my card number is {CARD}")
        yield f"a quiet call of peak {peak}", Way(quiet, [late], SHOWS_CARD, slice(4, None))


CONTRADICTING = dict(contradicting())
WAYS = CONTRADICTING | dict(others())


def call_of(way: Way) -> CallFile:
    duration_ms = max(word.end_ms for word in way.said) + 12_000
    rng = np.random.default_rng(1)
    sound = np.zeros(8 * duration_ms, np.int16)
    for word in way.said:
        part = slice(8 * word.start_ms, 8 * word.end_ms)
        sound[part] = rng.integers(-word.peak, word.peak + 1, part.stop - part.start)
    header = CallHeader(
        call_id="c", customer_id="acme", segments=[dict(one) for one in way.segments], metadata=dict(way.metadata)
    )
    return CallFile(name="made", header=header, wav=WavFile(MULAW, pcm.encode(sound[:, None], MULAW)))


def heard_ms(way: Way, before: bytes, after: bytes) -> int:
    """How much of the value's sound is as it was, and not silent."""
    source, left = (np.frombuffer(data, np.uint8) for data in (before, after))
    kept = (left == source) & (source != 0xFF) & (source != 0x7F)
    parts = [kept[8 * word.start_ms : 8 * word.end_ms] for word in way.said[way.value]]
    return sum(int(part[: len(part) // 8 * 8].reshape(-1, 8).any(axis=1).sum()) for part in parts)


def read(value: object) -> str:
    """All strings of a JSON value, and numbers that are no time, place or rate; without our own tags."""
    if isinstance(value, dict):
        return " / ".join(read(one) for key, one in value.items() if not key.endswith(OURS))
    if isinstance(value, list | tuple):
        return " ".join(map(read, value))
    return re.sub(r"\[[A-Z_]+\d+\]", "|", str(value)).lower()


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


@pytest.mark.parametrize("name", WAYS)
def test_replay_lets_nothing_out(detector: Detector, name: str) -> None:
    way = WAYS[name]
    call = call_of(way)
    assert way.value == slice(0, 0) or heard_ms(way, call.wav.data, call.wav.data) > LEFT_MS
    left = replay(
        call, detector=detector, keys=KeyRing(bytes(32)), policy=UNKNOWN, pace=Pace(), pipeline_version="t",
        settings=SessionSettings(default_profile="exact"),
    )  # fmt: skip
    assert left.call["segments"] or "language" in name
    assert not re.search(way.shows, read(left.call) + read(left.entities)), read(left.call)
    assert heard_ms(way, call.wav.data, left.wav.data) <= LEFT_MS


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


async def test_a_worker_lets_nothing_out(broker: EmbeddedBroker) -> None:
    """All of the ways in which records contradict each other, a call each, at once."""
    start_ms = int(time.time() * 1000) - 120_000
    async with Service(
        Settings(bootstrap_servers=broker.bootstrap_servers, timing_profile="exact"), exactly_once=False
    ) as service:
        await service.policy("acme")
        calls = {}
        for number, (name, way) in enumerate(CONTRADICTING.items()):
            made = call_of(way)
            calls[f"call-{number}"] = (name, way, made)
            header = CallHeader(call_id=f"call-{number}", customer_id="acme", segments=made.header.segments)
            sent = records(CallFile(name=made.name, header=header, wav=made.wav), Pace())
            await service.send([Record(r.kind, r.key, r.value, list(r.headers), start_ms + r.time_ms) for r in sent])
        await service.work()
        await service.closed(len(calls))
        names = service.names
        for topic in (names.analytics_transcripts, names.training_transcripts, names.calls, names.audit):
            found = await service.read(topic)
            assert found, topic
            for record in found:
                _, way, _ = calls[record.key.decode().split("/")[0]]
                assert not re.search(way.shows, read(json.loads(record.value))), record.value
        for topic in (names.analytics_audio, names.training_audio):
            parts: dict[str, dict[int, bytes]] = {}
            for record in await service.read(topic):
                call_id, _, seq = record.key.decode().split("/")
                parts.setdefault(call_id, {})[int(seq)] = record.value
            assert parts.keys() == calls.keys()
            for call_id, chunks in parts.items():
                name, way, made = calls[call_id]
                after = b"".join(chunks[seq] for seq in sorted(chunks))
                assert len(after) == len(made.wav.data), name
                assert heard_ms(way, made.wav.data, after) <= LEFT_MS, name

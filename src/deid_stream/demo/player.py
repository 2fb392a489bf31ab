"""Plays calls into the topics at a chosen pace, as the telephone system and its recogniser would."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer

from deid_stream.datasets.callfile import CallFile, Pace, SourceRecord, records
from deid_stream.model.topics import AUDIO, EVENTS, TRANSCRIPTS
from deid_stream.units import Ms

TOPIC_OF: Final = {"events": EVENTS.name, "transcripts": TRANSCRIPTS.name, "audio": AUDIO.name}
STAGGER_MS: Final = 2_000
"""Between the starts of two calls."""
LIVE: Final = Pace(chunk_ms=100, transcript_delay_ms=700, interim_delay_ms=300)


class Cue(NamedTuple):
    """A record and when it is due, in ms since the first call's start."""

    due_ms: Ms
    record: SourceRecord


def renamed(call: CallFile, suffix: str) -> CallFile:
    """The call under another id, to be played once more."""
    call_id = call.header.call_id + suffix
    segments = [segment | {"call_id": call_id} for segment in call.header.segments]
    return msgspec.structs.replace(
        call, header=msgspec.structs.replace(call.header, call_id=call_id, segments=segments)
    )


def script(calls: Sequence[CallFile], pace: Pace = LIVE) -> list[Cue]:
    """All calls' records in the order in which they are sent, one call starting after the other."""
    cues = [
        Cue(record.time_ms + number * STAGGER_MS, record)
        for number, call in enumerate(calls)
        for record in records(call, pace)
    ]
    return sorted(cues, key=lambda cue: cue.due_ms)


async def play(
    options: dict[str, Any],
    cues: Sequence[Cue],
    *,
    start_ms: Ms,
    pace: float,
    sent: Callable[[SourceRecord], None] = lambda _: None,
    prefix: str = "",
) -> None:
    """Send every record when it is due, ``pace`` times as fast as live; its timestamp is the live one after
    ``start_ms`` (epoch). ``prefix`` stands before the topics' names. Returns once all are acknowledged."""
    producer = AIOKafkaProducer(**options, acks="all", linger_ms=2)
    await producer.start()
    began = time.monotonic()
    try:
        for cue in cues:
            wait_s = cue.due_ms / 1000 / pace - (time.monotonic() - began)
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            record = cue.record
            await producer.send(
                prefix + TOPIC_OF[record.kind],
                record.value,
                record.key,
                timestamp_ms=start_ms + cue.due_ms,
                headers=record.headers,
            )
            sent(record)
        await producer.flush()
    finally:
        await producer.stop()

"""Plays calls into the topics at a chosen pace, as the telephone system and its recogniser would."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from deid_stream.datasets.callfile import CallFile, Pace, SourceRecord, records
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.record import OutRecord
from deid_stream.model.topics import AUDIO, EVENTS, TRANSCRIPTS
from deid_stream.units import Ms

TOPIC_OF: Final = {"events": EVENTS.name, "transcripts": TRANSCRIPTS.name, "audio": AUDIO.name}
STAGGER_MS: Final = 2_000
"""Between the starts of two calls."""
_AT_ONCE: Final = 500
"""Records sent together when several are due; larger: the live view moves in larger steps."""
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
    kafka: Kafka,
    cues: Sequence[Cue],
    *,
    start_ms: Ms,
    pace: float,
    sent: Callable[[SourceRecord], None] = lambda _: None,
    prefix: str = "",
) -> None:
    """Send every record when it is due, ``pace`` times as fast as live; its timestamp says when that is, counted from
    ``start_ms`` (epoch). ``prefix`` stands before the topics' names. Returns once all are acknowledged."""
    async with kafka.sender() as sender:
        began = time.monotonic()
        waiting = deque(cues)
        while waiting:
            now_ms = (time.monotonic() - began) * 1000 * pace
            if waiting[0].due_ms > now_ms:
                await asyncio.sleep((waiting[0].due_ms - now_ms) / 1000 / pace)
            due: list[Cue] = []
            while waiting and len(due) < _AT_ONCE and waiting[0].due_ms <= now_ms:
                due.append(waiting.popleft())
            await sender.send(
                [
                    OutRecord(
                        prefix + TOPIC_OF[cue.record.kind],
                        cue.record.key,
                        cue.record.value,
                        cue.record.headers,
                        start_ms + round(cue.due_ms / pace),
                    )
                    for cue in due
                ]
            )
            for cue in due:
                sent(cue.record)

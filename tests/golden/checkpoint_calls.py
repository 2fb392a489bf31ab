"""The source records behind ``checkpoint_0_1_0.jsonl``: five calls of one partition, cut off in the middle.

Nothing here may change: version 0.1.0 of this project wrote the checkpoint from these very records.
"""

import json
from random import Random
from typing import Any

from deid_stream.kafka.record import InRecord

START_MS = 1_700_000_000_000
CHUNK_MS = 200
CUT_MS = 9_000
"""Record time, from ``START_MS``, after which version 0.1.0 stopped."""

_SAID = {
    # a turn that is still open at the cut, with a phone number in its first segment
    "pending": [
        (0, 400, 2_800, "may i have your phone number please"),
        (1, 6_200, 7_600, "yes it is oh seven seven double oh"),
        (1, 7_700, 9_300, "nine hundred and one two three"),
    ],
    # the name has left, the sound with its holes is held by the other channel's open turn
    "released": [
        (0, 300, 2_400, "who am i speaking to please"),
        (1, 3_000, 5_600, "my name is priya lindqvist and i need help"),
        (0, 4_400, 8_700, "thank you let me see what i can do about that for you today"),
    ],
    # its sound comes six seconds after its text
    "unlocated": [
        (1, 600, 4_200, "my card is four five three nine one four eight eight oh three four three six four six seven"),
        (0, 6_000, 6_900, "thank you very much"),
        (1, 6_100, 6_500, "yes"),
    ],
    "closed": [(1, 300, 1_500, "i am calling about a parcel")],
    "text-only": [(0, 300, 1_500, "good morning to you"), (1, 2_000, 5_000, "it is priya at example dot com")],
}
_LENGTHS_MS = {"pending": 12_000, "released": 12_000, "unlocated": 12_000, "closed": 3_000, "text-only": 12_000}
_AUDIO_LAG_MS = {"unlocated": 6_000}
SECRETS = {
    "pending": ["nine hundred"],
    "released": ["priya", "lindqvist"],
    "unlocated": ["four five three"],
    "closed": [],
    "text-only": ["priya", "example"],
}


def _segment(call: str, at: int, said: tuple[int, int, int, str]) -> bytes:
    channel, start, end, text = said
    words = text.split()
    step = (end - start) // len(words)
    fields: dict[str, Any] = {
        "call_id": call,
        "customer_id": "someone",
        "segment_id": f"{channel}-{at}",
        "is_final": True,
        "channel": channel,
        "language": "en",
        "start_ms": start,
        "end_ms": end,
        "text": text,
        "words": [
            {"text": word, "start_ms": start + i * step, "end_ms": start + (i + 1) * step}
            for i, word in enumerate(words)
        ],
        "transcribed_until_ms": end,
    }
    return json.dumps(fields).encode()


def _audio(call: str) -> list[tuple[int, bytes, list[tuple[str, bytes]]]]:
    rng = Random(call)
    made = []
    for channel in (0, 1):
        track = bytearray(b"\xff" * (_LENGTHS_MS[call] * 8))
        for who, start, end, _ in _SAID[call]:
            if who == channel:
                track[start * 8 : end * 8] = rng.randbytes((end - start) * 8)
        for seq in range(_LENGTHS_MS[call] // CHUNK_MS):
            data = bytes(track[seq * CHUNK_MS * 8 : (seq + 1) * CHUNK_MS * 8])
            headers = [
                ("ce_type", b"call.audio.v1"),
                ("ce_channel", b"%d" % channel),
                ("ce_seq", b"%d" % seq),
                ("ce_offsetms", b"%d" % (seq * CHUNK_MS)),
                ("content-type", b"audio/basic"),
            ]
            made.append(((seq + 1) * CHUNK_MS + _AUDIO_LAG_MS.get(call, 0), data, headers))
    return made


def records() -> dict[str, list[InRecord]]:
    """By kind, each with its offsets in record-time order."""
    timed: list[tuple[int, str, str, bytes, list[tuple[str, bytes]]]] = []
    for call, segments in _SAID.items():
        told = {"call_id": call, "customer_id": "someone"}
        started = json.dumps(told | {"channels": 2, "direction": "inbound"}).encode()
        timed.append((0, "events", call, started, [("ce_type", b"call.started.v1")]))
        ended = json.dumps(told | {"duration_ms": _LENGTHS_MS[call]}).encode()
        timed.append((_LENGTHS_MS[call] + 100, "events", call, ended, [("ce_type", b"call.ended.v1")]))
        for at, said in enumerate(segments):
            value = _segment(call, at, said)
            timed.append((said[2] + 120, "transcripts", call, value, [("ce_type", b"call.transcript.v1")]))
        if call != "text-only":
            timed += [(at, "audio", call, data, headers) for at, data, headers in _audio(call)]
    timed.sort(key=lambda item: (item[0], item[1], item[2]))
    found: dict[str, list[InRecord]] = {"events": [], "transcripts": [], "audio": []}
    for at, kind, call, value, headers in timed:
        common = [
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{call}-{kind}-{at}".encode()),
            ("ce_source", b"tests"),
            ("ce_subject", call.encode()),
            ("ce_customerid", b"someone"),
        ]
        log = found[kind]
        log.append(InRecord(f"calls.{kind}", 0, len(log), START_MS + at, call.encode(), value, tuple(common + headers)))
    return found

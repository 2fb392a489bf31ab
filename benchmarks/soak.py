"""``python -m benchmarks.soak``: a million calls through one partition, one after the other; nothing may grow.

Real sessions, decoding, detection, checkpoints and built batches; only the broker is missing. A call starts every 10 ms
of record time and lasts 0.9 s, so about a hundred are live. Every twentieth speaks and is transcribed (one of eight
turns, most of them with something to redact); the others are silent. Every 50 calls have a customer of their own. As in
the worker, the cyclic collector is off: whatever only it could free would show as growth.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.inprocess import build, new_partition
from benchmarks.oracle import KEY
from deid_stream.detect.detector import Detector
from deid_stream.kafka.record import InRecord
from deid_stream.keys import KeyRing
from deid_stream.model.topics import AUDIO_KIND, EVENTS_KIND, TRANSCRIPTS_KIND
from deid_stream.session.settings import SessionSettings
from deid_stream.worker.partition import Partition
from deid_stream.worker.sessions import SessionFactory

BASE_MS = 1_700_000_000_000
EVERY_MS = 10
CHUNK = 3_200
"""Bytes of 400 ms of mu-law."""
STEP_CALLS = 25
CALLS_A_CUSTOMER = 50
SPEAKS_EVERY = 20
RESULTS = Path(__file__).parent / "results"
TURNS = (
    b"my number is four one five five five five two six seven one",
    b"my name is daniel ferguson",
    b"you can write to anita dot patel at example dot com",
    b"i live at twenty two acacia avenue",
    b"it was a very cold day",
    b"the code is seven three zero nine one two",
    b"thank you that is all",
    b"my date of birth is the third of may nineteen eighty",
)
_QUIET, _LOUD = b"\xff" * CHUNK, bytes(range(256)) * 12 + bytes(range(128))
# ticks (of EVERY_MS) after the call's start at which a record of it comes
_SCHEDULE = (
    (0, EVENTS_KIND, "start"),
    (40, AUDIO_KIND, "0"),
    (80, AUDIO_KIND, "1"),
    (85, TRANSCRIPTS_KIND, "text"),
    (90, EVENTS_KIND, "end"),
)
LAST_TICK = _SCHEDULE[-1][0]


@dataclass
class Sample:
    calls: int
    seconds: float
    rss_mb: float
    objects: int
    """Tracked by the collector."""
    live: int
    entries: int
    """Everything that is kept for calls, live and closed."""
    held_bytes: int
    labels: int
    """Series of all metrics."""


class _Offsets:
    def __init__(self) -> None:
        self._next = {EVENTS_KIND: 0, TRANSCRIPTS_KIND: 0, AUDIO_KIND: 0}

    def take(self, kind: str) -> int:
        self._next[kind] += 1
        return self._next[kind] - 1


def records(tick: int, calls: int, offsets: _Offsets) -> Iterator[tuple[str, InRecord]]:
    """What arrives at one moment, of every call that is on."""
    at_ms = BASE_MS + tick * EVERY_MS
    for ticks, kind, what in _SCHEDULE:
        number = tick - ticks
        if not 0 <= number < calls or (kind == TRANSCRIPTS_KIND and number % SPEAKS_EVERY):
            continue
        name, customer = b"call-%d" % number, b"customer-%d" % (number // CALLS_A_CUSTOMER)
        value, headers = _record(number, kind, what, name, customer)
        yield kind, InRecord(f"calls.{kind}", 0, offsets.take(kind), at_ms, name, value, headers)


_ATTRIBUTES = (("ce_id", b"1"), ("ce_specversion", b"1.0"), ("ce_source", b"/soak"))


def _record(
    number: int, kind: str, what: str, name: bytes, customer: bytes
) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
    ids = b'{"call_id":"%s","customer_id":"%s",' % (name, customer)
    speaks = number % SPEAKS_EVERY == 0
    if what == "start":
        return ids + b'"channels":1}', (*_ATTRIBUTES, ("ce_type", b"call.started.v1"))
    if what == "end":
        return ids + b'"duration_ms":800}', (*_ATTRIBUTES, ("ce_type", b"call.ended.v1"))
    if kind == TRANSCRIPTS_KIND:
        words = TURNS[number // SPEAKS_EVERY % len(TURNS)].split()
        each_ms = 380 / len(words)
        timed = b",".join(
            b'{"text":"%s","start_ms":%d,"end_ms":%d,"confidence":0.9}'
            % (word, 400 + int(n * each_ms), 400 + int((n + 1) * each_ms))
            for n, word in enumerate(words)
        )
        text = (
            b'"segment_id":"0","revision":0,"is_final":true,"channel":0,"language":"en","start_ms":400,"end_ms":780,'
            b'"text":"%s","words":[%s],"transcribed_until_ms":800}' % (b" ".join(words), timed)
        )
        return ids + text, (*_ATTRIBUTES, ("ce_type", b"call.transcript.v1"))
    headers = (
        *_ATTRIBUTES[1:],
        ("ce_type", b"call.audio.v1"),
        ("ce_id", b"%s-%s" % (name, what.encode())),
        ("ce_customerid", customer),
        ("ce_channel", b"0"),
        ("ce_seq", what.encode()),
        ("ce_offsetms", b"0" if what == "0" else b"400"),
        ("content-type", b"audio/basic"),
    )
    return (_LOUD if speaks and what == "1" else _QUIET), headers


def _sample(partition: Partition, calls: int, began: float) -> Sample:
    return Sample(
        calls,
        round(time.monotonic() - began, 1),
        round(psutil.Process().memory_info().rss / 2**20, 1),
        len(gc.get_objects()),
        partition.calls,
        partition.entries,
        partition.held_bytes,
        sum(len(getattr(metric, "values", ())) for metric in partition._metrics),
    )


def soak(calls: int, samples: int = 100, *, idle_ms: int = 120_000) -> list[Sample]:
    """Run so many calls; a sample at each of so many equal steps, the last with no call live."""
    partition = new_partition(SessionFactory(Detector.load(), KeyRing(KEY), SessionSettings(idle_ms=idle_ms)))
    offsets = _Offsets()
    ends = frozenset({EVENTS_KIND, TRANSCRIPTS_KIND, AUDIO_KIND})
    found: list[Sample] = []
    every = max(1, calls // samples)
    gc.collect()
    gc.disable()
    began = time.monotonic()
    try:
        for step in range(0, calls + LAST_TICK + 1, STEP_CALLS):
            for tick in range(step, step + STEP_CALLS):
                for kind, record in records(tick, calls, offsets):
                    partition.feed(kind, (record,))
            partition.at_end(ends)
            wall_ms = BASE_MS + (step + STEP_CALLS) * EVERY_MS
            while partition.process(wall_ms):
                pass
            _publish(partition, step)
            if step and step % every < STEP_CALLS and step < calls:
                found.append(_sample(partition, step, began))
        # silent calls without a transcript close when their stragglers' time has passed
        for passed_ms in range(0, 60_001, 1_000):
            partition.process(wall_ms + passed_ms)
        _publish(partition, step + 1)
        found.append(_sample(partition, calls, began))
    finally:
        gc.enable()
    return found


def _publish(partition: Partition, offset: int) -> None:
    work = partition.take()
    if work is not None:
        build(work)
        partition.published(offset)


def growth_a_call(samples: list[Sample], of: str) -> float:
    """Least-squares slope over the second half of the run, of one field, a call."""
    half = samples[len(samples) // 2 : -1]
    mean_x = sum(s.calls for s in half) / len(half)
    mean_y = sum(getattr(s, of) for s in half) / len(half)
    spread = sum((s.calls - mean_x) ** 2 for s in half)
    return sum((s.calls - mean_x) * (getattr(s, of) - mean_y) for s in half) / spread


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--out", type=Path, default=RESULTS / "soak.json")
    arguments = parser.parse_args()
    found = soak(arguments.calls, arguments.samples)
    garbage = gc.collect()
    result = {
        "samples": [asdict(sample) for sample in found],
        "rss_bytes_a_call": round(growth_a_call(found, "rss_mb") * 2**20, 3),
        "objects_a_call": round(growth_a_call(found, "objects"), 5),
        "cyclic_garbage": garbage,
    }
    arguments.out.write_text(json.dumps({"result": result}, indent=1) + "\n")
    for sample in found[:: max(1, len(found) // 10)] + found[-1:]:
        print(sample, file=sys.stderr)
    print(json.dumps({k: v for k, v in result.items() if k != "samples"}))


if __name__ == "__main__":
    main()

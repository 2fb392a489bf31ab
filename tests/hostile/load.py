"""Uneven load: what one customer, one partition or one moment may do to everybody else's calls.

    python -m tests.hostile.load [--broker embedded]

A real worker process and some calls at live pace, alone and beside the load. Prints a JSON line for each load; exit
status 0 where the others' 99th percentile of delay grows to less than ``BAR`` times what it is alone.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from deid_stream.config import Settings
from deid_stream.kafka.embedded.broker import EmbeddedBroker
from deid_stream.wire.partitions import partition_of
from tests.hostile.delay import Delays, Due, Result, measure
from tests.support.calls import MadeCall, Record, make_call
from tests.support.kafka import KafkaCluster
from tests.support.service import Service

BAR: Final = 3.0
OTHERS: Final = 4
"""Healthy calls, all of one small customer."""
BIG: Final = 36
"""Calls of the customer who has nine in ten."""
HOT_CALLS: Final = 40
"""Calls of a backlog in one partition: ten times what each healthy partition has."""
HOT: Final = 0


def spread_out(start_ms: int, name: str) -> list[MadeCall]:
    """Healthy calls in whatever partition."""
    return [make_call(f"{name}-{n}", "someone", n, start_ms + n * 97, turns=2) for n in range(OTHERS)]


def elsewhere(start_ms: int, name: str, partitions: int) -> list[MadeCall]:
    """Healthy calls beside the hot partition."""
    return [
        make_call(own, "someone", n, start_ms + n * 97, turns=2)
        for n, own in enumerate(_named(name, partitions, OTHERS, lambda number: number != HOT))
    ]


def one_big_customer(start_ms: int, _span_ms: int) -> Due:
    """Nine calls in ten are another customer's, as live as the rest."""
    return [
        (record.time_ms, record)
        for number in range(BIG)
        for record in make_call(f"big-{start_ms}-{number}", "big", number, start_ms + number * 40, turns=2).records
    ]


def backlog_of_one_partition(start_ms: int, partitions: int) -> Due:
    """Whole calls of some minutes ago, all at once."""
    return [
        (start_ms, record)
        for number, name in enumerate(_named(f"hot-{start_ms}", partitions, HOT_CALLS, lambda number: number == HOT))
        for record in make_call(name, "someone", number, start_ms - 120_000).records
    ]


def _named(name: str, partitions: int, count: int, wanted: Callable[[int], bool]) -> Iterator[str]:
    """Ids of calls whose partition is a ``wanted`` one."""
    number = found = 0
    while found < count:
        own = f"{name}-{number}"
        number += 1
        if wanted(partition_of(own.encode(), partitions)):
            found += 1
            yield own


def burst(calls: int, start_ms: int) -> list[Record]:
    """Calls of one word that start within one second, their records in record time."""
    records = []
    for number in range(calls):
        key, at_ms = f"burst-{number}".encode(), start_ms + number * 1_000 // calls
        said = {"call_id": key.decode(), "customer_id": "someone"}
        segment = {"segment_id": "s", "channel": 0, "language": "en", "start_ms": 0, "end_ms": 300, "text": "hello"}
        sound = [("ce_channel", b"0"), ("ce_seq", b"0"), ("ce_offsetms", b"0"), ("content-type", b"audio/basic")]
        for kind, ce_type, value, more, after_ms in (
            ("events", b"call.started.v1", msgspec.json.encode(said), [], 0),
            ("audio", b"call.audio.v1", b"\xff" * 8_000, sound, 1_000),
            ("transcripts", b"call.transcript.v1", msgspec.json.encode(said | segment), [], 1_100),
            ("events", b"call.ended.v1", msgspec.json.encode(said | {"duration_ms": 1_000}), [], 1_300),
        ):
            headers = [("ce_specversion", b"1.0"), ("ce_id", b"%s-%d" % (key, after_ms)), ("ce_source", b"tests")]
            headers += [("ce_subject", key), ("ce_customerid", b"someone"), ("ce_type", ce_type), *more]
            records.append(Record(kind, key, value, headers, at_ms + after_ms))
    return sorted(records, key=lambda record: record.time_ms)


async def measured(service: Service, logs: Path, load: str) -> Result:
    """``load`` is ``big customer`` or ``hot partition``."""
    partitions = service.settings.partitions
    alone: Delays
    if load == "big customer":
        alone, among = await measure(service, logs, spread_out, one_big_customer)
        return Result(alone, among, BIG)
    alone, among = await measure(
        service,
        logs,
        lambda start_ms, name: elsewhere(start_ms, name, partitions),
        lambda start_ms, _: backlog_of_one_partition(start_ms, partitions),
    )
    return Result(alone, among, HOT_CALLS)


async def _run(broker: str) -> bool:
    apache, good = broker == "apache", True
    with tempfile.TemporaryDirectory() as folder, KafkaCluster() if apache else EmbeddedBroker() as running:
        servers = running.bootstrap if isinstance(running, KafkaCluster) else running.bootstrap_servers
        for load in ("big customer", "hot partition"):
            async with Service(Settings(bootstrap_servers=servers), exactly_once=apache, partitions=4) as service:
                result = await measured(service, Path(folder), load)
            print(json.dumps({"load": load, **result.json()}))
            good = good and result.ratio < BAR
    return good


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.load", description=__doc__)
    parser.add_argument("--broker", choices=("embedded", "apache"), default="embedded")
    return 0 if asyncio.run(_run(parser.parse_args().broker)) else 1


if __name__ == "__main__":
    raise SystemExit(main())

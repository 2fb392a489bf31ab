"""What the newest call records say about their producers: partitioners, calls with half of their records, ids that name
people. For ``doctor``; ``judge`` is pure."""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from deid_stream.model.topics import AUDIO, EVENTS, TRANSCRIPTS
from deid_stream.units import Ms
from deid_stream.wire.partitions import partition_of

if TYPE_CHECKING:
    from deid_stream.kafka.ports import Kafka

LOOKED_AT: Final = {EVENTS.kind: 200, TRANSCRIPTS.kind: 300, AUDIO.kind: 500}
"""The newest records of each partition that are read, by kind."""
FEW: Final = 3
"""With fewer calls than this nothing is said about missing halves: they may just have begun."""
BEHIND_MS: Final = 10_000
"""A call's transcript may come this much (ms) after its sound. Smaller: a call whose sound came just before the records
that are read counts as one without sound; larger: fewer calls are judged."""
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE: Final = re.compile(r"\+?\(?\d[\d\s().-]{5,17}\d")
_WORDS: Final = re.compile(r"[A-Za-z]{2,}(?:[ ._-][A-Za-z]{2,})+")


class Seen(NamedTuple):
    """One record: its topic's kind, where it lies, its key, its time (ms since the epoch)."""

    kind: str
    partition: int
    key: bytes | None
    time_ms: Ms = 0


class Remark(NamedTuple):
    """``state`` is ok, warning or error; no id is ever in it."""

    what: str
    state: str
    found: str
    mend: str = ""


def judge(seen: Sequence[Seen], partitions: int, names: frozenset[str] = frozenset()) -> list[Remark]:
    """Remarks on a sample of call records. ``partitions`` is how many each topic has, ``names`` first names in lower
    case."""
    if not seen:
        return []
    return [*_placed(seen, partitions), *_halves(seen), *_ids(seen, names)]


def _placed(seen: Iterable[Seen], partitions: int) -> list[Remark]:
    keyed: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    crc: Counter[str] = Counter()
    without: Counter[str] = Counter()
    for kind, partition, key, _ in seen:
        if not key:
            without[kind] += 1
            continue
        keyed[kind] += 1
        if partition_of(key, partitions) != partition:
            elsewhere[kind] += 1
            crc[kind] += zlib.crc32(key) % partitions == partition
    remarks = [
        Remark(
            "keys",
            "error",
            f"{count} of the newest calls.{kind} records {'has' if count == 1 else 'have'} no key",
            "key records by call_id",
        )
        for kind, count in without.items()
    ]
    for kind, count in elsewhere.items():
        known = ", as librdkafka's own partitioner puts them" if crc[kind] == count else ""
        remarks.append(
            Remark(
                "partitions",
                "error",
                f"{count} of the newest {keyed[kind]} calls.{kind} records lie in another partition than their key's"
                f"{known}",
                "set that producer's partitioner to murmur2 (librdkafka: partitioner=murmur2_random): a call whose "
                "text and sound lie apart is silenced whole",
            )
        )
    return remarks or [Remark("partitions", "ok", "the newest call records lie where their keys belong")]


def _halves(seen: Iterable[Seen]) -> list[Remark]:
    calls: dict[str, dict[bytes, Seen]] = {kind: {} for kind in LOOKED_AT}
    read: Counter[tuple[str, int]] = Counter()
    since_ms: dict[tuple[str, int], Ms] = {}
    for one in seen:
        place = one.kind, one.partition
        read[place] += 1
        since_ms[place] = min(one.time_ms, since_ms.get(place, one.time_ms))
        if one.key and one.time_ms >= calls[one.kind].get(one.key, one).time_ms:
            calls[one.kind][one.key] = one

    def would_show(one: Seen, other: str) -> bool:
        """Whether records of kind ``other`` of the same call would be among those that were read: of a topic with more
        records than ``LOOKED_AT`` only the newest were."""
        place = other, one.partition
        return read[place] < LOOKED_AT[other] or one.time_ms >= since_ms[place] + BEHIND_MS

    remarks = []
    for kind, other, consequence in (
        (AUDIO.kind, TRANSCRIPTS.kind, "all of their speech is silenced"),
        (TRANSCRIPTS.kind, AUDIO.kind, "only their text comes out"),
    ):
        judged = {key for key, one in calls[kind].items() if key in calls[other] or would_show(one, other)}
        alone = judged - calls[other].keys()
        if len(alone) >= FEW and 2 * len(alone) > len(judged):
            remarks.append(
                Remark(
                    "calls",
                    "warning",
                    f"{len(alone)} of {len(judged)} recent calls have {kind} and no {other}: {consequence}",
                    f"look at what sends calls.{other}: is it running, and does it use the same call ids?",
                )
            )
    return remarks


def _ids(seen: Iterable[Seen], names: frozenset[str]) -> list[Remark]:
    found = Counter(
        kind for key in {one.key for one in seen if one.key} if (kind := named(key.decode(errors="replace"), names))
    )
    mend = "ids go into outputs, keys and logs as they are: let producers use ids that say nothing about a person"
    return [
        Remark("ids", "warning", f"{count} of the recent call ids look like {kind}", mend)
        for kind, count in sorted(found.items())
    ]


def named(call_id: str, names: frozenset[str]) -> str:
    """What an id looks like: ``e-mail addresses``, ``telephone numbers`` or ``names of people``; empty for any other
    id."""
    if _EMAIL.search(call_id):
        return "e-mail addresses"
    if _PHONE.fullmatch(call_id) and 7 <= sum(c.isdigit() for c in call_id) <= 15:
        return "telephone numbers"
    words = re.split(r"[ ._-]", call_id.lower())
    return "names of people" if _WORDS.fullmatch(call_id) and words[0] in names else ""


async def look(kafka: "Kafka", names: Mapping[str, str]) -> tuple[list[Seen], int]:
    """The newest records of the call topics (``names`` by kind), and how many partitions they have. Raises
    BrokerError."""
    from deid_stream.kafka.reading import read_range, reading

    seen, partitions = [], 0
    for kind, count in LOOKED_AT.items():
        async with reading(kafka, names[kind], "read_uncommitted") as (reader, places):
            partitions = len(places)
            for place in places:
                end = await reader.end(place)
                begin = max(await reader.begin(place), end - count)
                async for records in read_range(reader, place, begin, end):
                    seen += [
                        Seen(kind, place.partition, record.key, record.timestamp)
                        for record in records
                        if not record.unreadable
                    ]
    return seen, partitions

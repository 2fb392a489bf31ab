"""Collects everything that comes out: reads all ``deid.*`` topics and drops repeats."""

from typing import Final, NamedTuple

import msgspec

from deid_stream.datasets.callfile import CallFile
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.record import Header, Place
from deid_stream.model.topics import ANALYTICS_AUDIO, ANALYTICS_TRANSCRIPTS, CALLS, OUTPUTS, STATUS, TRAINING_AUDIO

OUTPUT_TOPICS: Final = tuple(topic.name for topic in OUTPUTS if topic is not STATUS)
"""Heartbeats are left out: they are figures of a process, and nothing of a call."""
AUDIO_TOPICS: Final = frozenset({ANALYTICS_AUDIO.name, TRAINING_AUDIO.name})
_DATA_TOPICS: Final = (ANALYTICS_TRANSCRIPTS.name, ANALYTICS_AUDIO.name)


class Published(NamedTuple):
    """One output record."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]

    @property
    def call_id(self) -> str:
        return (self.key or b"").decode(errors="replace").partition("/")[0]

    def header(self, name: str) -> bytes | None:
        return dict(self.headers).get(name)


class _Fields(msgspec.Struct):
    is_final: bool = True
    segment_id: str = ""


_fields = msgspec.json.Decoder(_Fields)


class Collected:
    """Output records by topic, each record id once; on a broker without transactions a restarted worker repeats."""

    def __init__(self) -> None:
        self.records: dict[str, list[Published]] = {topic: [] for topic in OUTPUT_TOPICS}
        self.repeats = 0
        self.changed_repeats = 0
        """Repeats of a record id whose bytes differ: there must be none."""
        self._seen: dict[tuple[str, bytes], bytes | None] = {}

    def add(self, record: Published) -> None:
        """Add a record. Of data records with one id, the first one counts."""
        if record.topic in _DATA_TOPICS and record.key is not None:
            identity = (record.topic, record.key)
            if identity in self._seen:
                self.repeats += 1
                self.changed_repeats += self._seen[identity] != record.value
                return
            self._seen[identity] = record.value
        self.records[record.topic].append(record)

    def of(self, topic: str, call_id: str | None = None) -> list[Published]:
        """A topic's records, of one call or all."""
        found = self.records[topic]
        return found if call_id is None else [record for record in found if record.call_id == call_id]

    def closed_calls(self) -> set[str]:
        """Calls whose summary is out."""
        return {record.call_id for record in self.records[CALLS.name]}

    def final_segments(self, call_id: str, topic: str = ANALYTICS_TRANSCRIPTS.name) -> set[str]:
        """Ids of the segments of a call that are out."""
        found = (_fields.decode(record.value or b"{}") for record in self.of(topic, call_id))
        return {fields.segment_id for fields in found if fields.is_final}


def is_complete(collected: Collected, calls: list[CallFile], chunks: dict[str, int]) -> bool:
    """Every call is closed, with every chunk and every final segment of it out. ``chunks`` by call."""
    if not collected.closed_calls() >= {call.header.call_id for call in calls}:
        return False
    return all(
        len(collected.of(ANALYTICS_AUDIO.name, call.header.call_id)) >= chunks[call.header.call_id]
        and len(collected.final_segments(call.header.call_id)) >= len(call.final_segments)
        for call in calls
    )


async def listen(kafka: Kafka, partitions: int, collected: Collected) -> None:
    """Read from the beginning until cancelled."""
    async with kafka.log_reader("read_committed", follows=True) as reader:
        places = [Place(topic, number) for topic in OUTPUT_TOPICS for number in range(partitions)]
        reader.assign(dict.fromkeys(places, 0))
        while True:
            for records in (await reader.poll(100, 2_000)).values():
                for record in records:
                    collected.add(Published(record.topic, record.key, record.value, record.headers))

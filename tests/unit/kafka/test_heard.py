"""Whether what is known of a partition's end is fresh depends on the broker that it is read from, and on no other."""

import json

import pytest

from deid_stream.kafka.clients.rd.reading import Heard
from deid_stream.kafka.record import Place

NOW_S = 1_700_000_000.0
NOW_MS = 1_700_000_000_000
TEXT, AUDIO, OTHER = Place("calls.transcripts", 0), Place("calls.audio", 0), Place("calls.audio", 7)


def statistics(idle_s: dict[int, float], read_from: dict[Place, tuple[int, int]]) -> str:
    """``idle_s`` by broker; ``read_from``: the broker that is read from and the leader, -1 for none."""
    brokers = {f"b{n}": {"nodeid": n, "rxidle": int(s * 1e6) if s >= 0 else -1} for n, s in idle_s.items()}
    brokers["bootstrap"] = {"nodeid": -1, "rxidle": 0}
    topics: dict[str, dict[str, dict[str, dict[str, int]]]] = {}
    for place, (broker, leader) in read_from.items():
        partitions = topics.setdefault(place.topic, {"partitions": {}})["partitions"]
        partitions[str(place.partition)] = {"broker": broker, "leader": leader}
    return json.dumps({"brokers": brokers, "topics": topics})


@pytest.mark.parametrize(
    ("idle_s", "read_from", "any_ago_s", "ago_s"),
    [
        ({1: 0.1, 2: 40.0}, {TEXT: (2, 2), AUDIO: (1, 1)}, 0.1, {TEXT: 40.0, AUDIO: 0.1, OTHER: None}),
        ({1: 0.1, 2: 0.2}, {TEXT: (2, 1)}, 0.1, {TEXT: 0.2, AUDIO: None}),
        ({1: 0.1, 2: 3.0}, {TEXT: (-1, 2)}, 0.1, {TEXT: 3.0}),
        ({1: 0.1, 2: -1}, {TEXT: (2, 2), AUDIO: (1, 1)}, 0.1, {TEXT: None, AUDIO: 0.1}),
        ({1: 0.1}, {TEXT: (-1, -1)}, 0.1, {TEXT: None}),
        ({}, {}, None, {TEXT: None}),
    ],
    ids=("a silent leader", "read from a follower", "before it is read", "never heard", "no leader", "nothing yet"),
)
def test_a_partition_is_heard_through_its_own_broker(idle_s, read_from, any_ago_s, ago_s):
    heard = Heard(lambda: NOW_S)
    heard.note(statistics(idle_s, read_from))
    assert heard.ms == (None if any_ago_s is None else NOW_MS - int(any_ago_s * 1000))
    for place, seconds in ago_s.items():
        assert heard.of(place) == (None if seconds is None else NOW_MS - int(seconds * 1000))


def test_a_broker_that_falls_silent_stays_where_it_was_heard():
    heard = Heard(lambda: NOW_S)
    heard.note(statistics({1: 0.0, 2: 0.0}, {TEXT: (2, 2)}))
    heard.note(statistics({1: 0.0, 2: 9.0}, {TEXT: (2, 2)}))
    assert (heard.ms, heard.of(TEXT)) == (NOW_MS, NOW_MS - 9_000)

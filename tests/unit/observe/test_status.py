"""A process's heartbeat: rates and delays of the last minute, counts since its start."""

import msgspec
import pytest

from deid_stream.config import Settings
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.status import Beat, Delay, Heartbeat

START_MS = 1_764_000_000_000


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def beats(metrics):
    return Beat(metrics, "w1", "1.2.3", START_MS)


def test_a_process_that_has_done_nothing_yet(beats):
    beat = beats.beat(START_MS + 1_000, ready=False)
    assert (beat.worker_id, beat.version, beat.started_ms, beat.time_ms) == (
        "w1",
        "1.2.3",
        START_MS,
        START_MS + 1_000,
    )
    assert (beat.ready, beat.broker_connected, beat.partitions, beat.calls) == (False, False, [], 0)
    assert (beat.in_per_s, beat.out_per_s, beat.audio_delay_ms) == (0, 0, Delay(None, None))
    assert (beat.withheld, beat.redactions, beat.dead_letters) == ({}, {}, {})


def test_rates_are_of_the_last_minute_and_counts_of_all_time(metrics, beats):
    for second in range(1, 121):
        metrics.records_in.inc("calls.audio", 10 if second <= 60 else 40)
        metrics.records_out.inc("deid.analytics.audio", 5)
        metrics.withheld.inc("detector")
        beat = beats.beat(START_MS + second * 1_000, ready=True)
    assert (beat.in_per_s, beat.out_per_s) == (40, 5)
    assert beat.withheld == {"detector": 120}


def test_delays_are_of_what_left_within_the_minute(metrics, beats):
    metrics.audio_delay_ms.observe(50_000)
    beats.beat(START_MS + 1_000, ready=True)
    for second in range(2, 63):
        beats.beat(START_MS + second * 1_000, ready=True)
    for _ in range(98):
        metrics.audio_delay_ms.observe(4_000)
    metrics.audio_delay_ms.observe(12_000)
    metrics.audio_delay_ms.observe(14_000)
    beat = beats.beat(START_MS + 63_000, ready=True)
    assert beat.audio_delay_ms.p50 == pytest.approx(4_000, abs=1_000)
    assert 10_000 < beat.audio_delay_ms.p99 <= 15_000
    assert beat.text_delay_ms == Delay(None, None)


def test_a_delay_above_every_bound_is_the_largest_bound(metrics, beats):
    metrics.text_delay_ms.observe(1e9)
    assert beats.beat(START_MS + 1_000, ready=True).text_delay_ms == Delay(60_000, 60_000)


def test_what_waited_for_the_whole_hold_back_is_told_to_within_a_second(metrics, beats):
    waited_ms = Settings().holdback_ms + 400
    for histogram in (metrics.audio_delay_ms, metrics.text_delay_ms):
        histogram.observe(waited_ms)
    beat = beats.beat(START_MS + 1_000, ready=True)
    for told in (beat.audio_delay_ms, beat.text_delay_ms):
        assert told.p99 == pytest.approx(waited_ms, abs=1_000)


def test_partitions_their_backlog_and_their_distance_from_the_clock(metrics, beats):
    for partition in ("10", "9"):
        metrics.lag_records.set(3, "audio", partition)
        metrics.stream_delay_ms.set(120, partition)
    beat = beats.beat(START_MS + 1_000, ready=True)
    assert beat.partitions == ["9", "10"]
    assert beat.lag == {"audio/10": 3, "audio/9": 3}
    assert beat.stream_delay_ms == {"10": 120, "9": 120}


def test_it_survives_its_way_through_the_topic(beats):
    beat = beats.beat(START_MS + 1_000, ready=True)
    assert msgspec.json.decode(msgspec.json.encode(beat), type=Heartbeat) == beat

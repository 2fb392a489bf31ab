"""What a worker's gauges say of its partitions."""

from deid_stream.observe.metrics import Metrics
from deid_stream.worker.telemetry import TELL_EVERY_S, Telemetry

NOW_MS = 1_764_000_000_000


def test_a_partitions_backlog_by_kind_and_how_far_it_is_behind():
    metrics = Metrics()
    telemetry = Telemetry(metrics)
    telemetry.partition(3, {"audio": 40, "events": 0}, {"audio": 7, "events": 2}, NOW_MS - 1_500, NOW_MS)
    telemetry.partition(4, {"audio": 1}, {"audio": 1}, 0, NOW_MS)
    telemetry.only({3, 4}, NOW_MS)
    assert metrics.lag_records.values == {"audio/3": 40, "events/3": 0, "audio/4": 1}
    assert metrics.stream_delay_ms.values == {"3": 1_500, "4": 0}
    telemetry.only({4}, NOW_MS)
    assert metrics.lag_records.values == {"audio/4": 1}
    assert metrics.stream_delay_ms.values == {"4": 0}


def test_a_partition_that_stands_still_or_that_nobody_takes_over_is_stuck():
    metrics = Metrics()
    telemetry = Telemetry(metrics)
    for seconds in (0, 30, 61):
        now_ms = NOW_MS + seconds * 1000
        telemetry.partition(0, {"audio": 9}, {"audio": 7}, NOW_MS, now_ms)
        telemetry.partition(1, {"audio": 9}, {"audio": 7 + seconds}, NOW_MS, now_ms)
        telemetry.partition(2, {"audio": 0}, {"audio": 7}, NOW_MS, now_ms)
        telemetry.waiting(3, now_ms)
        telemetry.only({0, 1, 2, 3}, now_ms)
    assert metrics.stuck_partitions.values[""] == 2
    telemetry.only({1, 2}, now_ms)
    assert metrics.stuck_partitions.values[""] == 0


def test_dead_letters_are_logged_by_code_at_once_and_then_every_half_minute(caplog):
    metrics = Metrics()
    telemetry = Telemetry(metrics)

    def told(now_s, **more):
        for code, count in more.items():
            metrics.dead_letters.inc(code, count)
        caplog.clear()
        telemetry.dead_letters(now_s)
        return [(record.message, record.deid_fields) for record in caplog.records]

    def line(code, count):
        return "records became dead letters", {"code": code, "count": count}

    assert told(5) == []
    assert told(6, missing=2, wrong_key=1) == [line("missing", 2), line("wrong_key", 1)]
    assert told(7, missing=40) == []
    assert told(7 + TELL_EVERY_S) == [line("missing", 42)]
    assert told(7 + 3 * TELL_EVERY_S) == []

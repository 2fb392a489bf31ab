"""Metrics: the list is the document, the numbers add up, nothing of a call is in them."""

import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from deid_stream.errors import ConfigError
from deid_stream.model.entities import EntityType
from deid_stream.model.events import AudioChunk, AudioFormat, Encoding
from deid_stream.model.outputs import (
    AuditAction,
    AuditEntry,
    CallSummary,
    Entity,
    SanitizedAudio,
    SanitizedSegment,
)
from deid_stream.observe.endpoint import Endpoint, served
from deid_stream.observe.metrics import Metrics
from deid_stream.observe.outcomes import count_outputs

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


@pytest.fixture
def metrics():
    return Metrics()


def scraped(metrics):
    registry = CollectorRegistry()
    registry.register(metrics)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_every_metric_is_documented_and_every_documented_one_exists(metrics):
    documented = set(re.findall(r"^\| `(deid_[a-z_]+)`", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE))
    assert documented == {family.name + ("_total" if family.type == "counter" else "") for family in metrics.collect()}


def test_counters_by_label_and_without(metrics):
    metrics.records_in.inc("calls.audio", 20)
    metrics.records_in.inc("calls.audio")
    metrics.checkpoints.inc()
    numbers = scraped(metrics)
    assert numbers["deid_records_in_total", "calls.audio"] == 21
    assert numbers["deid_checkpoints_total",] == 1
    assert numbers["deid_rebalances_total",] == 0


def test_a_gauge_that_is_forgotten_is_not_shown(metrics):
    metrics.lag_records.set(7, "3")
    metrics.live_calls.set(2)
    assert scraped(metrics)["deid_lag_records", "3"] == 7
    metrics.lag_records.forget("3")
    metrics.lag_records.forget("3")
    assert ("deid_lag_records", "3") not in scraped(metrics)
    assert scraped(metrics)["deid_live_calls",] == 2


def test_a_histogram_counts_up_to_and_including_each_bound(metrics):
    for value in (0.5, 1, 1.5, 99_999):
        metrics.release_delay_ms.observe(value)
    numbers = scraped(metrics)
    assert [numbers["deid_release_delay_ms_bucket", bound] for bound in ("1", "2", "5", "10000", "+Inf")] == [
        2,
        3,
        3,
        3,
        4,
    ]
    assert numbers["deid_release_delay_ms_count",] == 4
    assert numbers["deid_release_delay_ms_sum",] == 100_002


ENTITY = Entity(EntityType.PERSON, 0, 3, 0, 10, 0, 1.0, "neural", "numbered")


def segment(allowed_ms):
    return SanitizedSegment(
        call_id="call-1",
        customer_id="northwind",
        seq=0,
        segment_id="s",
        revision=0,
        channel=0,
        language="en",
        start_ms=0,
        end_ms=10,
        text="",
        words=(),
        entities=(ENTITY, ENTITY),
        time_ms=1_000,
        allowed_ms=allowed_ms,
    )


def audio(allowed_ms):
    chunk = AudioChunk(
        call_id="call-1",
        customer_id="northwind",
        seq=0,
        offset_ms=0,
        format=AudioFormat(Encoding.MULAW, 8000),
        data=b"",
        time_ms=500,
    )
    return SanitizedAudio(chunk=chunk, data=b"", redacted_ms=0, allowed_ms=allowed_ms)


def audit(action, reason="deadline"):
    return AuditEntry(call_id="call-1", customer_id="northwind", action=action, reason=reason, time_ms=0)


def test_what_left_is_counted(metrics):
    summary = CallSummary(
        call_id="call-1",
        customer_id="northwind",
        time_ms=0,
        duration_ms=0,
        channels=1,
        segments=1,
        audio_chunks=1,
        redactions={"PERSON": 2},
        redacted_audio_ms={"PERSON": 700, "UNTRANSCRIBED": 40},
    )
    outputs = [
        segment(3_000),
        audio(3_000),
        summary,
        *map(audit, AuditAction),
        audit(AuditAction.WITHHELD, "detector"),
    ]
    count_outputs(metrics, outputs, acknowledged_ms=3_040)
    numbers = scraped(metrics)
    assert numbers["deid_redactions_total", "PERSON"] == 2
    assert numbers["deid_redacted_audio_ms_total", "PERSON"] == 700
    assert numbers["deid_redacted_audio_ms_total", "UNTRANSCRIBED"] == 40
    assert (numbers["deid_holdback_ms_count",], numbers["deid_holdback_ms_sum",]) == (2, 4_500)
    assert (numbers["deid_release_delay_ms_count",], numbers["deid_release_delay_ms_sum",]) == (2, 80)
    assert numbers["deid_withheld_total", "deadline"] == 1
    assert numbers["deid_withheld_total", "detector"] == 1
    assert numbers["deid_dropped_total", "deadline"] == 1
    assert numbers["deid_revisions_after_release_total",] == 1
    assert numbers["deid_quarantined_total",] == 1


def test_what_no_record_allowed_has_no_delay(metrics):
    count_outputs(metrics, [segment(0), audio(0)], acknowledged_ms=3_040)
    assert scraped(metrics)["deid_release_delay_ms_count",] == 0


def test_clocks_that_disagree_do_not_count_backwards(metrics):
    count_outputs(metrics, [segment(3_000)], acknowledged_ms=2_000)
    assert scraped(metrics)["deid_release_delay_ms_sum",] == 0


def get(endpoint, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}{path}", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_endpoint_serves_metrics_and_probes(metrics):
    registry = CollectorRegistry()
    registry.register(metrics)
    state = {"ready": False, "healthy": True}
    with Endpoint("127.0.0.1", 0, registry, ready=lambda: state["ready"], healthy=lambda: state["healthy"]) as endpoint:
        assert get(endpoint, "/healthz")[0] == 200
        assert get(endpoint, "/readyz")[0] == 503
        state |= {"ready": True, "healthy": False}
        assert get(endpoint, "/healthz")[0] == 503
        assert get(endpoint, "/readyz")[0] == 200
        status, text = get(endpoint, "/metrics")
        assert status == 200
        assert "deid_live_calls" in text
        assert get(endpoint, "/else")[0] == 404
        with pytest.raises(ConfigError, match="metrics_port"):
            Endpoint("127.0.0.1", endpoint.port, registry, ready=lambda: True)
    with pytest.raises(urllib.error.URLError):
        get(endpoint, "/healthz")


def test_a_process_serves_its_version_and_its_own_use_of_the_machine(metrics, unused_tcp_port):
    with served(metrics, "127.0.0.1", unused_tcp_port, version="1.2.3", ready=lambda: True):
        url = f"http://127.0.0.1:{unused_tcp_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as response:
            text = response.read().decode()
    assert 'deid_build_info{version="1.2.3"} 1.0' in text
    assert "python_info" in text


def test_port_0_serves_nothing(metrics):
    with served(metrics, "an address that cannot be", 0, version="1", ready=lambda: True):
        pass


def test_a_second_worker_on_a_machine_works_without_an_endpoint(metrics, unused_tcp_port, caplog):
    with (
        served(metrics, "127.0.0.1", unused_tcp_port, version="1", ready=lambda: True),
        served(Metrics(), "127.0.0.1", unused_tcp_port, version="1", ready=lambda: True),
    ):
        assert [record.message for record in caplog.records] == ["metrics are not served"]

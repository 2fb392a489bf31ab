"""Metrics: the list is the document, the numbers add up, nothing of a call is in them."""

import ast
import contextlib
import re
import socket
import time
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
from deid_stream.observe import endpoint as endpoint_module
from deid_stream.observe import labels
from deid_stream.observe.endpoint import Endpoint, served
from deid_stream.observe.metrics import Counter, Gauge, Histogram, Metrics
from deid_stream.observe.outcomes import count_outputs

SRC = Path(__file__).parents[3] / "src" / "deid_stream"


@pytest.fixture
def metrics():
    return Metrics()


def scraped(metrics):
    registry = CollectorRegistry()
    registry.register(metrics)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_closed_label_sets_start_at_zero(metrics):
    numbers = scraped(metrics)
    for name, label in (
        ("deid_spotcheck_calls_total", "found"),
        ("deid_policy_changes_total", "unreadable"),
        ("deid_aborted_transactions_total", "fenced"),
        ("deid_withheld_total", "detector"),
        ("deid_dead_letters_total", "undecodable"),
        ("deid_redacted_audio_ms_total", "UNTRANSCRIBED"),
        ("deid_task_failures_total", "partition"),
        ("deid_quarantined_total", None),
    ):
        assert numbers[(name, label) if label else (name,)] == 0


def test_topics_are_known_once_the_prefix_is(metrics):
    metrics.records_in.inc("staging.calls.audio", 3)
    metrics.records_in.expect(["staging.calls.audio", "staging.calls.events"])
    numbers = scraped(metrics)
    assert numbers["deid_records_in_total", "staging.calls.audio"] == 3
    assert numbers["deid_records_in_total", "staging.calls.events"] == 0


def reasons(action):
    """Reasons of audit entries that are written out in the source."""
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                if any(ast.unparse(value) == f"AuditAction.{action}" for value in given):
                    after = node.args[1:2] + [k.value for k in node.keywords if k.arg == "reason"]
                    yield from (value.value for value in after if isinstance(value, ast.Constant))


@pytest.mark.parametrize(("action", "known"), [("WITHHELD", labels.WITHHELD), ("DROPPED", labels.DROPPED)])
def test_every_reason_in_the_source_is_in_its_closed_set(action, known):
    found = set(reasons(action))
    assert found
    assert found <= set(known), "add it to observe/labels.py"


def test_every_metric_is_written_by_something_outside_observe(metrics):
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in SRC.rglob("*.py")
        if path.name != "metrics.py" and path.name != "labels.py"
    )
    names = [name for name, value in vars(metrics).items() if isinstance(value, Counter | Gauge | Histogram)]
    assert [name for name in names if not re.search(rf"metrics\.{name}(\.(inc|set|observe)\b|\))", source)] == []


def test_counters_by_label_and_without(metrics):
    metrics.records_in.inc("calls.audio", 20)
    metrics.records_in.inc("calls.audio")
    metrics.checkpoints.inc()
    numbers = scraped(metrics)
    assert numbers["deid_records_in_total", "calls.audio"] == 21
    assert numbers["deid_checkpoints_total",] == 1
    assert numbers["deid_rebalances_total",] == 0


def test_a_gauge_that_is_forgotten_is_not_shown(metrics):
    metrics.lag_records.set(7, "audio", "3")
    metrics.live_calls.set(2)
    assert scraped(metrics)["deid_lag_records", "audio", "3"] == 7
    metrics.lag_records.forget("audio", "3")
    metrics.lag_records.forget("audio", "3")
    assert ("deid_lag_records", "audio", "3") not in scraped(metrics)
    assert scraped(metrics)["deid_live_calls",] == 2


def test_a_gauge_is_shown_once_somebody_measures_it(metrics):
    assert ("deid_live_calls",) not in scraped(metrics)
    metrics.live_calls.set(0)
    assert scraped(metrics)["deid_live_calls",] == 0


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
    assert (numbers["deid_text_delay_ms_count",], numbers["deid_text_delay_ms_sum",]) == (1, 2_040)
    assert (numbers["deid_audio_delay_ms_count",], numbers["deid_audio_delay_ms_sum",]) == (1, 2_540)
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
    metrics.live_calls.set(0)
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


class TestHangingClients:
    @pytest.fixture
    def endpoint(self, metrics, monkeypatch):
        monkeypatch.setattr(endpoint_module, "REQUEST_S", 0.5)
        with Endpoint("127.0.0.1", 0, CollectorRegistry(), ready=lambda: True) as running:
            yield running

    @staticmethod
    def connected(endpoint):
        return socket.create_connection(("127.0.0.1", endpoint.port), 10)

    def test_an_idle_connection_is_ended(self, endpoint):
        with self.connected(endpoint) as idle:
            began = time.monotonic()
            assert idle.recv(1) == b""
            assert time.monotonic() - began < 5

    def test_one_that_sends_a_byte_now_and_then_is_ended_too(self, endpoint):
        with self.connected(endpoint) as slow:
            slow.settimeout(0.1)
            ended = time.monotonic() + 8
            with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):  # noqa: PT012
                while time.monotonic() < ended:
                    slow.sendall(b"G")
                    try:
                        if slow.recv(1) == b"":
                            raise BrokenPipeError("Broken pipe")
                    except TimeoutError:
                        continue

    def test_threads_are_bounded_and_free_again(self, endpoint, monkeypatch):
        monkeypatch.setattr(endpoint_module, "REQUEST_S", 30.0)
        crowd = [self.connected(endpoint) for _ in range(3 * endpoint_module.CONNECTIONS)]
        served, others = crowd[: endpoint_module.CONNECTIONS], crowd[endpoint_module.CONNECTIONS :]
        try:
            for connection in others:
                with contextlib.suppress(ConnectionError):
                    assert connection.recv(1) == b"", "closed at once"
            for connection in served:
                connection.setblocking(False)
                with pytest.raises(BlockingIOError):
                    connection.recv(1)
        finally:
            for connection in crowd:
                connection.close()
        assert self.answered(endpoint) == 200

    @staticmethod
    def answered(endpoint):
        """Once the threads of those who have gone are free."""
        until_s = time.monotonic() + 20
        while True:
            try:
                return get(endpoint, "/healthz")[0]
            except OSError:
                assert time.monotonic() < until_s


def test_a_probe_that_fails_shows_no_message(metrics, capfd):
    def ready():
        raise ValueError("my card is 4111 1111 1111 1111")

    with Endpoint("127.0.0.1", 0, CollectorRegistry(), ready=ready) as endpoint:
        status, text = get(endpoint, "/readyz")
    assert status == 500
    assert "4111" not in text + "".join(capfd.readouterr())

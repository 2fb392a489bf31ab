"""Traces: what a batch and its segments look like, that nothing of a call is in them, and that off is off."""

import datetime
import http.server
import json
import sys
import threading

import pytest

from deid_stream.errors import ConfigError
from deid_stream.model.entities import EntityType
from deid_stream.model.events import AudioChunk, AudioFormat, Encoding, Word
from deid_stream.model.outputs import Entity, SanitizedAudio, SanitizedSegment
from deid_stream.observe.traces import Batch, NoTraces, open_traces

T = 1_700_000_000_000
ENTITY = Entity(
    entity_type=EntityType.PERSON,
    start=11,
    end=21,
    start_ms=1_500,
    end_ms=2_000,
    channel=1,
    score=0.9,
    detector="secret-detector",
    operator="numbered",
)
SEGMENT = SanitizedSegment(
    call_id="secret-call",
    customer_id="secret-customer",
    seq=3,
    segment_id="secret-segment",
    revision=1,
    channel=1,
    language="en",
    start_ms=1_000,
    end_ms=2_500,
    text="secret, i am [PERSON_1]",
    words=(Word("secret", 1_000, 1_100),),
    entities=(ENTITY,),
    time_ms=T - 9_000,
    allowed_ms=T - 300,
)
INTERIM = SanitizedSegment(**{name: getattr(SEGMENT, name) for name in SEGMENT.__struct_fields__} | {"is_final": False})
AUDIO = SanitizedAudio(
    chunk=AudioChunk(
        call_id="secret-call",
        customer_id="secret-customer",
        seq=1,
        offset_ms=0,
        format=AudioFormat(Encoding.MULAW, 8_000),
        data=b"secret!!",
        time_ms=T - 8_000,
    ),
    data=b"secret!!",
    redacted_ms=0,
    allowed_ms=T - 500,
)
BATCH = Batch(2, T, T + 40, {"deid.analytics.audio": 1, "deid.analytics.transcripts": 2}, [SEGMENT, INTERIM, AUDIO])


def written(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def ms(moment):
    return int(datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() * 1000)


def test_a_batch_its_publishing_and_each_final_segment_are_spans(tmp_path):
    path = tmp_path / "traces.jsonl"
    traces = open_traces(f"file:{path}", "1.2.3", "w1")
    traces.published(BATCH)
    traces.close()
    publish, segment, batch = written(path)
    assert [span["name"] for span in (batch, publish, segment)] == ["deid.batch", "deid.publish", "deid.segment"]
    assert (ms(batch["start_time"]), ms(batch["end_time"])) == (T - 500, T + 40), "from what was first allowed"
    assert (ms(publish["start_time"]), ms(publish["end_time"])) == (T, T + 40)
    assert publish["parent_id"] == batch["context"]["span_id"]
    assert (ms(segment["start_time"]), ms(segment["end_time"])) == (T - 9_000, T + 40)
    assert segment["links"][0]["context"]["span_id"] == batch["context"]["span_id"]
    assert segment["context"]["trace_id"] != batch["context"]["trace_id"]
    assert [(e["name"], ms(e["timestamp"])) for e in segment["events"]] == [("allowed", T - 300)]
    assert segment["attributes"] == {
        "deid.partition": 2,
        "deid.channel": 1,
        "deid.revision": 1,
        "deid.entities": 1,
        "deid.duration_ms": 1_500,
    }
    assert batch["attributes"]["deid.records.deid.analytics.transcripts"] == 2
    assert batch["resource"]["attributes"] == {
        "service.name": "deid-stream",
        "service.version": "1.2.3",
        "service.instance.id": "w1",
    }
    assert "secret" not in path.read_text()


def test_a_collector_gets_them():
    got = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        traces = open_traces(f"http://127.0.0.1:{server.server_port}/v1/traces", "1.2.3", "w1")
        traces.published(BATCH)
        traces.close()
        server.shutdown()
    ((path, body),) = got
    assert path == "/v1/traces"
    assert b"deid.segment" in body
    assert b"secret" not in body


def test_off_is_off():
    traces = open_traces("", "1", "w")
    assert isinstance(traces, NoTraces)
    traces.published(BATCH)
    traces.close()


@pytest.mark.parametrize("target", ["yes", "otlp", "ftp://host/x", "/tmp/traces"])
def test_another_target_is_refused(target):
    with pytest.raises(ConfigError, match="file:PATH"):
        open_traces(target, "1", "w")


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"traces cannot be written to t\.jsonl"):
        open_traces(f"file:{tmp_path / 'none' / 't.jsonl'}", "1", "w")


def test_without_the_extra_it_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(ConfigError, match="traces"):
        open_traces(f"file:{tmp_path / 't'}", "1", "w")

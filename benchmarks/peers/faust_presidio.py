"""The straightforward build: Faust agents, Presidio for the text, numpy for the audio, as their documentation shows.

Audio waits in memory by call; a final transcript is analysed, its words' times are silenced, and what it covers is sent
on. No alignment, no detection of spoken numbers, no recovery after a crash.
``BOOTSTRAP=HOST:PORT python -m benchmarks.peers.faust_presidio worker``"""

import json
import os
import tempfile
from collections import defaultdict

import faust
import numpy as np

from benchmarks.peers.presidio_text import engines

app = faust.App(
    "faust-presidio",
    broker=f"kafka://{os.environ.get('BOOTSTRAP', '127.0.0.1:9092')}",
    store="memory://",
    value_serializer="raw",
    key_serializer="raw",
    topic_disable_leader=True,
    datadir=tempfile.mkdtemp(prefix="faust-"),
    web_enabled=False,
)
audio_in = app.topic("calls.audio")
transcripts_in = app.topic("calls.transcripts")
events_in = app.topic("calls.events")
audio_out = app.topic("deid.analytics.audio")
transcripts_out = app.topic("deid.analytics.transcripts")

analyzer, anonymizer = engines()
held: dict[bytes, list[faust.types.EventT]] = defaultdict(list)
MULAW_SILENCE = 0xFF


def media(event: faust.types.EventT) -> tuple[int, int, int]:
    """Channel, start and end of a mu-law chunk of 8 samples a millisecond."""
    start_ms = int(event.headers["ce_offsetms"])
    return int(event.headers["ce_channel"]), start_ms, start_ms + len(event.value) // 8


async def release(call: bytes, until_ms: int, channel: int, spans: list[tuple[int, int]], allowed_ms: float) -> None:
    keep = []
    for event in held.pop(call, []):
        own_channel, start_ms, end_ms = media(event)
        if end_ms > until_ms:
            keep.append(event)
            continue
        samples = np.frombuffer(event.value, np.uint8).copy()
        if own_channel == channel:
            for first_ms, last_ms in spans:
                samples[max(0, first_ms - start_ms) * 8 : max(0, last_ms - start_ms) * 8] = MULAW_SILENCE
        headers = {**event.headers, "allowed": b"%d" % allowed_ms}
        await audio_out.send(key=event.key, value=samples.tobytes(), headers=headers)
    if keep:
        held[call] = keep


@app.agent(audio_in)
async def hold(stream):
    async for event in stream.events():
        held[event.key].append(event)


@app.agent(transcripts_in)
async def redact(stream):
    async for event in stream.events():
        segment = json.loads(event.value)
        found = analyzer.analyze(segment["text"], language="en")
        spans, at = [], 0
        for word in segment["words"]:
            first = segment["text"].index(word["text"], at)
            at = first + len(word["text"])
            if any(f.start < at and first < f.end for f in found):
                spans.append((word["start_ms"], word["end_ms"]))
                word["text"] = "***"
        segment["text"] = anonymizer.anonymize(segment["text"], found).text
        allowed_ms = event.message.timestamp * 1000
        headers = {**event.headers, "allowed": b"%d" % allowed_ms}
        await transcripts_out.send(key=event.key, value=json.dumps(segment).encode(), headers=headers)
        await release(event.key, segment["end_ms"], segment["channel"], spans, allowed_ms)


@app.agent(events_in)
async def end(stream):
    async for event in stream.events():
        if event.headers["ce_type"] == b"call.ended.v1":
            await release(event.key, 2**40, 0, [], event.message.timestamp * 1000)


@app.task
async def ready():
    print("ready", flush=True)


if __name__ == "__main__":
    app.main()

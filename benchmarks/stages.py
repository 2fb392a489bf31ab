"""What each stage costs, in CPU time on the pure parts: no broker, no neighbours' wake-ups. Best of a few rounds."""

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder

from benchmarks import inprocess
from benchmarks.load import AUDIO, TRANSCRIPTS, Shape, make_scripts
from benchmarks.oracle import KEY, events
from benchmarks.phrases import utterance
from deid_stream.audio.cut import silence
from deid_stream.detect.detector import Detector
from deid_stream.kafka.record import MAX_BATCH_BYTES
from deid_stream.keys import KeyRing
from deid_stream.model.outputs import SanitizedAudio
from deid_stream.session import call, coverage
from deid_stream.session.call import CallSession
from deid_stream.session.settings import SessionSettings
from deid_stream.session.transcript import Transcript
from deid_stream.units import Interval
from deid_stream.wire.audio import encode_audio
from deid_stream.worker.gate import Gate
from deid_stream.worker.sessions import SessionFactory


def best_us(work: Callable[[], object], count: int, rounds: int = 5) -> float:
    """Microseconds of CPU for one of ``count`` items."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return round(min(taken) / count * 1e6, 2)


def stages(calls: int = 60, media_s: float = 30.0) -> dict[str, Any]:
    gc.disable()
    try:
        return {**_records(), **_detection(), **_pipeline(calls, media_s)}
    finally:
        gc.enable()


def _records() -> dict[str, Any]:
    script = make_scripts(Shape(), 1)[0]
    audio = [record for record in script.records if record.topic == AUDIO]
    text = [record for record in script.records if record.topic == TRANSCRIPTS]
    chunks: Any = [event for record in audio for event in events(record, 0)]
    outputs = [SanitizedAudio(chunk=chunk, data=chunk.data, redacted_ms=0) for chunk in chunks]
    encoded = [encode_audio(output, "1") for output in outputs]
    hole = [silence.Hole(0, Interval(100, 700))]

    def produce() -> None:
        builder = BatchBuilder(MAX_BATCH_BYTES, 0)
        for key, value, headers in encoded:
            if builder.append(timestamp=1, key=key, value=value, headers=headers) is None:
                builder = BatchBuilder(MAX_BATCH_BYTES, 0)

    return {
        "decode_audio_us": best_us(lambda: [events(record, 0) for record in audio], len(audio)),
        "decode_transcript_us": best_us(lambda: [events(record, 0) for record in text], len(text)),
        "encode_audio_us": best_us(lambda: [encode_audio(output, "1") for output in outputs], len(outputs)),
        "produce_append_us": best_us(produce, len(encoded)),
        "silence_chunk_us": best_us(lambda: [silence.redact(c.data, c.format, 0, hole) for c in chunks], len(chunks)),
    }


def utterances(count: int) -> list[str]:
    rng = Random(11)
    return [utterance(rng, n % 2) for n in range(count)]


def _detection() -> dict[str, Any]:
    texts = utterances(400)
    conversation = Detector.load().conversation(KEY)
    each: list[float] = []
    for text in texts[:50]:
        conversation.turn(text, 1)
    began = time.process_time()
    for number, text in enumerate(texts):
        start = time.process_time()
        conversation.turn(text, number % 2)
        each.append((time.process_time() - start) * 1000)
    total = time.process_time() - began
    each.sort()
    return {
        "detect_ms": round(total / len(texts) * 1000, 3),
        "detect_p99_ms": round(each[len(each) * 99 // 100], 2),
        "detect_per_cpu_s": round(len(texts) / total),
    }


def presidio(count: int = 300) -> dict[str, Any]:
    """Presidio's own figures on the same utterances, as a process; empty where it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.jsonl"
        path.write_text("\n".join(json.dumps({"text": text}) for text in utterances(count)))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.peers.presidio_text", str(path)],
            capture_output=True,
            text=True,
            timeout=120,
        )
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {}


class _Nothing:
    """A detector that finds nothing, to see the audio path alone."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def conversation(self, *_: Any, **__: Any) -> "_Nothing":
        return self

    def turn(self, *_: Any, **__: Any) -> list[Any]:
        return []

    def state(self) -> Any:
        return self._state


def _pipeline(calls: int, media_s: float) -> dict[str, Any]:
    state = Detector.load().conversation(KEY).state()
    nothing = SessionFactory(_Nothing(state), KeyRing(KEY), SessionSettings())  # type: ignore[arg-type]
    whole = min((inprocess.run(Shape(), calls, media_s) for _ in range(3)), key=lambda cost: cost.process_s)
    bare = min((inprocess.run(Shape(), calls, media_s, nothing) for _ in range(3)), key=lambda cost: cost.process_s)
    shares = _shares(calls, media_s)
    return {
        "pipeline_us_per_audio_record": round(whole.us_per_audio_record, 1),
        "audio_path_us_per_audio_record": round(bare.us_per_audio_record, 1),
        "checkpoint_us_per_audio_record": round(whole.take_s / whole.audio_records * 1e6, 2),
        "pipeline_calls_per_core": round(whole.calls_per_core),
        **shares,
    }


def _shares(calls: int, media_s: float) -> dict[str, Any]:
    """CPU of the dearer parts within one run, by wrapping them; what is called for every record is timed above."""
    spent: dict[str, list[float]] = defaultdict(list)
    watched = (
        (Transcript, "release", "detect_and_redact"),
        (call, "located", "align"),
        (coverage, "covered", "watermark"),
        (Gate, "publish", "encode_and_append"),
        (CallSession, "snapshot", "snapshot"),
    )
    originals = []
    for owner, name, label in watched:
        original = getattr(owner, name)
        originals.append((owner, name, original))
        setattr(owner, name, _timed(original, spent[label]))
    try:
        cost = inprocess.run(Shape(), calls, media_s)
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)
    whole = cost.process_s + cost.take_s
    return {
        "share": {label: round(sum(times) / whole, 3) for label, times in spent.items()},
        "each_ms": {label: round(sum(times) / max(1, len(times)) * 1000, 4) for label, times in spent.items()},
    }


def _timed(original: Callable[..., Any], times: list[float]) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        began = time.process_time()
        result = original(*args, **kwargs)
        times.append(time.process_time() - began)
        return result

    return timed


__all__ = ["presidio", "stages"]

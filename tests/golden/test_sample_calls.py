"""The sample calls through the real detector: what must go is gone from sound and text, and nothing else is.

``texts.json`` holds the sanitized texts with every label written ``[]``: which name a value goes under may change with
the model, what is covered may not.
"""

import copy
import json
import re
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.datasets.callfile import CallFile, Pace
from deid_stream.datasets.replay import Replayed, replay
from deid_stream.datasets.wav import WavFile
from deid_stream.demo.checks import RawValues, changed_outside_ms, residuals
from deid_stream.demo.stage import load_samples
from deid_stream.detect.detector import Detector
from deid_stream.keys import KeyRing
from deid_stream.model.entities import EntityType
from deid_stream.model.events import AudioFormat, Encoding
from deid_stream.policy import UNKNOWN
from deid_stream.session.settings import SessionSettings

TEXTS = json.loads(Path(__file__).with_name("texts.json").read_text(encoding="utf-8"))
CALLS = {call.name: call for call in load_samples()}
MAX_UNTIMED_RESIDUAL_MS = 20


@pytest.fixture(scope="module")
def detector():
    return Detector.load()


def run(call: CallFile, detector: Detector, pace: Pace | None = None) -> Replayed:
    return replay(
        call,
        detector=detector,
        keys=KeyRing(b"golden" * 4),
        policy=UNKNOWN,
        settings=SessionSettings(default_profile=""),
        pace=pace or Pace(),
        pipeline_version="golden",
    )


@cache
def once(name: str) -> Replayed:
    """A sample call as it comes. Not to be changed: every test that asks gets the same."""
    return run(CALLS[name], Detector.load())


def recoded(call: CallFile, encoding: Encoding, rate_hz: int) -> CallFile:
    samples = pcm.decode(call.wav.data, call.wav.format)
    fmt = AudioFormat(encoding, rate_hz, call.wav.format.channels)
    samples = np.repeat(samples, rate_hz // call.wav.format.rate_hz, axis=0)
    return msgspec.structs.replace(call, wav=WavFile(fmt, pcm.encode(samples, fmt)))


def rewritten(call: CallFile, rewrite) -> CallFile:
    segments = [rewrite(copy.deepcopy(segment)) for segment in call.header.segments]
    return msgspec.structs.replace(call, header=msgspec.structs.replace(call.header, segments=segments))


def without_words(segment):
    del segment["words"]
    return segment


def without_times(segment):
    segment["words"] = [{"text": word["text"]} for word in segment["words"]]
    return segment


@pytest.mark.parametrize("name", CALLS)
def test_the_text_is_as_it_was(name):
    result = once(name)
    assert [re.sub(r"\[[A-Z_0-9]+\]", "[]", s["text"]) for s in result.call["segments"]] == TEXTS[name]
    assert not RawValues(CALLS.values()).found_in(json.dumps([result.call, result.entities]))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("encoding", "rate_hz", "pace"),
    [
        (Encoding.MULAW, 8_000, Pace()),
        (Encoding.MULAW, 8_000, Pace(interleaved=True)),
        (Encoding.MULAW, 8_000, Pace(chunk_ms=20)),
        (Encoding.MULAW, 8_000, Pace(chunk_ms=1_000, interim_delay_ms=100)),
        (Encoding.ALAW, 8_000, Pace()),
        (Encoding.PCM16LE, 16_000, Pace()),
    ],
    ids=["apart", "interleaved", "20 ms", "1 s", "A-law", "16 kHz"],
)
def test_the_sound_is_silent_there_and_the_same_elsewhere(name, encoding, rate_hz, pace, detector):
    call = recoded(CALLS[name], encoding, rate_hz)
    result = run(call, detector, pace)
    assert [left for left in residuals(call, result.wav) if left.audible_ms] == []
    assert changed_outside_ms(call, result.wav) == 0


@pytest.mark.parametrize("name", ["card-payment", "interrupted"])
@pytest.mark.parametrize("rewrite", [without_words, without_times])
def test_without_word_times_nothing_is_heard_either(name, rewrite, detector):
    call = rewritten(CALLS[name], rewrite)
    result = run(call, detector)
    assert [left for left in residuals(call, result.wav) if left.audible_ms > MAX_UNTIMED_RESIDUAL_MS] == []


@pytest.mark.parametrize("name", CALLS)
def test_replaying_gives_the_same(name, detector):
    assert run(CALLS[name], detector) == once(name)


def says_only(text):
    """Segments that hold a digit of a value as words say something short instead, and no words."""

    def rewrite(segment):
        if re.search(r"four|three|seven|nine|eight", segment["text"]):
            segment["text"] = text
            segment["words"] = []
        return segment

    return rewrite


@pytest.mark.parametrize("text", ["okay", "...", "[inaudible]", ""])
def test_a_text_that_is_too_short_for_what_is_said_explains_none_of_it(text, detector):
    call = rewritten(CALLS["card-payment"], says_only(text))
    result = run(call, detector)
    said = [t for t in residuals(call, result.wav) if t.audible_ms > MAX_UNTIMED_RESIDUAL_MS]
    assert [left for left in said if "CARD" in left.entity_type] == []


def with_signs(call, sign):
    """The call as a recogniser that redacts by itself would have it: one sign for every value."""

    def rewrite(segment):
        values = [t for t in call.truth if t.segment_id == segment["segment_id"]]
        words = []
        for word in segment["words"]:
            middle = (word["start_ms"] + word["end_ms"]) // 2
            value = next((t for t in values if t.start_ms <= middle < t.end_ms), None)
            if value is None:
                words.append(word)
            elif not words or words[-1].get("value") is not value:
                words.append({"text": sign, "start_ms": value.start_ms, "end_ms": value.end_ms, "value": value})
        segment["words"] = [{k: v for k, v in word.items() if k != "value"} for word in words]
        segment["text"] = " ".join(word["text"] for word in words)
        return segment

    return rewritten(call, rewrite)


@pytest.mark.parametrize("name", ["card-payment", "identity-check"])
@pytest.mark.parametrize(
    "sign",
    ["[NAME]", "[REDACTED]", "<redacted>", "####", "*****", "[CREDIT_CARD_NUMBER_1]", "XXXX", "{{PII}}", "bleep"],
)
def test_a_recognisers_own_placeholder_silences_what_it_stands_for(name, sign, detector):
    call = with_signs(CALLS[name], sign)
    result = run(call, detector)
    assert [left for left in residuals(call, result.wav) if left.audible_ms > MAX_UNTIMED_RESIDUAL_MS] == []


@pytest.mark.parametrize(
    ("encoding", "gain"),
    [(Encoding.MULAW, 64), (Encoding.ALAW, 64), (Encoding.PCM16LE, 64), (Encoding.PCM16LE, 24), (Encoding.MULAW, 256)],
)
def test_a_soft_call_waits_for_its_transcript_too(encoding, gain, detector):
    call = CALLS["card-payment"]
    samples = pcm.decode(call.wav.data, call.wav.format).astype(np.float64)
    soft = np.rint(samples * gain / np.abs(samples).max()).astype(np.int16)
    fmt = AudioFormat(encoding, 8_000, call.wav.format.channels)
    call = msgspec.structs.replace(call, wav=WavFile(fmt, pcm.encode(soft, fmt)))
    after = pcm.decode(run(call, detector).wav.data, fmt).astype(np.int64)
    for value in call.truth:
        if value.entity_type in set(EntityType):
            kept = after[8 * value.start_ms : 8 * value.end_ms, value.channel]
            assert np.abs(kept).max() <= 8, "silenced, as soft as it is"

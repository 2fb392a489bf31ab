"""A call fed by method calls: what leaves it is what would leave the worker."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import decode
from deid_stream.datasets.wav import read_wav
from deid_stream.demo.stage import SAMPLES
from deid_stream.detect.detector import Detector
from deid_stream.errors import AudioFormatError, DecodeError
from deid_stream.live import Clean, CleanAudio, CleanText, Live, LiveCall
from deid_stream.live.call import pcm16
from deid_stream.model.outputs import AuditAction, AuditEntry, CallSummary
from deid_stream.policy import UNKNOWN
from deid_stream.policy.policy import CompiledPolicy
from tests.support.made_calls import SecretDetector

NAME = "card-payment"
FRAME_MS = 20


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@cache
def detector() -> Detector:
    return Detector.load()


@cache
def sample() -> tuple[NDArray[np.int16], int, list[dict[str, Any]], list[dict[str, Any]]]:
    wav = read_wav(SAMPLES / f"{NAME}.wav")
    named = json.loads((SAMPLES / f"{NAME}.call.json").read_text())
    truth = json.loads((SAMPLES / f"{NAME}.truth.json").read_text())
    return decode(wav.data, wav.format), wav.format.rate_hz, named["segments"], truth


def open_call(clock: Clock, *, policy: CompiledPolicy = UNKNOWN, **more: Any) -> LiveCall:
    live = Live(detector(), policy_of=lambda _customer: policy, now_ms=clock)
    return live.call("c-1", "acme", channels=2, rate_hz=sample()[1], **more)


def play(
    call: LiveCall, clock: Clock, change: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda segment: segment
) -> list[Clean]:
    """The sample in real time; segments come 600 ms after their end as ``change`` has them, or not at all."""
    samples, rate_hz, segments, _ = sample()
    size = rate_hz * FRAME_MS // 1000
    waiting = sorted(segments, key=lambda segment: segment["end_ms"])
    left: list[Clean] = []
    for at in range(0, len(samples), size):
        clock.now_ms += FRAME_MS
        for channel in (0, 1):
            call.audio(np.ascontiguousarray(samples[at : at + size, channel]), channel=channel)
        while waiting and waiting[0]["end_ms"] + 600 <= at * 1000 // rate_hz:
            segment = waiting.pop(0)
            if (given := change(segment)) is not None:
                call.segment(given, channel=segment["channel"])
        left += call.take()
    for segment in waiting:
        if (given := change(segment)) is not None:
            call.segment(given, channel=segment["channel"])
    call.end(now=True)
    return left + call.take()


def sound_of(left: list[Clean]) -> NDArray[np.int16]:
    """What left, (frames, channels), in the order in which it did; each chunk follows the one before it."""
    found: dict[int, list[NDArray[np.int16]]] = {0: [], 1: []}
    for clean in left:
        if isinstance(clean, CleanAudio):
            assert clean.offset_ms == round(sum(map(len, found[clean.channel])) * 1000 / clean.rate_hz)
            found[clean.channel].append(clean.samples)
    return np.stack([np.concatenate(found[0]), np.concatenate(found[1])], axis=1)


def heard_ms(sound: NDArray[np.int16], stretch: dict[str, Any]) -> int:
    rate_hz = sample()[1]
    part = sound[stretch["start_ms"] * rate_hz // 1000 : stretch["end_ms"] * rate_hz // 1000, stretch["channel"]]
    return int((np.abs(part.astype(int)) > 300).sum()) * 1000 // rate_hz


def plain(segment: dict[str, Any]) -> dict[str, Any]:
    return {name: segment[name] for name in ("text", "start_ms", "end_ms", "words")}


def textual(segment: dict[str, Any]) -> dict[str, Any]:
    """As a recogniser says it that knows no times."""
    return {"text": segment["text"]}


def test_values_are_silent_and_everything_else_is_as_it_was() -> None:
    clock = Clock()
    call = open_call(clock)
    left = play(call, clock, plain)
    before, _, _, truth = sample()
    after = sound_of(left)
    assert after.shape == before.shape
    assert [heard_ms(after, stretch) for stretch in truth] == [0] * len(truth)
    changed = after != before
    assert (after[changed] == 0).mean() > 0.9, "only the fades at a hole's edges are neither silent nor as they were"
    assert changed.mean() < 0.3
    assert call.closed
    (summary,) = [clean for clean in left if isinstance(clean, CallSummary)]
    assert summary.complete
    assert summary.segments == len(sample()[2])


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 44_100])
def test_where_chunks_begin_is_known_to_the_sample(rate_hz: int) -> None:
    call = Live(SecretDetector(), now_ms=Clock()).call("c-1", "acme", rate_hz=rate_hz)
    sizes = [333, 1, 7, 500, 333, 441]
    for size in sizes:
        call.audio(np.zeros(size, np.int16))
    call.audio(np.zeros(5, np.int16), first_sample=9_001)
    call.end(now=True)
    left = [clean for clean in call.take() if isinstance(clean, CleanAudio)]
    assert [clean.first_sample for clean in left] == [*np.cumsum([0, *sizes[:-1]]).tolist(), 9_001]
    assert [clean.offset_ms for clean in left] == [round(clean.first_sample * 1000 / rate_hz) for clean in left]


def test_text_is_redacted_and_comes_while_the_call_goes_on() -> None:
    clock = Clock()
    left = play(open_call(clock), clock, plain)
    texts = [clean.text for clean in left if isinstance(clean, CleanText)]
    assert len(texts) == len(sample()[2])
    said = " ".join(texts).lower()
    for secret in ("whitcombe", "daniel", "alice", "three nine", "six one two"):
        assert secret not in said
    assert "two hundred and forty pounds" in said
    first = next(at for at, clean in enumerate(left) if isinstance(clean, CleanText))
    assert first < len(left) // 4


@pytest.mark.parametrize(
    ("change", "at_most_ms"),
    [
        (textual, 120),
        (lambda segment: {**plain(segment), "start_ms": None, "end_ms": None, "words": []}, 120),
        # the recogniser has connected again after 15 s, and counts from there
        (
            lambda segment: (
                plain(segment)
                if segment["start_ms"] < 15_000
                else {
                    "text": segment["text"],
                    "start_ms": segment["start_ms"] - 15_000,
                    "end_ms": segment["end_ms"] - 15_000,
                    "words": [
                        {**word, "start_ms": word["start_ms"] - 15_000, "end_ms": word["end_ms"] - 15_000}
                        for word in segment["words"]
                    ],
                }
            ),
            120,
        ),
    ],
    ids=["text alone", "no times", "a clock that began later"],
)
def test_words_without_times_or_with_those_of_another_clock_are_found_in_the_sound(
    change: Callable[[dict[str, Any]], dict[str, Any]], at_most_ms: int
) -> None:
    pytest.importorskip("pocketsphinx")
    clock = Clock()
    left = play(open_call(clock), clock, change)
    after = sound_of(left)
    assert max(heard_ms(after, stretch) for stretch in sample()[3]) <= at_most_ms
    assert not any("whitcombe" in clean.text.lower() for clean in left if isinstance(clean, CleanText))


def test_without_a_transcript_nobody_is_heard() -> None:
    clock = Clock()
    left = play(open_call(clock), clock, lambda _segment: None)
    after = sound_of(left)
    assert max(heard_ms(after, stretch) for stretch in sample()[3]) == 0
    (summary,) = [clean for clean in left if isinstance(clean, CallSummary)]
    assert summary.incomplete_reason == "no_transcript"


@pytest.mark.parametrize(
    ("policy", "minor"),
    [(UNKNOWN, True), (msgspec.structs.replace(UNKNOWN, analytics=False), False)],
    ids=["a minor's", "no analytics"],
)
def test_where_nothing_may_leave_only_the_audit_does(policy: CompiledPolicy, minor: bool) -> None:
    clock = Clock()
    left = play(open_call(clock, policy=policy, minor=minor), clock, plain)
    assert not [clean for clean in left if isinstance(clean, CleanAudio | CleanText)]
    assert any(isinstance(clean, AuditEntry) and clean.action is AuditAction.CLOSED for clean in left)


def test_a_providers_message_is_read_as_it_is() -> None:
    clock = Clock()
    call = open_call(clock)
    message = {
        "type": "Results",
        "channel_index": [0, 1],
        "start": 0.0,
        "duration": 2.0,
        "is_final": True,
        "channel": {"alternatives": [{"transcript": "my name is Ravi Kumar", "words": []}]},
    }
    call.document("deepgram", message, channel=1)
    call.document("deepgram", json.dumps({**message, "start": 3.0}).encode(), channel=1)
    call.end(now=True)
    texts = [clean for clean in call.take() if isinstance(clean, CleanText)]
    assert [(clean.channel, "Ravi" in clean.text) for clean in texts] == [(1, False), (1, False)]


@pytest.mark.parametrize(
    ("feed", "error"),
    [
        (lambda call: call.audio(b"odd"), AudioFormatError),
        (lambda call: call.audio(np.zeros((4, 2), np.int16)), AudioFormatError),
        (lambda call: call.audio(np.zeros(4, np.int32)), AudioFormatError),
        (lambda call: call.audio(np.array([np.nan], np.float32)), AudioFormatError),
        (lambda call: call.audio(b"\0\0", first_sample=-1), AudioFormatError),
        (lambda call: call.segment({"text": 5}), DecodeError),
        (lambda call: call.document("deepgram", {"type": "unheard of"}), DecodeError),
        (lambda call: call.document("nobody", {}), DecodeError),
    ],
)
def test_what_cannot_be_read_is_refused_and_the_call_goes_on(
    feed: Callable[[LiveCall], None], error: type[Exception]
) -> None:
    call = open_call(Clock())
    with pytest.raises(error):
        feed(call)
    call.segment({"text": "hello there", "start_ms": 0, "end_ms": 900})
    call.end(now=True)
    assert [clean.text for clean in call.take() if isinstance(clean, CleanText)] == ["hello there"]


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        (b"\x01\x00\xff\xff", [1, -1]),
        (np.array([1, -1], np.int16), [1, -1]),
        (np.array([0.5, -1.0, 2.0], np.float32), [16384, -32768, 32767]),
        (np.array([], np.float32), []),
    ],
)
def test_sound_may_be_bytes_or_arrays(sound: Any, expected: list[int]) -> None:
    assert np.frombuffer(pcm16(sound), "<i2").tolist() == expected


def test_after_an_error_that_nobody_foresaw_nothing_leaves() -> None:
    class Broken(Clock):
        def __call__(self) -> int:
            if self.now_ms == 0:
                raise OSError("no clock")
            return self.now_ms

    clock = Broken()
    call = open_call(clock)
    call.segment({"text": "hello there", "start_ms": 0, "end_ms": 900})
    clock.now_ms = 0
    with pytest.raises(OSError, match="no clock"):
        call.take()
    clock.now_ms = 2_000_000
    call.end(now=True)
    assert call.take() == []


@pytest.mark.parametrize("channel", [2, 5, -1])
def test_sound_of_a_channel_that_the_call_does_not_have_is_refused(channel: int) -> None:
    call = open_call(Clock())
    assert call.channels == 2
    with pytest.raises(AudioFormatError, match=f"channel {channel} of a call with 2 channels; count") as caught:
        call.audio(b"\0\0", channel=channel)
    assert caught.value.at == "channel"
    call.audio(b"\0\0", channel=1)
    assert call.media_ms(channel) == 0

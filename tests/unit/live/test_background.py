"""A call beside an event loop: nothing waits, everything comes in order, nothing that fails reaches who feeds it."""

import asyncio
import time
from typing import Any

import msgspec
import numpy as np
import pytest

from deid_stream.live import BackgroundCall, Clean, CleanAudio, CleanText, Live
from deid_stream.live import background as module
from deid_stream.model.outputs import CallSummary
from tests.support.made_calls import SecretDetector

RATE_HZ = 8_000
FRAME = np.zeros(160, np.int16)


def opened(sink: "list[Clean] | None" = None) -> BackgroundCall:
    call = Live(SecretDetector()).call("c-1", "acme", rate_hz=RATE_HZ)
    return BackgroundCall(call, (sink if sink is not None else []).append)


async def test_everything_reaches_the_sink_in_order_by_the_end() -> None:
    left: list[Clean] = []
    async with opened(left) as call:
        for _ in range(100):
            call.audio(FRAME)
        call.segment({"text": "hello there", "start_ms": 0, "end_ms": 900})
    audio = [clean for clean in left if isinstance(clean, CleanAudio)]
    assert [clean.offset_ms for clean in audio] == list(range(0, 2_000, 20))
    assert [clean.text for clean in left if isinstance(clean, CleanText)] == ["hello there"]
    assert isinstance(left[-2], CallSummary)
    assert not call.failed
    assert call.refused == 0


async def test_what_may_leave_leaves_while_the_call_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACE_S", 0.01)
    came = asyncio.Event()

    async def sink(clean: Clean) -> None:
        if isinstance(clean, CleanAudio):
            came.set()

    live = Live(SecretDetector()).call("c-1", "acme", rate_hz=RATE_HZ)
    async with BackgroundCall(live, sink) as call:
        for _ in range(300):
            call.audio(FRAME)
        async with asyncio.timeout(10):
            await came.wait()


async def test_a_refused_frame_leaves_a_gap_and_the_call_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    left: list[Clean] = []
    call = opened(left)
    for _ in range(5):
        call.audio(FRAME)
    call.audio(b"odd")
    call.start()
    await asyncio.sleep(2 * module.PACE_S)
    call.audio(FRAME)
    call.segment({"text": 5})
    await call.close()
    assert [clean.offset_ms for clean in left if isinstance(clean, CleanAudio)] == [0, 20, 40, 100]
    assert call.refused == 4
    assert call.media_ms(0) == 120


async def test_a_sink_that_fails_ends_what_leaves_and_never_the_call(caplog: pytest.LogCaptureFixture) -> None:
    def sink(clean: Clean) -> None:
        raise OSError("the disk is full of Ravi Kumar")

    call = BackgroundCall(Live(SecretDetector()).call("c-1", "acme", rate_hz=RATE_HZ), sink)
    async with call:
        call.audio(FRAME)
    call.audio(FRAME)
    assert call.failed
    assert [record.deid_fields for record in caplog.records] == [{"call_id": "c-1", "error": "OSError"}]
    assert "Ravi" not in caplog.text


class Watched(SecretDetector):
    """Notes how many calls are in it at a time."""

    def __init__(self) -> None:
        self.inside = self.most = 0

    def turn(self, text: str, speaker: int | str, prev: str | None = None, *, language: str | None = None) -> Any:
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.02)
        self.inside -= 1
        return super().turn(text, speaker, prev, language=language)


async def test_calls_of_one_process_take_turns_at_what_they_share() -> None:
    detector = Watched()
    live = Live(detector)
    calls = [BackgroundCall(live.call(f"c-{number}", "acme", rate_hz=RATE_HZ), lambda _: None) for number in range(4)]
    for call in calls:
        call.start()
        for at_ms in range(0, 2_000, 500):
            call.audio(np.zeros(4_000, np.int16))
            call.segment({"text": "hello there", "start_ms": at_ms, "end_ms": at_ms + 400})
    await asyncio.gather(*(call.close() for call in calls))
    assert detector.most == 1


async def test_a_call_that_was_said_to_have_failed_lets_nothing_leave() -> None:
    left: list[Clean] = []
    async with opened(left) as call:
        call.audio(FRAME)
        call.fail(ValueError("a frame of no known shape"))
        call.audio(FRAME)
    assert (call.failed, call.refused, left) == (True, 1, [])


def test_its_reprs_hold_no_payload() -> None:
    text = CleanText(
        segment_id="s",
        channel=0,
        start_ms=0,
        end_ms=1,
        text="hello",
        words=(),
        entities=(),
        language="en",
        is_final=True,
    )
    audio = CleanAudio(channel=0, offset_ms=0, first_sample=0, rate_hz=8_000, data=b"hello!", redacted_ms=0)
    assert "hello" not in repr(text) + repr(audio)
    assert msgspec.structs.asdict(text)["text"] == "hello"

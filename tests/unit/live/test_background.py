"""A call beside an event loop: nothing waits, everything comes in order, nothing that fails reaches who feeds it."""

import asyncio

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
    assert [record.deid_fields for record in caplog.records] == [{"error": "OSError"}]
    assert "Ravi" not in caplog.text


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
    audio = CleanAudio(channel=0, offset_ms=0, rate_hz=8_000, data=b"hello!", redacted_ms=0)
    assert "hello" not in repr(text) + repr(audio)
    assert msgspec.structs.asdict(text)["text"] == "hello"

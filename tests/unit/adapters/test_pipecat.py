"""Pipecat's frames to a call; with the framework itself, where it is installed."""

import asyncio
import warnings

import pytest

pytest.importorskip("pipecat", reason="the extra pipecat is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pipecat.frames.frames import (
        BotStoppedSpeakingFrame,
        Frame,
        InputAudioRawFrame,
        InterimTranscriptionFrame,
        OutputAudioRawFrame,
        TextFrame,
        TranscriptionFrame,
        TTSTextFrame,
    )
    from pipecat.tests.utils import run_test
    from pipecat.transcriptions.language import Language

    from deid_stream.adapters.pipecat import PipecatCall

from deid_stream.live import BackgroundCall, Clean, CleanAudio, CleanText, Live
from tests.support.made_calls import SecretDetector

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
RATE_HZ = 16_000
SECOND = b"\0\0" * RATE_HZ


async def seen(frames: list[Frame], provider: str = "") -> list[Clean]:
    left: list[Clean] = []
    live = Live(SecretDetector()).call("c-1", "acme", channels=2, rate_hz=RATE_HZ)
    async with BackgroundCall(live, left.append) as call:
        deid = PipecatCall(call, provider=provider)
        for frame in frames:
            await deid.see(frame)
    assert not call.failed
    assert call.refused == 0
    return left


def texts(left: list[Clean]) -> list[tuple[int, str]]:
    return [(clean.channel, clean.text) for clean in left if isinstance(clean, CleanText)]


async def test_both_sides_are_one_call() -> None:
    heard, voice = InputAudioRawFrame(SECOND, RATE_HZ, 1), OutputAudioRawFrame(SECOND, RATE_HZ, 1)
    left = await seen(
        [
            heard,
            TranscriptionFrame("hello there", "caller", "", Language.EN),
            voice,
            TTSTextFrame("good", "word"),
            TTSTextFrame("morning", "word"),
            BotStoppedSpeakingFrame(),
        ]
    )
    assert sorted(texts(left)) == [(0, "hello there"), (1, "good morning")]
    audio = {clean.channel: clean for clean in left if isinstance(clean, CleanAudio)}
    assert audio[0].offset_ms == 0
    assert audio[1].offset_ms == 1_000
    assert audio[1].data == SECOND


async def test_a_frame_that_passes_both_taps_counts_once() -> None:
    frame, said = InputAudioRawFrame(SECOND, RATE_HZ, 1), TranscriptionFrame("hello there", "caller", "")
    left = await seen([frame, frame, said, said])
    assert sum(len(clean.samples) for clean in left if isinstance(clean, CleanAudio)) == RATE_HZ
    assert texts(left) == [(0, "hello there")]


async def test_what_is_no_speech_of_theirs_is_passed_over() -> None:
    assert texts(await seen([TextFrame("a prompt"), InterimTranscriptionFrame("hel", "caller", "")])) == []


@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 2), (24_000, 1), (48_000, 2)])
async def test_sound_of_another_shape_becomes_the_calls(rate_hz: int, channels: int) -> None:
    frames = [InputAudioRawFrame(b"\0\0" * (rate_hz // 50 * channels), rate_hz, channels) for _ in range(50)]
    left = await seen([*frames])
    samples = sum(len(clean.samples) for clean in left if isinstance(clean, CleanAudio))
    assert samples == pytest.approx(RATE_HZ, rel=0.1), "a resampler keeps some in hand"


async def test_a_recognisers_message_is_read_with_its_times() -> None:
    words = [{"word": "hello", "start": 0.1, "end": 0.4, "confidence": 0.9}]
    message = {"type": "Results", "start": 0.0, "duration": 1.0, "is_final": True, "channel_index": [0, 1]}
    result = message | {"channel": {"alternatives": [{"transcript": "hello", "words": words}]}}
    frames = [InputAudioRawFrame(SECOND, RATE_HZ, 1), TranscriptionFrame("hello", "caller", "", result=result)]
    (found,) = [clean for clean in await seen(frames, "deepgram") if isinstance(clean, CleanText)]
    assert (found.start_ms, found.end_ms) == (0, 1_000)
    assert found.words[0].start_ms == 100


async def test_a_tap_passes_every_frame_on() -> None:
    frames = [InputAudioRawFrame(SECOND, RATE_HZ, 1), TextFrame("a prompt"), OutputAudioRawFrame(SECOND, RATE_HZ, 1)]
    left: list[Clean] = []
    live = Live(SecretDetector()).call("c-1", "acme", channels=2, rate_hz=RATE_HZ)
    async with BackgroundCall(live, left.append) as call:
        async with asyncio.timeout(20):
            down, _ = await run_test(PipecatCall(call).tap(), frames_to_send=frames)
    assert {id(frame) for frame in frames} <= {id(frame) for frame in down}
    assert {clean.channel for clean in left if isinstance(clean, CleanAudio)} == {0, 1}

"""Pipecat's frames to a call; with the framework itself, where it is installed."""

import asyncio
import warnings

import numpy as np
import pytest

pytest.importorskip("pipecat", reason="the extra pipecat is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pipecat.frames.frames import (
        BotStoppedSpeakingFrame,
        EndFrame,
        Frame,
        InputAudioRawFrame,
        InterimTranscriptionFrame,
        InterruptionFrame,
        OutputAudioRawFrame,
        TextFrame,
        TranscriptionFrame,
        TTSStartedFrame,
        TTSStoppedFrame,
        TTSTextFrame,
    )
    from pipecat.tests.utils import run_test
    from pipecat.transcriptions.language import Language

    from deid_stream.adapters.pipecat import PipecatCall

from deid_stream.errors import UnknownProviderError
from deid_stream.live import BackgroundCall, Clean, CleanAudio, CleanText, Live
from deid_stream.model.outputs import CallSummary
from tests.support.made_calls import SecretDetector

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
RATE_HZ = 16_000
SECOND = b"\0\0" * RATE_HZ


async def seen(frames: list[Frame], provider: str = "") -> list[Clean]:
    left: list[Clean] = []
    live = Live(SecretDetector()).call("c-1", "acme", channels=2, rate_hz=RATE_HZ)
    async with BackgroundCall(live, left.append) as call:
        deid = PipecatCall(call, provider=provider)
        for frame in [*frames, EndFrame()]:
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
    audio = {(clean.channel, clean.offset_ms): clean for clean in left if isinstance(clean, CleanAudio)}
    assert audio[0, 0].data == audio[1, 1_000].data == SECOND
    assert sorted(audio) == [(0, 0), (1, 0), (1, 800), (1, 1_000)], "silent until it speaks"
    (summary,) = [clean for clean in left if isinstance(clean, CallSummary)]
    assert summary.complete


@pytest.mark.parametrize(
    ("language", "told"), [(Language.EN, "en"), (Language.DE_AT, "de-AT"), ("fr", "fr"), (None, "en"), ("", "en")]
)
async def test_a_recogniser_may_name_its_language_either_way(language: Language | str | None, told: str) -> None:
    said = TranscriptionFrame("hello there", "caller", "", language)
    (found,) = [clean for clean in await seen([said]) if isinstance(clean, CleanText)]
    assert found.language == told


async def test_a_frame_that_passes_both_taps_counts_once() -> None:
    frame, said = InputAudioRawFrame(SECOND, RATE_HZ, 1), TranscriptionFrame("hello there", "caller", "")
    left = await seen([frame, frame, said, said])
    assert sum(len(clean.samples) for clean in left if isinstance(clean, CleanAudio) and clean.channel == 0) == RATE_HZ
    assert texts(left) == [(0, "hello there")]


async def test_what_is_no_speech_of_theirs_is_passed_over() -> None:
    assert texts(await seen([TextFrame("a prompt"), InterimTranscriptionFrame("hel", "caller", "")])) == []


@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 2), (24_000, 1), (48_000, 2)])
async def test_sound_of_another_shape_becomes_the_calls(rate_hz: int, channels: int) -> None:
    frames = [InputAudioRawFrame(b"\0\0" * (rate_hz // 50 * channels), rate_hz, channels) for _ in range(50)]
    left = await seen([*frames])
    samples = sum(len(clean.samples) for clean in left if isinstance(clean, CleanAudio) and clean.channel == 0)
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


async def test_what_the_agent_was_cut_off_in_has_no_text_and_is_silenced() -> None:
    tone = (np.sin(np.arange(RATE_HZ) / 8) * 8_000).astype("<i2").tobytes()
    heard, cut_off, reply = (kind(tone, RATE_HZ, 1) for kind in (InputAudioRawFrame, *[OutputAudioRawFrame] * 2))
    interruption, text = InterruptionFrame(), TTSTextFrame("good morning", "sentence")
    left = await seen([heard, cut_off, interruption, interruption, reply, text, BotStoppedSpeakingFrame()])
    (told,) = [clean for clean in left if isinstance(clean, CleanText) and clean.channel == 1]
    assert (told.text, told.start_ms, told.end_ms) == ("good morning", 2_000, 3_000)
    (silenced,) = [c for c in left if isinstance(c, CleanAudio) and (c.channel, c.offset_ms) == (1, 1_000)]
    assert silenced.data != tone


async def test_text_that_comes_after_the_next_reply_began_is_not_laid_over_that() -> None:
    tone = (np.sin(np.arange(RATE_HZ) / 8) * 8_000).astype("<i2").tobytes()
    heard, first, second = (kind(tone, RATE_HZ, 1) for kind in (InputAudioRawFrame, *[OutputAudioRawFrame] * 2))
    texts = [
        TTSTextFrame(text, "word", context_id=reply) for text, reply in (("good", "a"), ("day", "a"), ("bye", "b"))
    ]
    started, stopped = (lambda reply, kind=kind: kind(context_id=reply) for kind in (TTSStartedFrame, TTSStoppedFrame))
    frames = [heard, started("a"), first, texts[0], stopped("a"), BotStoppedSpeakingFrame()]
    frames += [started("b"), second, texts[1], texts[2], stopped("b"), BotStoppedSpeakingFrame()]
    left = await seen(frames)
    told = [(c.text, c.start_ms, c.end_ms) for c in left if isinstance(c, CleanText) and c.channel == 1]
    assert sorted(told) == [("bye", 2_000, 3_000), ("good day", 1_000, 2_000)]


async def test_sound_that_changes_its_rate_or_ends_within_a_sample_goes_on() -> None:
    shapes = [(24_000, 1, 0), (48_000, 1, 0), (24_000, 1, 1), (16_000, 2, 2), (16_000, 1, 1), (48_000, 2, 3)]
    frames = [
        OutputAudioRawFrame(b"\0\0" * (rate_hz // 50 * channels) + b"\0" * more, rate_hz, channels)
        for rate_hz, channels, more in shapes
        for _ in range(20)
    ]
    left = await seen([InputAudioRawFrame(SECOND, RATE_HZ, 1), *frames])
    spoken = [c for c in left if isinstance(c, CleanAudio) and c.channel == 1 and c.offset_ms >= 1_000]
    assert sum(len(clean.samples) for clean in spoken) == pytest.approx(RATE_HZ * 0.4 * len(shapes), rel=0.1)


async def test_a_frame_that_cannot_be_read_ends_what_leaves_and_not_the_conversation() -> None:
    broken = OutputAudioRawFrame(SECOND, RATE_HZ, 1)
    broken.num_channels = 0
    frames = [broken, OutputAudioRawFrame(SECOND, RATE_HZ, 1)]
    live = Live(SecretDetector()).call("c-1", "acme", channels=2, rate_hz=RATE_HZ)
    left: list[Clean] = []
    async with BackgroundCall(live, left.append) as call:
        async with asyncio.timeout(20):
            down, _ = await run_test(PipecatCall(call).tap(), frames_to_send=frames)
    assert {id(frame) for frame in frames} <= {id(frame) for frame in down}
    assert (call.failed, left) == (True, [])


async def test_a_provider_that_is_not_known_is_told_at_once() -> None:
    live = Live(SecretDetector()).call("c-1", "acme", channels=2, rate_hz=RATE_HZ)
    with pytest.raises(UnknownProviderError, match="did you mean deepgram"):
        PipecatCall(BackgroundCall(live, print), provider="deepgramm")

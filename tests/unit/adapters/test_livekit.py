"""LiveKit's frames and events to a call; with the framework itself, where it is installed."""

import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("livekit.agents", reason="the extra livekit is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from livekit import rtc
    from livekit.agents import Agent, ModelSettings, stt
    from livekit.agents.types import TimedString

    from deid_stream.adapters.livekit import Deidentified, LiveKitCall

from deid_stream.live import BackgroundCall, Clean, CleanAudio, CleanText, Live
from tests.support.made_calls import SecretDetector

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
RATE_HZ = 16_000
FINAL, INTERIM = stt.SpeechEventType.FINAL_TRANSCRIPT, stt.SpeechEventType.INTERIM_TRANSCRIPT


def frame(rate_hz: int = RATE_HZ, channels: int = 1) -> rtc.AudioFrame:
    """A second of silence."""
    return rtc.AudioFrame(b"\0\0" * (rate_hz * channels), rate_hz, channels, rate_hz)


def timed(offset_s: float | None) -> list[TimedString]:
    """ "hello there", said at 0.1 to 0.9 s of a stream that began at ``offset_s`` of the session."""
    if offset_s is None:
        return [TimedString("hello"), TimedString("there")]
    return [
        TimedString("hello ", offset_s + 0.1, offset_s + 0.4, 0.9, offset_s),
        TimedString("there", offset_s + 0.5, offset_s + 0.9, 0.9, offset_s),
    ]


class Fake(Agent):
    """Its recogniser answers the first frame with ``events``, its voice each text with a second of sound."""

    def __init__(self, events: list[Any], *, fails: bool = False) -> None:
        super().__init__(instructions="")
        self.events = events
        self.fails = fails

    async def stt_node(self, audio: Any, model_settings: Any) -> AsyncIterator[Any]:
        async for _ in audio:
            for event in self.events:
                yield event

    async def tts_node(self, text: Any, model_settings: Any) -> AsyncIterator[rtc.AudioFrame]:
        async for _ in text:
            if self.fails:
                raise ConnectionError
            yield frame()


class Support(Deidentified, Fake):
    pass


async def items(*them: Any) -> AsyncIterator[Any]:
    for item in them:
        yield item


async def held(events: list[Any], heard: list[rtc.AudioFrame], said: list[str]) -> tuple[list[Clean], list[Any]]:
    left: list[Clean] = []
    live = Live(SecretDetector()).call("c-1", "acme", channels=2, rate_hz=RATE_HZ)
    async with BackgroundCall(live, left.append) as call:
        agent = Support(events)
        agent.deid = LiveKitCall(call)
        passed = [event async for event in agent.stt_node(items(*heard), ModelSettings())]
        if said:
            passed += [sound async for sound in agent.tts_node(items(*said), ModelSettings())]
    assert not call.failed
    assert call.refused == 0
    return left, passed


async def test_both_sides_are_one_call_and_nothing_is_changed() -> None:
    event = stt.SpeechEvent(FINAL, alternatives=[stt.SpeechData("en", "hello there", words=timed(7.5))])
    left, passed = await held([event], [frame()], ["good ", "morning"])
    assert passed[0] is event
    assert len(passed) == 3
    texts = {clean.channel: clean for clean in left if isinstance(clean, CleanText)}
    assert {channel: clean.text for channel, clean in texts.items()} == {0: "hello there", 1: "good morning"}
    assert [(word.text, word.start_ms, word.end_ms) for word in texts[0].words] == [
        ("hello", 100, 400),
        ("there", 500, 900),
    ]
    assert (texts[1].start_ms, texts[1].end_ms) == (1_000, 3_000)
    sound = sorted((c.channel, c.offset_ms) for c in left if isinstance(c, CleanAudio))
    assert sound == [(0, 0), (1, 0), (1, 800), (1, 1_000), (1, 2_000)], "silent until it speaks"


async def test_each_reply_has_its_own_text_also_where_one_has_no_sound_or_is_left() -> None:
    left: list[Clean] = []
    live = Live(SecretDetector()).call("c-1", "acme", channels=2, rate_hz=RATE_HZ)
    async with BackgroundCall(live, left.append) as call:
        agent = Support([])
        agent.deid = LiveKitCall(call)
        failing = Support([], fails=True)
        failing.deid = agent.deid
        with pytest.raises(ConnectionError):
            async for _ in failing.tts_node(items("never said"), ModelSettings()):
                pass
        first = agent.tts_node(items("good ", "morning"), ModelSettings())
        await anext(first)
        second = agent.tts_node(items("how ", "are ", "you"), ModelSettings())
        await anext(second)
        await first.aclose()
        assert [sound async for sound in second]
    texts = [(clean.text, clean.start_ms, clean.end_ms) for clean in left if isinstance(clean, CleanText)]
    assert texts == [("good", 0, 1_000), ("how are you", 1_000, 4_000)]


@pytest.mark.parametrize("words", [timed(None), None], ids=["words without times", "no words"])
async def test_words_without_times_are_taken_as_text(words: list[TimedString] | None) -> None:
    event = stt.SpeechEvent(FINAL, alternatives=[stt.SpeechData("en", "hello there", words=words)])
    left, _ = await held([event], [frame()], [])
    (found,) = [clean for clean in left if isinstance(clean, CleanText)]
    assert found.text == "hello there"
    assert all(word.start_ms is None for word in found.words)


async def test_only_final_transcripts_count() -> None:
    events = [
        stt.SpeechEvent(INTERIM, alternatives=[stt.SpeechData("en", "hel")]),
        stt.SpeechEvent(FINAL),
        stt.SpeechEvent(stt.SpeechEventType.END_OF_SPEECH),
        "hello there",
    ]
    left, passed = await held(events, [frame()], [])
    assert passed == events
    assert [clean.text for clean in left if isinstance(clean, CleanText)] == ["hello there"]


@pytest.mark.parametrize(("rate_hz", "channels"), [(24_000, 1), (48_000, 2)])
async def test_sound_of_another_shape_becomes_the_calls(rate_hz: int, channels: int) -> None:
    left, _ = await held([], [frame(rate_hz, channels)], [])
    samples = sum(len(clean.samples) for clean in left if isinstance(clean, CleanAudio) and clean.channel == 0)
    assert samples == pytest.approx(RATE_HZ, rel=0.1), "a resampler keeps some in hand"


async def test_an_agent_without_a_call_is_as_it_was() -> None:
    agent = Support(["hello there"])
    assert [event async for event in agent.stt_node(items(frame()), ModelSettings())] == ["hello there"]


async def test_what_cannot_be_read_ends_what_leaves_and_not_the_conversation() -> None:
    async def of(*items: Any) -> AsyncIterator[Any]:
        for item in items:
            yield item

    left: list[Clean] = []
    live = Live(SecretDetector()).call("c-1", "acme", channels=2, rate_hz=RATE_HZ)
    async with BackgroundCall(live, left.append) as call:
        odd = object()
        passed = [item async for item in LiveKitCall(call).heard(of(odd, frame()))]
        assert passed[0] is odd
        assert len(passed) == 2
    assert (call.failed, left) == (True, [])

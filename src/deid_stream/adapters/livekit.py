"""LiveKit agents (extra ``livekit``): what the caller and the agent say, de-identified in the agent's own process.

    class Support(Deidentified, Agent):
        ...

    async with BackgroundCall(live.call(call_id, customer_id, channels=2), sink) as call:
        agent = Support(instructions=...)
        agent.deid = LiveKitCall(call)
        await session.start(agent, room=ctx.room)
        ...

The caller's frames and the recogniser's events are taken where they pass the agent's ``stt_node``, the agent's text and
sound where they pass its ``tts_node``. Nothing is changed. When the agent is interrupted, the whole text of its reply
is used for the sound that was made.
"""

import contextlib
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable
from typing import TypeVar

from deid_stream.adapters.speakers import CALLER, Said, Side, apart, mono
from deid_stream.errors import ConfigError, install
from deid_stream.live import BackgroundCall
from deid_stream.units import Ms

try:
    from livekit import rtc
    from livekit.agents import ModelSettings, stt
    from livekit.agents.types import TimedString
except ImportError:
    raise ConfigError(f"the LiveKit adapter needs livekit-agents; {install('livekit')}") from None

T = TypeVar("T")


class LiveKitCall:
    """One call, for all agents that take part in it one after the other: set it as ``deid`` on each of them."""

    def __init__(self, call: BackgroundCall) -> None:
        """Raises ConfigError where the call has no channel for the agent."""
        self.call = call
        self._side = Side(call)
        self._resamplers: dict[tuple[bool, int], rtc.AudioResampler] = {}

    async def heard(self, audio: AsyncIterable[rtc.AudioFrame]) -> AsyncGenerator[rtc.AudioFrame, None]:
        """Yields the caller's frames unchanged, and feeds them to the call."""
        async for frame in audio:
            with apart(self.call):
                for data in self._mono(frame, agent=False):
                    self._side.hear(data)
            yield frame

    async def read(self, events: AsyncIterable[T]) -> AsyncGenerator[T, None]:
        """Yields a recogniser's events unchanged, and feeds its final transcripts to the call."""
        clock = _Clock(self.call.media_ms(CALLER))
        async with contextlib.aclosing(_whole(events)) as whole:
            async for event in whole:
                with apart(self.call):
                    self._read(event, clock)
                yield event

    def _read(self, event: object, clock: "_Clock") -> None:
        if isinstance(event, stt.SpeechEvent):
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT and event.alternatives:
                self.call.segment(clock.segment(event.alternatives[0]), channel=CALLER)
        elif isinstance(event, str) and event.strip():
            self.call.segment({"text": str(event)}, channel=CALLER)

    def reply(self) -> "_Reply":
        """The agent's next reply: it takes that reply's text and sound."""
        return _Reply(self)

    def voice(self, frame: rtc.AudioFrame, said: Said) -> None:
        """Feed a frame of the agent's sound to the call, as the next sound of ``said``."""
        for data in self._mono(frame, agent=True):
            start_ms = self._side.speak(data, goes_on=said.start_ms is not None)
            said.start_ms = start_ms if said.start_ms is None else said.start_ms
            said.end_ms = self._side.until_ms

    def _mono(self, frame: rtc.AudioFrame, *, agent: bool) -> list[bytes]:
        data = mono(bytes(frame.data), frame.num_channels)
        if frame.sample_rate == self.call.rate_hz:
            return [data]
        key = (agent, frame.sample_rate)
        if key not in self._resamplers:
            self._resamplers[key] = rtc.AudioResampler(frame.sample_rate, self.call.rate_hz)
        return [bytes(made.data) for made in self._resamplers[key].push(bytearray(data))]


class _Reply:
    """One reply of the agent. Either its text or its sound may be missing."""

    def __init__(self, deid: LiveKitCall) -> None:
        self._deid = deid
        self._said = Said()

    async def said(self, text: AsyncIterable[str]) -> AsyncGenerator[str, None]:
        """Yields the text of the reply unchanged, and keeps it."""
        async for part in text:
            with apart(self._deid.call):
                self._said.add(str(part), joined=True)
            yield part

    async def spoken(self, audio: AsyncIterable[rtc.AudioFrame]) -> AsyncGenerator[rtc.AudioFrame, None]:
        """Yields the frames of the reply unchanged, and feeds them to the call. When they end, the call gets the text
        that was kept, with their times."""
        try:
            async with contextlib.aclosing(_whole(audio)) as frames:
                async for frame in frames:
                    with apart(self._deid.call):
                        self._deid.voice(frame, self._said)
                    yield frame
        finally:
            with apart(self._deid.call):
                self._said.hand_over(self._deid.call)


class _Clock:
    """Times of one recogniser's stream, which count from the session's start, to media time."""

    def __init__(self, began_ms: Ms) -> None:
        self._began_ms = began_ms
        self._offset_s: float | None = None

    def segment(self, said: stt.SpeechData) -> dict[str, object]:
        """In the contract's form; without times where the recogniser does not say what its times count from."""
        words = [self._word(word) for word in said.words or ()]
        return {"text": said.text, "language": str(said.language) or "en", "words": [word for word in words if word]}

    def _word(self, word: TimedString) -> dict[str, object]:
        if not all(isinstance(time_s, float | int) for time_s in (word.start_time, word.end_time)):
            return {"text": str(word).strip()}
        if not isinstance(word.start_time_offset, float | int):
            return {"text": str(word).strip()}
        if self._offset_s is None:
            # a stream that connects again goes on from its first beginning
            self._offset_s = word.start_time_offset
        shift_ms = self._began_ms - self._offset_s * 1000
        found: dict[str, object] = {
            "text": str(word).strip(),
            "start_ms": max(0.0, word.start_time * 1000 + shift_ms),
            "end_ms": max(0.0, word.end_time * 1000 + shift_ms),
        }
        if isinstance(word.confidence, float | int):
            found["confidence"] = float(word.confidence)
        return found


class Deidentified:
    """Put it before ``Agent`` among an agent's bases; ``deid`` is the call that the agent takes part in, None: none."""

    deid: LiveKitCall | None = None

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterator[stt.SpeechEvent | str]:
        """As the agent's own; its audio and its events are fed to the call as well."""
        call = self.deid
        node = await _node(super().stt_node(audio if call is None else call.heard(audio), model_settings))  # type: ignore[misc]
        async with contextlib.aclosing(_whole(node if call is None else call.read(node))) as events:
            async for event in events:
                yield event

    async def tts_node(self, text: AsyncIterable[str], model_settings: ModelSettings) -> AsyncIterator[rtc.AudioFrame]:
        """As the agent's own; its text and its frames are fed to the call as well."""
        reply = None if self.deid is None else self.deid.reply()
        node = await _node(super().tts_node(text if reply is None else reply.said(text), model_settings))  # type: ignore[misc]
        async with contextlib.aclosing(_whole(node if reply is None else reply.spoken(node))) as frames:
            async for frame in frames:
                yield frame


async def _node(made: AsyncIterable[T] | Awaitable[AsyncIterable[T] | None]) -> AsyncIterable[T]:
    """What a node gives, or what the coroutine of one does; nothing where that is None."""
    node = await made if inspect.isawaitable(made) else made
    return _nothing() if node is None else node


async def _nothing() -> AsyncGenerator[T, None]:
    return
    yield


async def _whole(items: AsyncIterable[T]) -> AsyncGenerator[T, None]:
    """Yields ``items``, and closes them where this generator is closed early."""
    try:
        async for item in items:
            yield item
    finally:
        if isinstance(items, AsyncGenerator):
            with contextlib.suppress(RuntimeError):
                await items.aclose()

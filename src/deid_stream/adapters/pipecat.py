"""Pipecat agents (extra ``pipecat``): what the caller and the agent say, de-identified in the agent's own process.

    live = Live()
    async with BackgroundCall(live.call(call_id, customer_id, channels=2), sink) as call:
        deid = PipecatCall(call)
        pipeline = Pipeline([transport.input(), stt, deid.tap(), context.user(), llm, tts,
                             transport.output(), deid.tap(), context.assistant()])
        ...

The taps change nothing and pass every frame on. The first stands after the recogniser, where the caller's sound and
transcripts pass; the second after the transport's output, where the agent's sound passes as it is played. None may
stand between the synthesiser and the transport: sound passes there that is never played.
"""

from collections import OrderedDict
from typing import Final, Protocol

from deid_stream.adapters.speakers import CALLER, Agent, apart, mono
from deid_stream.errors import ConfigError, install
from deid_stream.live import BackgroundCall
from deid_stream.wire.providers import named

try:
    from pipecat.audio.resamplers.base_audio_resampler import BaseAudioResampler
    from pipecat.audio.utils import create_stream_resampler
    from pipecat.frames.frames import (
        BotStartedSpeakingFrame,
        BotStoppedSpeakingFrame,
        CancelFrame,
        EndFrame,
        Frame,
        InputAudioRawFrame,
        InterruptionFrame,
        OutputAudioRawFrame,
        TranscriptionFrame,
        TTSStartedFrame,
        TTSStoppedFrame,
        TTSTextFrame,
    )
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
except ImportError:
    raise ConfigError(f"the Pipecat adapter needs pipecat-ai; {install('pipecat')}") from None

_REMEMBERED: Final = 4_096
"""Frames that have been seen, so that a frame that passes both taps counts once."""


class _Audio(Protocol):
    audio: bytes
    sample_rate: int
    num_channels: int


class PipecatCall:
    """One call of an agent with one caller. ``provider``: the recogniser's messages (``TranscriptionFrame.result``) are
    read as that provider's, with their word times; without it the words are looked for in the sound."""

    def __init__(self, call: BackgroundCall, *, provider: str = "") -> None:
        """Raises UnknownProviderError for a provider that cannot be read, ConfigError where the call has no channel for
        the agent."""
        if provider:
            named(provider)
        self._call = call
        self._provider = provider
        self._agent = Agent(call)
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._resamplers: dict[tuple[bool, int], BaseAudioResampler] = {}

    def tap(self) -> "Tap":
        """A processor for the pipeline."""
        return Tap(self)

    async def see(self, frame: Frame) -> None:
        """Feed the sound or text of a frame to the call. Does not raise: an error fails the call, and the frame still
        goes on to the conversation."""
        with apart(self._call):
            await self._see(frame)

    async def _see(self, frame: Frame) -> None:
        if self._call.failed:
            return
        if isinstance(frame, InterruptionFrame):
            # counts at both taps: between them, sound from before the interruption may still be played
            self._agent.interrupt()
            return
        if frame.id in self._seen:
            return
        self._seen[frame.id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        if isinstance(frame, InputAudioRawFrame):
            self._agent.hear(await self._mono(frame, agent=False))
        elif isinstance(frame, OutputAudioRawFrame):
            self._agent.speak(await self._mono(frame, agent=True))
        elif isinstance(frame, TTSTextFrame):
            self._agent.say(frame.text, joined=frame.includes_inter_frame_spaces, reply=_reply_of(frame))
        elif isinstance(frame, TTSStartedFrame):
            self._agent.begin(_reply_of(frame))
        elif isinstance(frame, TTSStoppedFrame):
            self._agent.begin(None)
        elif isinstance(frame, BotStartedSpeakingFrame):
            self._agent.start()
        elif isinstance(frame, BotStoppedSpeakingFrame):
            self._agent.stop()
        elif isinstance(frame, EndFrame | CancelFrame):
            self._agent.finish()
        elif isinstance(frame, TranscriptionFrame):
            self._read(frame)

    def _read(self, frame: TranscriptionFrame) -> None:
        message = _plain(frame.result) if self._provider else None
        if message is not None:
            self._call.document(self._provider, message, channel=CALLER)
            return
        language = str(frame.language or "en")
        self._call.segment({"text": frame.text, "language": language}, channel=CALLER)

    async def _mono(self, frame: _Audio, *, agent: bool) -> bytes:
        data = mono(frame.audio, frame.num_channels)
        if frame.sample_rate == self._call.rate_hz:
            return data
        key = (agent, frame.sample_rate)
        if key not in self._resamplers:
            self._resamplers[key] = create_stream_resampler()
        return bytes(await self._resamplers[key].resample(data, frame.sample_rate, self._call.rate_hz))


class Tap(FrameProcessor):  # type: ignore[misc]  # the framework is not imported by the type checker
    """Passes every frame on, and shows it to its call."""

    def __init__(self, call: PipecatCall) -> None:
        super().__init__()
        self._deid = call

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self._deid.see(frame)
        await self.push_frame(frame, direction)


def _reply_of(frame: Frame) -> str | None:
    """The synthesiser's id of a reply (``context_id``); None in versions of Pipecat that have none."""
    found: str | None = getattr(frame, "context_id", None)
    return found


def _plain(result: object) -> object:
    """A recogniser's message as JSON values; None where it cannot be had."""
    if isinstance(result, str | bytes | dict | list):
        return result
    for name in ("model_dump", "to_dict", "dict"):
        method = getattr(result, name, None)
        if callable(method):
            found: object = method()
            return found
    return None

"""A LiveKit agent whose call is de-identified in its own process.

    pip install '.[livekit,align]'
    python examples/livekit_agent.py RECORDING.wav RECORDING.call.json OUT.wav

A recorded call plays the caller, the recogniser and the voice, so that it runs without any account. An agent of yours
has ``Deidentified`` before ``Agent`` among its bases, ``agent.deid`` set, and ``session.start(agent, room=...)``.
"""

import asyncio
import sys
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

from livekit import rtc
from livekit.agents import Agent, ModelSettings, stt
from livekit.agents.types import TimedString
from recorded import FRAME_MS, Record, Recorded, recorded

from deid_stream.adapters.livekit import Deidentified, LiveKitCall
from deid_stream.live import BackgroundCall, Live


class Recording(Agent):
    """An agent whose recogniser and voice come from a recorded call. Yours has real ones and none of this."""

    def __init__(self, call: Recorded) -> None:
        super().__init__(instructions="")
        self.source = call

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterator[stt.SpeechEvent | str]:
        steps = iter(self.source.steps)
        async for _frame in audio:
            for segment in next(steps).heard:
                yield stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[heard(segment)])

    async def tts_node(self, text: AsyncIterable[str], model_settings: ModelSettings) -> AsyncIterator[rtc.AudioFrame]:
        async for said in text:
            segment = next(s for step in self.source.steps for s in step.said if s["text"] == said)
            steps = self.source.steps[segment["start_ms"] // FRAME_MS : segment["end_ms"] // FRAME_MS + 1]
            sound = b"".join(step.agent for step in steps)
            yield rtc.AudioFrame(sound, self.source.rate_hz, 1, len(sound) // 2)


class Support(Deidentified, Recording):
    """What an agent of yours looks like: ``class Support(Deidentified, Agent)``."""


def heard(segment: dict[str, Any]) -> stt.SpeechData:
    """A segment as LiveKit's recognisers give it."""
    words = [
        TimedString(word["text"], word["start_ms"] / 1000, word["end_ms"] / 1000, start_time_offset=0.0)
        for word in segment["words"]
    ]
    return stt.SpeechData("en", segment["text"], words=words)


async def microphone(agent: Support) -> AsyncIterator[rtc.AudioFrame]:
    """The caller's sound; where the recording's agent begins to speak, so does this one."""
    said = [segment for step in agent.source.steps for segment in step.said]
    for number, step in enumerate(agent.source.steps):
        yield rtc.AudioFrame(step.caller, agent.source.rate_hz, 1, len(step.caller) // 2)
        while said and said[0]["start_ms"] <= (number + 1) * FRAME_MS:
            async for _played in agent.tts_node(once(said.pop(0)["text"]), ModelSettings()):
                pass


async def once(text: str) -> AsyncIterator[str]:
    """One reply of a language model."""
    yield text


async def main(sound: str, transcript: str, out: str) -> None:
    """The call once through."""
    source, record = recorded(sound, transcript), Record()
    live = Live()
    async with BackgroundCall(live.call("example-1", "acme", channels=2, rate_hz=source.rate_hz), record) as call:
        agent = Support(source)
        agent.deid = LiveKitCall(call)
        async for _event in agent.stt_node(microphone(agent), ModelSettings()):
            pass
    record.write(out)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))

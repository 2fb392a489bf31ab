"""A Pipecat agent whose call is de-identified in its own process.

    pip install '.[pipecat,align]'
    python examples/pipecat_agent.py RECORDING.wav RECORDING.call.json OUT.wav

A recorded call plays the caller, the recogniser and the voice, so that it runs without any account. In an agent of
yours the pipeline is ``transport.input(), stt, deid.tap(), user aggregator, llm, tts, transport.output(), deid.tap(),
assistant aggregator``, and nothing else changes.
"""

import asyncio
import sys

from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.workers.runner import WorkerRunner
from recorded import Record, Recorded, Step, recorded

from deid_stream.adapters.pipecat import PipecatCall
from deid_stream.live import BackgroundCall, Live


def frames_of(step: Step, rate_hz: int) -> list[Frame]:
    """What passes a pipeline within 20 ms. The recogniser says no times, the synthesiser a sentence at a time."""
    made: list[Frame] = []
    if step.caller:
        made.append(InputAudioRawFrame(step.caller, rate_hz, 1))
    if step.agent:
        made.append(OutputAudioRawFrame(step.agent, rate_hz, 1))
    made += [TranscriptionFrame(segment["text"], "caller", "") for segment in step.heard]
    for segment in step.said:
        made += [TTSTextFrame(segment["text"], "sentence"), BotStoppedSpeakingFrame()]
    return made


async def play(call: Recorded, worker: PipelineWorker) -> None:
    """As a transport does, five times as fast."""
    for step in call.steps:
        await worker.queue_frames(frames_of(step, call.rate_hz))
        await asyncio.sleep(0.004)
    await worker.queue_frame(EndFrame())


async def main(sound: str, transcript: str, out: str) -> None:
    """The call once through."""
    source, record = recorded(sound, transcript), Record()
    live = Live()
    async with BackgroundCall(live.call("example-1", "acme", channels=2, rate_hz=source.rate_hz), record) as call:
        deid = PipecatCall(call)
        worker = PipelineWorker(Pipeline([deid.tap()]), cancel_on_idle_timeout=False)
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await asyncio.gather(runner.run(), play(source, worker))
    record.write(out)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))

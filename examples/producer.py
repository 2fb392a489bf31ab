"""Send one call: its start, its sound, its transcript, its end.

    python examples/producer.py 127.0.0.1:9092 CALL_ID CUSTOMER_ID RECORDING.wav RECORDING.call.json

A telephone system and a recogniser would be two processes; both use the same call id, and so meet in one partition.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from deid_stream.audio.codec.pcm import content_type
from deid_stream.datasets.wav import WavFile, read_wav
from deid_stream.produce import Call, producer

CHUNK_MS = 100


async def send_sound(call: Call, wav: WavFile) -> None:
    """Interleaved channels, a chunk every 100 ms, as fast as it was spoken."""
    step = wav.format.rate_hz * CHUNK_MS // 1000 * wav.format.frame_bytes
    for at in range(0, len(wav.data), step):
        await call.audio(wav.data[at : at + step], channel=None, content_type=content_type(wav.format))
        await asyncio.sleep(CHUNK_MS / 1000)


async def send_transcript(call: Call, segments: list[dict[str, Any]]) -> None:
    """Each segment half a second after it was spoken."""
    began = asyncio.get_running_loop().time()
    for segment in segments:
        wait_s = began + segment["end_ms"] / 1000 + 0.5 - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0, wait_s))
        await call.segment(segment)


async def main(servers: str, call_id: str, customer_id: str, wav: WavFile, segments: list[dict[str, Any]]) -> None:
    """One call; the end is sent when both have been."""
    async with producer(servers, source="/examples/producer") as sending:
        call = sending.call(call_id, customer_id)
        await call.start(channels=wav.format.channels, direction="inbound")
        await asyncio.gather(send_sound(call, wav), send_transcript(call, segments))
        await call.end()
    print(f"{call_id} is sent")


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit("usage: python examples/producer.py HOST:PORT CALL_ID CUSTOMER_ID RECORDING.wav RECORDING.call.json")
    servers, call_id, customer_id, recording, call_file = sys.argv[1:6]
    transcript = json.loads(Path(call_file).read_text(encoding="utf-8"))
    asyncio.run(main(servers, call_id, customer_id, read_wav(Path(recording)), transcript["segments"]))

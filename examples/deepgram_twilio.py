"""Twilio Media Streams and Deepgram's live transcripts to the topics, through the bridge.

    pip install '.[bridge]'
    deid-stream bridge twilio --bootstrap-servers 127.0.0.1:9092 --customer acme --port 8090
    DEEPGRAM_API_KEY=... python examples/deepgram_twilio.py 8080 ws://127.0.0.1:8090

Point the TwiML at this program, ``<Start><Stream url="wss://YOUR-HOST" track="both_tracks"/></Start>``: it passes
every frame on to the bridge, gives the sound of each track to a Deepgram connection of its own, and what Deepgram
answers goes to the bridge as it is.
"""

import asyncio
import base64
import json
import os
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

DEEPGRAM = (
    "wss://api.deepgram.com/v1/listen?encoding=mulaw&sample_rate=8000&channels=1&punctuate=true&interim_results=true"
)
TRACKS = {"inbound": 0, "outbound": 1}


async def pass_on(deepgram: ClientConnection, bridge: str, call_id: str, channel: int) -> None:
    """Deepgram's messages to the bridge. Its clock begins with the stream, as the call's does."""
    async with connect(f"{bridge}/transcripts/deepgram?call_id={call_id}&channel={channel}") as transcripts:
        async for message in deepgram:
            await transcripts.send(message)


async def serve_call(twilio: ServerConnection, bridge: str, recogniser: str, key: str) -> None:
    """One call: frames in, frames and transcripts out."""
    deepgrams: dict[str, ClientConnection] = {}
    async with connect(f"{bridge}/twilio") as media, asyncio.TaskGroup() as tasks:
        async for frame in twilio:
            await media.send(frame)
            message = json.loads(frame)
            if message["event"] == "start":
                for track in message["start"]["tracks"]:
                    found = await connect(recogniser, additional_headers={"Authorization": f"Token {key}"})
                    deepgrams[track] = found
                    tasks.create_task(pass_on(found, bridge, message["start"]["callSid"], TRACKS[track]))
            elif message["event"] == "media" and message["media"]["track"] in deepgrams:
                sound = base64.b64decode(message["media"]["payload"])
                await deepgrams[message["media"]["track"]].send(sound)
            elif message["event"] == "stop":
                for deepgram in deepgrams.values():
                    await deepgram.send(json.dumps({"type": "CloseStream"}))
                break


async def main(port: str, bridge: str, recogniser: str = DEEPGRAM) -> None:
    """Until interrupted."""
    key = os.environ["DEEPGRAM_API_KEY"]
    async with serve(lambda twilio: serve_call(twilio, bridge, recogniser, key), "127.0.0.1", int(port)) as server:
        print(f"listening on port {port}")
        await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or "DEEPGRAM_API_KEY" not in os.environ:
        sys.exit("usage: DEEPGRAM_API_KEY=... python examples/deepgram_twilio.py PORT ws://BRIDGE-HOST:PORT")
    asyncio.run(main(*sys.argv[1:]))

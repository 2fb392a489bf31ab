"""Print what comes out of calls: sanitized text, how much of the sound was silenced, when a call is over.

    python examples/consumer.py 127.0.0.1:9092 [SECONDS] [| head -20]

Any Kafka client can be used. Read with ``read_committed``; keys are ``call_id/channel/seq``, and a later record of a key
replaces the earlier one. A record without a value (a tombstone) takes its key back.
"""

import asyncio
import json
import os
import sys

from aiokafka import AIOKafkaConsumer

TOPICS = ("deid.analytics.transcripts", "deid.analytics.audio", "deid.calls")


async def main(servers: str, seconds: str = "0") -> None:
    """Until interrupted, or for so long."""
    consumer = AIOKafkaConsumer(
        *TOPICS,
        bootstrap_servers=servers,
        group_id=None,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    silenced_ms: dict[str, int] = {}
    await consumer.start()
    try:
        async with asyncio.timeout(float(seconds) or None):
            async for record in consumer:
                show(record.topic, record.key.decode(), record.value, dict(record.headers), silenced_ms)
    except TimeoutError:
        pass
    finally:
        await consumer.stop()
        for stream, silenced in silenced_ms.items():
            print(f"{stream}: the last {silenced} ms of its sound are silenced")


def show(topic: str, key: str, value: bytes | None, headers: dict[str, bytes], silenced_ms: dict[str, int]) -> None:
    """One line per segment, and one per silenced stretch of a stream: ``silenced_ms`` adds up its chunks."""
    if value is None:
        print(f"{key}: taken back")
    elif "ce_encryption" in headers:
        print(f"{key}: encrypted with its customer's key; deid_stream.kafka.opening opens it for whoever may read it")
    elif topic.endswith("transcripts"):
        segment = json.loads(value)
        print(f"{key}: {segment['text']}")
    elif topic.endswith("audio"):
        stream = key.rpartition("/")[0]
        silenced = int(headers["ce_redactedms"])
        if silenced:
            silenced_ms[stream] = silenced_ms.get(stream, 0) + silenced
        elif stream in silenced_ms:
            print(f"{key}: the {silenced_ms.pop(stream)} ms of sound before it are silenced")
    else:
        summary = json.loads(value)
        print(f"{key}: over, {summary['segments']} segments, complete: {summary['complete']}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python examples/consumer.py HOST:PORT [SECONDS]")
    sys.stdout.reconfigure(line_buffering=True)  # into a pipe, too, each line goes as it comes
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # whoever read the lines has gone; Python would complain of it once more when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""Print what comes out of calls: sanitized text, how much of the sound was silenced, when a call is over.

    python examples/consumer.py 127.0.0.1:9092 [SECONDS]

Any Kafka client does. Read with ``read_committed``; keys are ``call_id/channel/seq``, and a later record of a key
replaces the earlier one. A record without a value (a tombstone) takes its key back.
"""

import asyncio
import json
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
    await consumer.start()
    try:
        async with asyncio.timeout(float(seconds) or None):
            async for record in consumer:
                show(record.topic, record.key.decode(), record.value, dict(record.headers))
    except TimeoutError:
        pass
    finally:
        await consumer.stop()


def show(topic: str, key: str, value: bytes | None, headers: dict[str, bytes]) -> None:
    """One line a record."""
    if value is None:
        print(f"{key}: taken back")
    elif topic.endswith("transcripts"):
        segment = json.loads(value)
        print(f"{key}: {segment['text']}")
    elif topic.endswith("audio"):
        silenced = int(headers["ce_redactedms"])
        if silenced:
            print(f"{key}: {silenced} ms of {len(value)} bytes silenced")
    else:
        summary = json.loads(value)
        print(f"{key}: over, {summary['segments']} segments, complete: {summary['complete']}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

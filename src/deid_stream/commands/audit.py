"""``audit verify``: what the topics themselves prove about consent."""

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import click

from deid_stream.commands.options import CONNECTION, WORKER, cluster, json_option, print_json, settings_options
from deid_stream.config import Settings
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.json import JsonObject
from deid_stream.model.topics import POLICIES, TRAINING_AUDIO, TRAINING_TRANSCRIPTS
from deid_stream.policy.permit import Position
from deid_stream.policy.proof import PROVEN_WRONG, Proof, TrainingRecord, Verdict
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce

if TYPE_CHECKING:
    from deid_stream.kafka.ports import Kafka

_SHOWN: Final = 20
"""Records named by their keys; the rest are counted."""


@click.group()
def audit() -> None:
    """Prove from the topics that consent was kept."""


@audit.command()
@settings_options(CONNECTION, {name: WORKER[name] for name in ("region", "hash_ids", "digest_key_file")})
@json_option
def verify(settings: Settings, as_json: bool) -> int:
    """Check every record of the training topics against the policies: has it a permit, did the policies allow it, has
    its customer opted out since, has it expired?

    Exit status 1 where a record should not be there. --region and --hash-ids are the workers' own. A record whose
    policy is no longer in the topic is counted as unproven: the topic keeps every policy for seven days and the last
    one for ever.
    """
    kafka = cluster(settings, "deid-stream-audit")
    ids = IdPseudonyms(settings.key_ring()) if settings.hash_ids else None
    proof = Proof(settings.region, ids)
    found = asyncio.run(proven(kafka, settings.topic_prefix, proof, time.time_ns() // 1_000_000))
    if as_json:
        print_json(found)
    else:
        for verdict, count in found["verdicts"].items():
            click.echo(f"{verdict}: {count} records")
        for wrong in found["wrong"]:
            click.echo(f"{wrong['verdict']}  {wrong['topic']}  {wrong['key']}", err=True)
        click.echo("consent is proven" if found["proven"] else "records are in training that should not be", err=True)
    return 0 if found["proven"] else 1


async def proven(kafka: "Kafka", prefix: str, proof: Proof, now_ms: Ms) -> JsonObject:
    """Whether the deployment's topics prove that consent was kept, the verdicts counted, and records that are wrong.
    Raises BrokerError."""
    from deid_stream.kafka.reading import read_to_end

    for record in await read_to_end(kafka, prefix + POLICIES.name):
        if record.key:
            place = Position(record.partition, record.offset)
            proof.policy(record.key.decode(errors="replace"), record.value, place, record.timestamp)
    verdicts: Counter[str] = Counter({Verdict.VALID: 0})
    wrong: list[dict[str, str]] = []
    for topic in (TRAINING_TRANSCRIPTS, TRAINING_AUDIO):
        for key, held in (await _held(kafka, prefix + topic.name)).items():
            verdict = proof.judge(held, now_ms)
            verdicts[verdict] += 1
            if verdict in PROVEN_WRONG and len(wrong) < _SHOWN:
                wrong.append({"verdict": verdict, "topic": topic.name, "key": key.decode(errors="replace")})
    return {
        "proven": not any(verdicts[verdict] for verdict in PROVEN_WRONG),
        "verdicts": dict(sorted(verdicts.items())),
        "wrong": wrong,
    }


async def _held(kafka: "Kafka", topic: str) -> dict[bytes, TrainingRecord]:
    """What no tombstone has removed, by key."""
    from deid_stream.kafka.reading import read_range, reading

    held: dict[bytes, TrainingRecord] = {}
    async with reading(kafka, topic, "read_committed") as (reader, places):
        for place in places:
            begin, end = await reader.begin(place), await reader.end(place)
            async for records in read_range(reader, place, begin, end):
                for record in records:
                    key = record.key or b"%d" % record.offset
                    if record.value is None:
                        held.pop(key, None)
                        continue
                    headers = dict(record.headers)
                    customer = (headers.get(ce.CUSTOMER_ID) or b"").decode(errors="replace")
                    held[key] = TrainingRecord(customer, headers.get(ce.PERMIT), record.timestamp)
    return held

"""Customers' own keys through a real broker: made, rotated, destroyed; who reads encrypted outputs."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from deid_stream.datasets.fetch.topics import Fetcher
from deid_stream.datasets.topics import TrainingTopics
from deid_stream.datasets.training import Selection
from deid_stream.errors import DigestKeyError, SealedError
from deid_stream.kafka.customer_keys import CustomerKeys, read_keys_topic
from deid_stream.kafka.opening import Opener
from deid_stream.kafka.record import OutRecord
from deid_stream.keys import KeyRing
from deid_stream.keys.customers import ReadKeys
from deid_stream.wire.limits import Limits
from tests.support.calls import MadeCall, make_call
from tests.support.service import KEY, SETTLE_S, Service

RING = KeyRing(KEY)


def call(name: str, seed: int, customer: str = "acme") -> MadeCall:
    return make_call(name, customer, seed, int(time.time() * 1000) - 60_000, turns=4)


@asynccontextmanager
async def held(service: Service, ring: KeyRing = RING) -> AsyncIterator[CustomerKeys]:
    keys = CustomerKeys(
        service.kafka,
        service.names.keys,
        "read_committed",
        ring,
        random=os.urandom,
        now_ms=lambda: int(time.time() * 1000),
    )
    async with keys:
        yield keys


async def trained(service: Service, keys: ReadKeys | None) -> list[Any]:
    topics = TrainingTopics(service.kafka, service.prefix, keys)
    surveyed = await topics.survey()
    return [found async for found in topics.calls(surveyed, Selection().of(surveyed))]


async def sealed_records(service: Service) -> list[Any]:
    names = service.names
    topics = (names.analytics_transcripts, names.analytics_audio, names.training_transcripts, names.training_audio)
    return [record for topic in topics for record in await service.read(topic) if record.value is not None]


async def test_every_output_is_encrypted_and_a_reader_with_the_right_reads_all(service: Service) -> None:
    await service.policy("acme")
    await service.work(encrypt_outputs=True)
    made = [call("c1", 1), call("c2", 2)]
    await service.send(*made)
    await service.closed(2)
    records = await sealed_records(service)
    assert records
    for record in records:
        headers = dict(record.headers)
        assert headers["ce_encryption"] == b"A256GCM"
        assert b'"text"' not in record.value
    reader = ReadKeys.of(RING)
    opener = await Opener.load(service.kafka, service.prefix, reader)
    # what is inside is what leaves without encryption
    expected = {(record.topic, record.key): record.value for record in service.expected(*made)}
    found = {(r.topic, r.key): opener.open(r).value for r in records}
    assert found.items() <= expected.items()
    calls = await trained(service, reader)
    assert {found.call_id for found in calls} == {"c1", "c2"}
    assert all(found.segments and found.audio.size for found in calls)
    fetched = await Fetcher(service.kafka, service.prefix, Limits(), keys=reader).released("c1")
    assert fetched.records["audio"] > 0


async def test_a_reader_without_the_right_is_told_so_in_one_line(service: Service) -> None:
    await service.policy("acme")
    await service.work(encrypt_outputs=True)
    await service.send(call("c1", 1))
    await service.closed(1)
    for keys, says in ((None, "set DEID_READ_KEY"), (ReadKeys([bytes(32)]), "the master key was rotated")):
        with pytest.raises(SealedError, match=says):
            await trained(service, keys)


async def test_a_destroyed_key_takes_every_copy_with_it_and_the_other_customer_stays(service: Service) -> None:
    for customer in ("acme", "other"):
        await service.policy(customer)
    worker = await service.work(encrypt_outputs=True)
    await service.send(call("c1", 1), call("c2", 2, "other"))
    await service.closed(2)
    await service.stop(worker)
    copies = await sealed_records(service)
    async with held(service) as keys:
        before = keys.secret("acme")
        assert before is not None
        assert await keys.destroy("acme") == 1
        assert await keys.destroy("acme") == 0, "a second time there is nothing to do"
        assert keys.secret("acme") is None
    reader = ReadKeys.of(RING)
    assert {found.call_id for found in await trained(service, reader)} == {"c2"}
    opener = await Opener.load(service.kafka, service.prefix, reader)
    for record in copies:
        if record.key.startswith(b"c1/"):
            assert opener.destroyed(record)
            with pytest.raises(SealedError, match="was destroyed"):
                opener.open(record)
        else:
            assert opener.open(record).value
    last = [r.value for r in await service.read(service.names.keys) if r.key == b"acme"][-1]
    assert b"secret" not in last, "the wrapped key is not in what compaction keeps"
    # a later call has another key, and the first call stays closed
    await service.work(encrypt_outputs=True)
    await service.send(call("c3", 3))
    await service.closed(3)
    assert {found.call_id for found in await trained(service, reader)} == {"c2", "c3"}
    async with held(service) as keys:
        assert keys.secret("acme") not in (None, before)


async def test_pseudonyms_are_keyed_with_the_customers_secret(service: Service) -> None:
    policy = {"entities": {"PERSON": "pseudonym", "PHONE_NUMBER": "pseudonym", "EMAIL_ADDRESS": "pseudonym"}}
    await service.policy("acme", **policy)
    texts: list[set[bytes]] = []
    for round_, destroy in enumerate((False, False, True)):
        if destroy:
            async with held(service) as keys:
                await keys.destroy("acme")
        worker = await service.work(customer_keys=True)
        # the same call again, under another id
        await service.send(call(f"c{round_}", 5))
        await service.closed(round_ + 1)
        await service.stop(worker)
        values = [
            msgspec.json.decode(r.value)
            for r in await service.read(service.names.analytics_transcripts)
            if r.key.startswith(b"c%d/" % round_)
        ]
        texts.append({value["text"] for value in values if value["entities"]})
    assert texts[0]
    assert texts[0] == texts[1], "the same value has the same pseudonym"
    assert not texts[1] & texts[2], "after the destruction nothing links the new pseudonyms to the old ones"


async def test_the_master_key_is_rotated_and_the_old_one_may_go(service: Service) -> None:
    await service.policy("acme")
    worker = await service.work(encrypt_outputs=True)
    await service.send(call("c1", 1))
    await service.closed(1)
    await service.stop(worker)
    new = os.urandom(32)
    both, alone = KeyRing(new, [KEY]), KeyRing(new)
    with pytest.raises(DigestKeyError, match="keys rotate"):
        async with held(service, alone):
            pass
    async with held(service, both) as keys:
        assert await keys.rewrap() == 1
        assert await keys.rewrap() == 0
    async with held(service, alone) as keys:
        assert keys.has("acme")
    assert {found.call_id for found in await trained(service, ReadKeys.of(alone))} == {"c1"}
    async with held(service, alone) as keys:
        old = keys.payload_key("acme")
        await keys.rotate("acme")
        assert keys.payload_key("acme") != old
    assert {found.call_id for found in await trained(service, ReadKeys.of(alone))} == {"c1"}, (
        "old records stay readable"
    )


async def test_two_workers_that_make_a_first_key_at_once_agree(service: Service) -> None:
    async with held(service) as one, held(service) as two:
        await asyncio.gather(one.ensure("acme"), two.ensure("acme"))
        await asyncio.gather(one.ensure("other"), two.ensure("other"))
        tasks = [asyncio.create_task(keys.follow()) for keys in (one, two)]
        async with asyncio.timeout(SETTLE_S):
            while one.key_ids() != two.key_ids():  # noqa: ASYNC110 - the state of a broker
                await asyncio.sleep(0.1)
            table = await read_keys_topic(service.kafka, service.names.keys)
            while {c: table.record(c).keys[-1].id for c in table.customers()} != one.key_ids():
                await asyncio.sleep(0.1)
                table = await read_keys_topic(service.kafka, service.names.keys)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert one.secret("acme") == two.secret("acme")


async def test_a_removed_record_of_keys_is_written_again(service: Service) -> None:
    async with held(service) as keys:
        await keys.ensure("acme")
        secret = keys.secret("acme")
        await service.put(OutRecord(service.names.keys, b"acme", None))
    async with held(service) as keys:
        assert keys.secret("acme") == secret
    last = (await service.read(service.names.keys))[-1]
    assert last.value is not None

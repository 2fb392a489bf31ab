"""``hash_ids`` through a real broker: no identifier of a producer's in any output, and consent is kept all the same."""

import asyncio
import time

import pytest

from deid_stream.commands.proving import proven
from deid_stream.keys import KeyRing
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.policy.proof import Proof
from tests.support.calls import make_call
from tests.support.service import KEY, Service

CALL, CUSTOMER = "+447700900123", "ann.lee@example.com"


async def test_ids_that_name_people_are_in_no_output(service: Service) -> None:
    await service.policy(CUSTOMER, version=1)
    await service.work(hash_ids=True)
    await service.send(make_call(CALL, CUSTOMER, 4, int(time.time() * 1000) - 60_000))
    await service.closed(1)
    names, ids = service.names, IdPseudonyms(KeyRing(KEY))
    seen = 0
    for topic in set(names.all) - {*names.inputs, names.policies}:
        for record in await service.read(topic):
            seen += 1
            held = b"\n".join([record.key or b"", record.value or b"", *(value for _, value in record.headers)])
            assert CALL.encode() not in held, topic
            assert CUSTOMER.encode() not in held, topic
    assert seen > 100
    trained = await service.read(names.training_audio)
    assert {record.key.decode().split("/")[0] for record in trained} == {ids.call(CALL)}
    assert (await proven(service.kafka, service.prefix, Proof("", ids), int(time.time() * 1000)))["proven"]


@pytest.mark.usefixtures("over_the_network")
async def test_an_opt_out_finds_the_customer_by_the_pseudonym(service: Service) -> None:
    await service.control(hash_ids=True)
    await service.policy(CUSTOMER, version=1)
    await service.work(hash_ids=True)
    await service.send(make_call(CALL, CUSTOMER, 5, int(time.time() * 1000) - 60_000))
    await service.closed(1)
    await service.policy(CUSTOMER, version=2, training_opt_out=True)

    async def left() -> int:
        latest = {record.key: record.value for record in await service.read(service.names.training_audio)}
        assert latest
        return sum(value is not None for value in latest.values())

    async with asyncio.timeout(20):
        while await left():  # noqa: ASYNC110 - the state of a broker
            await asyncio.sleep(0.2)

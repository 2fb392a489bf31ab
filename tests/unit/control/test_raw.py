"""What deleting raw records would take: shown before it is done."""

import json

import pytest

from deid_stream.control.raw import plan
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.kafka.record import OutRecord, Place

TOPICS = ("calls.events", "calls.transcripts", "calls.audio")


def broker(*records, partitions=2):
    made = MemoryBroker()
    made.logs = {Place(f"p.{topic}", n): [] for topic in TOPICS for n in range(partitions)}
    for record in records:
        made.append(record)
    return made


def event(call_id, customer_id, partition=0):
    value = json.dumps({"call_id": call_id, "customer_id": customer_id}).encode()
    return OutRecord("p.calls.events", call_id.encode(), value, partition=partition)


def sound(call_id, customer_id="", partition=0, topic="audio"):
    headers = ((("ce_customerid", customer_id.encode()),) if customer_id else ()) + (("ce_id", b"1"),)
    return OutRecord(f"p.calls.{topic}", call_id.encode(), b"...", headers, partition=partition)


def text(call_id, customer_id="", partition=0):
    return sound(call_id, customer_id, partition, "transcripts")


async def planned(made, customer_id="acme", calls=()):
    found = await plan(made.connect(), "p.", customer_id, calls)
    cuts = {(cut.place.topic.removeprefix("p.calls."), cut.place.partition): cut for cut in found.cuts}
    return {place: (cut.before, cut.records, cut.own, cut.calls) for place, cut in cuts.items()}, found.others


async def test_all_up_to_the_last_record_asked_for_goes_and_what_is_behind_it_stays():
    made = broker(
        sound("b", "acme"), sound("a", "acme"), sound("x", "beta"), sound("a", "acme"), sound("y", "beta"), sound("b")
    )
    assert await planned(made, calls=["a"]) == ({("audio", 0): (4, 4, 2, ("b", "x"))}, ["b", "x"])


async def test_each_partition_of_each_topic_is_looked_at_on_its_own():
    made = broker(event("a", "acme", 1), text("a", partition=1), sound("x", "beta"), sound("a", "acme", 1))
    cuts, others = await planned(made, calls=["a"])
    assert cuts == {(topic, 1): (1, 1, 1, ()) for topic in ("events", "transcripts", "audio")}
    assert others == []


async def test_without_calls_all_of_the_customers_go_also_records_that_do_not_name_it():
    made = broker(event("a", "acme"), event("x", "beta"), text("x"), text("a"), text("x"), sound("c", "acme"))
    cuts, others = await planned(made)
    assert cuts == {("events", 0): (1, 1, 1, ()), ("transcripts", 0): (2, 2, 1, ("x",)), ("audio", 0): (1, 1, 1, ())}
    assert others == ["x"]


@pytest.mark.parametrize("calls", [["a"], []])
async def test_another_customers_call_of_the_same_name_is_not_asked_for(calls):
    made = broker(event("a", "beta"), sound("a", "beta"), text("z", "beta"))
    assert await planned(made, "acme", calls) == ({}, [])


async def test_what_cannot_be_read_counts_as_another_call():
    damaged = OutRecord("p.calls.events", b"bad", b"{not json", partition=0)
    wrong = OutRecord("p.calls.events", b"odd", b'{"customer_id": 7}', partition=0)
    cuts, others = await planned(broker(damaged, wrong, event("a", "acme")))
    assert cuts == {("events", 0): (3, 3, 1, ("bad", "odd"))}
    assert others == ["bad", "odd"]


async def test_of_nothing_nothing_is_planned():
    assert await planned(broker()) == ({}, [])
    assert await planned(broker(sound("x", "beta")), calls=["a"]) == ({}, [])

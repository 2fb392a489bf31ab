"""What the verifier and the rounds say, without a broker: it must not call a run clean that was not."""

from typing import Any

import msgspec
import pytest

from deid_stream.kafka import topics_admin
from deid_stream.kafka.memory import MemoryBroker
from deid_stream.kafka.record import OutRecord
from deid_stream.model.topics import TopicNames
from tests.chaos.three.__main__ import share, summed
from tests.chaos.verify import verify
from tests.support.oracle import Expected

NAMES = TopicNames.of("")
TOPIC = NAMES.analytics_transcripts
HEADERS = (("ce_subject", b"c"), ("ce_customerid", b"a"))


def record(key: bytes, value: bytes | None) -> OutRecord:
    return OutRecord(TOPIC, key, value, HEADERS)


@pytest.mark.parametrize(
    ("written", "gone", "wrong"),
    [
        pytest.param([b"x"], {}, {}, id="as it should be"),
        pytest.param([b"x", None], {"c": "resurrected"}, {}, id="taken back"),
        pytest.param([], {"c": "resurrected"}, {}, id="never published"),
        pytest.param([b"x"], {"c": "resurrected"}, {"resurrected": 1}, id="not taken back"),
        pytest.param([b"x", None, b"x"], {"c": "resurrected"}, {"resurrected": 1}, id="back again"),
        pytest.param([b"x"], {"c": "expired"}, {"expired": 1}, id="too old"),
        pytest.param([b"x"], {"other": "expired"}, {}, id="another call is too old"),
        pytest.param([], {}, {"lost": 1}, id="lost"),
        pytest.param([b"x", b"x"], {}, {"doubled": 1}, id="twice"),
        pytest.param([b"y"], {}, {"different": 1}, id="another text"),
        pytest.param([b"secret"], {}, {"different": 1, "leaked": 1}, id="a secret"),
    ],
)
async def test_what_is_wrong_is_counted(
    written: list[bytes | None], gone: dict[str, str], wrong: dict[str, int]
) -> None:
    kafka = MemoryBroker().connect()
    await topics_admin.create(kafka, prefix="", partitions=1)
    async with kafka.sender() as sender:
        await sender.send([record(b"c/0/0", value) for value in written])
    verdict = await verify(
        kafka,
        NAMES,
        [Expected(TOPIC, b"c/0/0", b"x", HEADERS, 0)],
        ["secret"],
        exactly_once=True,
        gone={TOPIC: gone},
    )
    counted = {name: value for name, value in verdict.json().items() if type(value) is int and value}
    assert {name: value for name, value in counted.items() if name not in ("expected", "found")} == wrong
    assert verdict.clean == (not wrong)


@pytest.mark.parametrize(
    ("reason", "call", "wrong"),
    [
        ("training_stale_policies", "c", {"withheld": 1}),
        ("training_stale_policies", "another", {"lost": 1}),
        ("training_opt_out", "c", {"lost": 1}),
    ],
)
async def test_training_may_lack_what_was_withheld_while_the_policies_may_have_been_old(
    reason: str, call: str, wrong: dict[str, int]
) -> None:
    kafka = MemoryBroker().connect()
    await topics_admin.create(kafka, prefix="", partitions=1)
    line = msgspec.json.encode({"action": "withheld", "reason": reason, "call_id": call})
    async with kafka.sender() as sender:
        await sender.send([OutRecord(NAMES.audit, b"c", line, (("ce_id", b"1"),))])
    expected = Expected(NAMES.training_transcripts, b"c/0/0", b"x", HEADERS, 0)
    verdict = await verify(kafka, NAMES, [expected], [], exactly_once=True)
    counted = {name: getattr(verdict, name) for name in ("lost", "withheld") if getattr(verdict, name)}
    assert counted == wrong
    assert verdict.clean == ("lost" not in wrong)


def _round(seed: int, **verdict: Any) -> dict[str, Any]:
    return {"seed": seed, "kills": 3, "settled": True, "further": {"cut": 1}, "verdict": {"clean": True} | verdict}


def test_rounds_are_added_up_and_those_that_were_not_clean_are_named() -> None:
    told = summed([_round(1, lost=0), _round(2, lost=2, clean=False), _round(3, lost=0) | {"settled": False}])
    assert told["unclean"] == [2, 3]
    assert (told["rounds"], told["kills"], told["further"], told["verdict"]) == (3, 9, {"cut": 3}, {"lost": 2})


def test_calls_and_kills_are_shared_out_without_a_rest() -> None:
    assert [share(10, 4, number) for number in range(4)] == [2, 3, 2, 3]

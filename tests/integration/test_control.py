"""People's rights through a real broker: the control plane is a process of its own, and is killed half-way."""

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from deid_stream.control.run import GROUP_SUFFIX
from deid_stream.kafka.record import OutRecord, Place
from deid_stream.keys import KeyRing
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.units import DAY_MS
from tests.support.rights import (
    SETTLE_S,
    SUBJECT,
    ask,
    audited,
    becomes,
    call,
    comes_to,
    everywhere,
    held,
    killed_half_way,
    published,
    status,
)
from tests.support.rights import broker as broker
from tests.support.rights import service as service
from tests.support.service import KEY, Service


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        pytest.param({}, set(), id="customer"),
        pytest.param({"call_id": "a"}, {"b", "c"}, id="call"),
        pytest.param({"subject": "0044 (7700) 900-123"}, {"c"}, id="subject"),
        pytest.param(
            {"subject": IdPseudonyms(KeyRing(KEY)).subject("acme", SUBJECT)}, {"c"}, id="subject by pseudonym"
        ),
    ],
)
async def test_a_deletion_leaves_nothing_of_its_scope_although_the_control_plane_is_killed_half_way(
    service: Service, scope: dict[str, str], left: set[str]
) -> None:
    calls = [call("a", 51, subject=SUBJECT), call("b", 52, subject=SUBJECT), call("c", 53)]
    control = await published(service, *calls)
    await comes_to(service, everywhere("a", "b", "c"))
    asked = await ask(service, "deletion", **scope)
    await killed_half_way(service, control)
    done = await becomes(service, asked, "done")
    await comes_to(service, everywhere(*left))
    gone = {"a", "b", "c"} - left
    assert {line["call_id"] for line in await audited(service, "deleted")} == gone
    assert done["due_ms"] - done["asked_ms"] == 30 * DAY_MS
    assert [line["reason"] for line in await audited(service, "requested")][-1] == "deletion_done"
    before = len(await audited(service, "deleted"))
    await ask(service, "deletion", **scope)
    marker = await ask(service, "access", request_id="r-after")
    await becomes(service, marker, "granted")
    assert len(await audited(service, "deleted")) == before, "asked twice, done once"


async def test_a_call_that_goes_on_while_it_is_deleted_leaves_nothing(service: Service) -> None:
    made, other = call("live", 54, turns=8), call("other", 55)
    control = await service.control()
    await service.policy("acme", version=1)
    worker = await service.work()
    middle = len(made.records) // 2
    await service.send(made.records[:middle])
    async with asyncio.timeout(SETTLE_S):
        while "live" not in (await held(service))["analytics"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    asked = await ask(service, "deletion", call_id="live")
    await killed_half_way(service, control)
    await service.send(made.records[middle:], other)
    await service.closed(2)
    await becomes(service, asked, "done")
    await comes_to(service, everywhere("other"))
    assert worker.ready


async def test_a_hold_keeps_a_deletion_waiting_and_is_seen_with_who_and_when(service: Service) -> None:
    control = await published(service, call("a", 56))
    hold = await ask(service, "hold", call_id="a", requested_by="legal-2")
    in_force = await becomes(service, hold, "in_force")
    asked = await ask(service, "deletion")
    await becomes(service, asked, "held")
    service.kill_control(control)
    control = await service.control()
    await comes_to(service, everywhere("a"))
    assert (in_force["requested_by"], in_force["call_id"]) == ("legal-2", "a")
    assert abs(in_force["asked_ms"] - time.time() * 1000) < 120_000
    release = await ask(service, "release", target=hold, requested_by="legal-3")
    await killed_half_way(service, control)
    await becomes(service, asked, "done")
    assert (await status(service, release))["state"] == "done"
    assert (await status(service, hold))["released_by"] == "legal-3"
    await comes_to(service, everywhere())


async def test_what_a_person_withdraws_goes_from_training_their_later_calls_too(service: Service) -> None:
    control = await published(service, call("a", 57, subject=SUBJECT), call("b", 58))
    asked = await ask(service, "withdrawal", subject=SUBJECT)
    await killed_half_way(service, control)
    await becomes(service, asked, "in_force")
    await comes_to(service, everywhere("a", "b") | {"training": {"b"}})
    await service.send(call("later", 59, subject=SUBJECT, ago_ms=30_000))
    await service.closed(3)
    await comes_to(service, everywhere("a", "b", "later") | {"training": {"b"}})


@pytest.mark.parametrize(
    ("kind", "kept", "later", "policy"),
    [
        ("withdrawal", True, True, {"training_opt_out": True}),
        ("objection", False, False, {"training_opt_out": True, "analytics": False}),
        ("restriction", True, False, {"training_opt_out": True, "analytics": False}),
    ],
)
async def test_what_a_whole_customer_asks_for_stands_in_its_policy(
    service: Service, kind: str, kept: bool, later: bool, policy: dict[str, Any]
) -> None:
    control = await published(service, call("a", 60), interims="masked")
    await ask(service, kind)
    await killed_half_way(service, control)
    await comes_to(service, {"analytics": {"a"} if kept else set(), "training": set(), "summary": {"a"}})
    written = json.loads((await service.read(service.names.policies))[-1].value)
    assert written == {"customer_id": "acme", "version": 2, "interims": "masked"} | policy
    await service.send(call("later", 61, ago_ms=1_000))
    async with asyncio.timeout(SETTLE_S):
        while not [line for line in await audited(service, "closed") if line["call_id"] == "later"]:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    analytics = ({"a"} if kept else set()) | ({"later"} if later else set())
    await comes_to(service, {"analytics": analytics, "training": set(), "summary": {"a", "later"} if later else {"a"}})


async def test_what_has_expired_is_gone_within_a_minute_and_what_is_held_is_not(service: Service) -> None:
    """Two days old, kept for one day in analytics and for longer in training; one of the two is held."""
    old = [call("old", 62, ago_ms=2 * DAY_MS), call("kept", 63, ago_ms=2 * DAY_MS)]
    control = await service.control()
    await service.policy("acme", version=1, retention_days={"analytics": 30, "training": 40})
    await service.work()
    await service.send(*old, call("new", 64))
    await service.closed(3)
    hold = await ask(service, "hold", call_id="kept")
    await becomes(service, hold, "in_force")
    service.kill_control(control)
    now_ms = int(time.time() * 1000)
    await service.policy("acme", version=2, retention_days={"analytics": 1, "training": 40}, at_ms=now_ms)
    asked_s = time.monotonic()
    control = await service.control()
    left = {"old", "kept", "new"}
    await comes_to(service, {"analytics": {"kept", "new"}, "training": left, "summary": left})
    assert time.monotonic() - asked_s < 60
    assert {(line["call_id"], line["reason"]) for line in await audited(service, "expired")} == {("old", "retention")}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": "deletion", "verified_by": ""}, "not_verified"),
        ({"kind": "hold", "requested_by": ""}, "not_named"),
        ({"kind": "release", "target": "nothing"}, "unknown_target"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_reason(
    service: Service, fields: dict[str, str], reason: str
) -> None:
    await published(service, call("a", 65))
    asked = await ask(service, **fields)
    refused = await becomes(service, asked, "refused")
    assert refused["reason"] == reason
    await comes_to(service, everywhere("a"))
    assert [line["reason"] for line in await audited(service, "requested")] == [f"{fields['kind']}_refused"]


@pytest.mark.parametrize(("answer", "state"), [(0, "done"), (3, "refused")])
async def test_the_deployments_own_program_checks_who_asks(
    service: Service, tmp_path: Path, answer: int, state: str
) -> None:
    hook = tmp_path / "check"
    hook.write_text(f'#!/bin/sh\ngrep -q \'"request_id":"r-deletion"\' && exit {answer}\nexit 9\n')
    hook.chmod(0o700)
    await service.control(identity_check=str(hook))
    asked = await ask(service, "deletion", verified_by="")
    await becomes(service, asked, state)


async def test_what_is_no_request_is_a_dead_letter_and_the_next_one_is_worked_on(service: Service) -> None:
    await service.control()
    topic = service.prefix + "privacy.requests"
    await service.put(OutRecord(topic, b"acme", b'{"kind":"forget ann lee","customer_id":"acme"}'))
    await becomes(service, await ask(service, "access"), "granted")
    letters = [record.value for record in await service.read(service.names.dead_letters)]
    assert [json.loads(value)["path"] for value in letters] == ["$.kind"]
    assert b"ann lee" not in b"".join(letters)


async def test_what_was_done_before_a_restart_is_not_done_again(service: Service) -> None:
    """It begins behind what its predecessor had done: the start does not grow with all that was ever asked."""
    control = await service.control()
    topic = service.prefix + "privacy.requests"
    await service.put(OutRecord(topic, b"acme", b'{"kind":"forget","customer_id":"acme"}', partition=0))
    async with service.kafka.group_offsets(service.settings.group_id + GROUP_SUFFIX) as group:
        async with asyncio.timeout(SETTLE_S):
            while await group.committed(Place(topic, 0)) != 1:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    service.kill_control(control)
    await service.control()
    assert len(await service.read(service.names.dead_letters)) == 1


@pytest.mark.parametrize("paused", [False, True], ids=["killed", "paused"])
async def test_of_two_control_planes_one_works_and_the_other_stands_by(service: Service, paused: bool) -> None:
    """Shared out between them, each would know half of a customer's calls and call a deletion done."""
    first = await published(service, call("a", 91), call("b", 92), call("c", 93))
    second = service.start_control()
    async with asyncio.timeout(SETTLE_S):
        while not service.said("standing by"):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    done = await becomes(service, await ask(service, "deletion"), "done")
    assert done["calls"] == 3
    await comes_to(service, everywhere())
    assert first.poll() is None
    assert second.poll() is None
    if paused:
        first.send_signal(signal.SIGSTOP)
    else:
        service.kill_control(first)
    await becomes(service, await ask(service, "hold", call_id="a"), "in_force")
    if paused:
        first.send_signal(signal.SIGCONT)
        assert await asyncio.to_thread(first.wait, SETTLE_S) == 1, "it knows that it was replaced"
        assert service.said("another control plane has taken over")
    await service.send(call("d", 94))
    await service.closed(4)
    later = await becomes(service, await ask(service, "deletion", request_id="r-2"), "done")
    assert later["calls"] == 1
    await comes_to(service, everywhere())

"""``rights``: what people ask for, written to ``privacy.requests`` and answered by the control plane."""

import asyncio
import getpass
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click
import msgspec
from click.core import ParameterSource

from deid_stream.commands.options import CONNECTION, READER, cluster, json_option, print_json, settings_options
from deid_stream.config import Settings
from deid_stream.control.export import export
from deid_stream.control.holdings import Snapshot, read_statuses
from deid_stream.control.raw import Plan, carry_out, plan
from deid_stream.control.topics import ControlTopics
from deid_stream.custody.ring import read_keys
from deid_stream.errors import ConfigError
from deid_stream.kafka.opening import Opener
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.record import OutRecord
from deid_stream.model.requests import Kind, Request
from deid_stream.policy.permit import rfc3339
from deid_stream.policy.rights import OPEN, State, Status
from deid_stream.wire.requests import encode_request

CLIENT_ID: Final = "deid-stream-rights"
_LOOK_S: Final = 0.3
_MENDS: Final = {
    "not_verified": "say who has checked the person's identity: --verified-by (with identity_check: the check said no)",
    "not_named": "say who asks: --requested-by",
    "identity_check_failed": "identity_check did not answer; the control plane's log says why: mend it and ask again",
    "no_key": "give `deid-stream control` the workers' digest key, or name the person as subject-... (the pseudonym)",
    "unknown_target": "`deid-stream rights status --customer ID` names the requests of a customer",
    "target_not_open": "it is over already; `deid-stream rights status REQUEST_ID` says since when",
    "legal_hold": "it is done once the hold ends: `deid-stream rights release`, or the policy's legal_hold",
}
"""By reason of a request that is refused or waits."""
_SHOWN: Final = 10
"""Calls named one by one; the rest are counted."""
F = TypeVar("F", bound=Callable[..., object])


@click.group()
def rights() -> None:
    """People's rights: deletion, access, restriction, objection, withdrawal, legal hold; retention.

    Each request goes to the topic privacy.requests and is worked on by `deid-stream control`.
    """


def _not_empty(context: click.Context, option: click.Parameter, value: str) -> str:
    """An empty variable of a script must not widen the request to all of the customer's calls."""
    given = context.get_parameter_source(option.name or "") is not ParameterSource.DEFAULT
    if given and not value.strip():
        raise click.BadParameter("is empty; leave it out to mean all of the customer's calls", context, option)
    return value


def _asking(command: F) -> F:
    """The options of every request."""
    for option in (
        click.option("--customer", required=True, help="Whose calls."),
        click.option("--call", default="", callback=_not_empty, help="Only this call."),
        click.option(
            "--subject",
            default="",
            callback=_not_empty,
            help="Only calls of this person: a number, or an id of the producer's.",
        ),
        click.option("--verified-by", default="", help="Who has checked that the person is who they say."),
        click.option("--requested-by", default="", help="Who asks; default: the user of this machine."),
        click.option("--request-id", default="", help="A name for the request, for asking twice without harm."),
        click.option(
            "--timeout", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to wait; 0: do not."
        ),
    ):
        command = option(command)
    return command


def _request(kind: Kind, values: dict[str, str]) -> Request:
    return Request(
        request_id=values["request_id"] or f"{kind}-{uuid.uuid4().hex[:12]}",
        kind=kind,
        customer_id=values["customer"],
        call_id=values.get("call", ""),
        subject=values.get("subject", ""),
        target=values.get("target", ""),
        requested_by=values["requested_by"] or getpass.getuser(),
        verified_by=values.get("verified_by", ""),
    )


async def _ask(kafka: Kafka, prefix: str, request: Request, timeout_s: float) -> Status | None:
    """Send it, and wait until it is decided; None where that is not waited for, or takes longer. Raises BrokerError."""
    topics = ControlTopics.of(prefix)
    async with kafka.sender() as sender:
        await sender.send([OutRecord(topics.requests, request.customer_id.encode(), encode_request(request))])
    until_s = time.monotonic() + timeout_s
    status = None
    while time.monotonic() < until_s:
        status = (await read_statuses(kafka, topics)).get(request.request_id)
        if status is not None and not _answers(status, request):
            raise ConfigError(f"{request.request_id} is another request's id, so nothing was done; choose a new one")
        if status is not None and status.state is not State.RUNNING:
            break
        await asyncio.sleep(_LOOK_S)
    return status


def _answers(status: Status, request: Request) -> bool:
    """Whether it is this request that stands there. With pseudonyms for ids, the names cannot be compared here."""
    names = ((status.customer_id, request.customer_id, "customer-"), (status.call_id, request.call_id, "call-"))
    return (
        (status.kind, status.target) == (request.kind, request.target)
        and all(there == asked or (asked and there.startswith(prefix)) for there, asked, prefix in names)
        and (bool(status.subject) == bool(request.subject) or status.state is State.REFUSED)
    )


def _simple(kind: Kind, name: str, text: str) -> None:
    @rights.command(name=name, help=text)
    @_asking
    @settings_options(CONNECTION)
    @json_option
    def command(timeout: float, settings: Settings, as_json: bool, **values: str) -> int:
        kafka, request = cluster(settings, CLIENT_ID), _request(kind, values)
        return _answer(request, asyncio.run(_ask(kafka, settings.topic_prefix, request, timeout)), timeout, as_json)


_simple(Kind.WITHDRAWAL, "withdraw", "Take back the consent to training: for a whole customer, its policy says so too.")
_simple(
    Kind.RESTRICTION,
    "restrict",
    "Training is taken back and retention deletes nothing; of a whole customer, nothing more is published.",
)
_simple(Kind.OBJECTION, "object", "Nothing more is published, and what is held for analytics and training is deleted.")
_simple(Kind.HOLD, "hold", "Put a legal hold on calls: nothing deletes them until it is released.")


@rights.command()
@click.argument("target")
@click.option("--customer", required=True, help="Whose request it is.")
@click.option("--requested-by", default="", help="Who releases; default: the user of this machine.")
@click.option("--request-id", default="", help="A name for this request.")
@click.option(
    "--timeout", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to wait; 0: do not."
)
@settings_options(CONNECTION)
@json_option
def release(target: str, timeout: float, settings: Settings, as_json: bool, **values: str) -> int:
    """End the hold, restriction, objection or withdrawal whose request id is TARGET. A policy that it wrote stays: to
    opt in again is the customer's to say (`deid-stream policy set`)."""
    kafka, request = cluster(settings, CLIENT_ID), _request(Kind.RELEASE, values | {"target": target})
    return _answer(request, asyncio.run(_ask(kafka, settings.topic_prefix, request, timeout)), timeout, as_json)


@rights.command()
@click.option("--raw", is_flag=True, help="Of the raw topics too: shows what that takes; with --yes it is done.")
@click.option("--yes", is_flag=True, help="Delete the raw records, other calls' with them.")
@_asking
@settings_options(CONNECTION)
@json_option
def delete(raw: bool, yes: bool, timeout: float, settings: Settings, as_json: bool, **values: str) -> int:
    """Delete what is held of a customer's calls, of one call, or of one person's calls.

    --raw is about calls.events, calls.transcripts and calls.audio, which keep three days. They are not compacted: of a
    partition everything up to the last record asked for is deleted, whoever's it is. Without --yes it is only shown,
    and nothing at all is deleted.
    """
    if yes and not raw:
        raise ConfigError("--yes goes with --raw")
    if raw and values["subject"] and not values["call"]:
        raise ConfigError("raw records do not name the person: give --call, or leave --subject out")
    kafka = cluster(settings, CLIENT_ID)
    planned = Plan([])
    if raw:
        calls = [values["call"]] if values["call"] else []
        planned = asyncio.run(plan(kafka, settings.topic_prefix, values["customer"], calls))
        _show(planned)
        if not yes:
            click.echo("nothing was deleted: --raw --yes does it")
            return 0
    request = _request(Kind.DELETION, values)
    status = asyncio.run(_ask(kafka, settings.topic_prefix, request, timeout))
    if raw and status is not None and status.state is State.DONE:
        click.echo(f"{asyncio.run(carry_out(kafka, planned))} raw records deleted", err=as_json)
    elif raw:
        click.echo("raw records stay, since the request is not done", err=True)
    return _answer(request, status, timeout, as_json)


def _show(planned: Plan) -> None:
    for cut in planned.cuts:
        place = f"{cut.place.topic} partition {cut.place.partition}"
        click.echo(f"{place}: {cut.records} records below offset {cut.before}, {cut.own} of them asked for")
    others = planned.others
    if not planned.cuts:
        click.echo("no raw record of it is there")
    elif others:
        named = ", ".join(others[:_SHOWN]) + (f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else "")
        click.echo(f"with it go records of {len(others)} other calls: {named}")


@rights.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the export.")
@_asking
@settings_options(CONNECTION, READER)
@json_option
def access(out: Path, timeout: float, settings: Settings, as_json: bool, **values: str) -> int:
    """Export what is held: manifest.json, calls.jsonl, transcripts.jsonl, audit.jsonl and a WAV file per call."""
    kafka, request = cluster(settings, CLIENT_ID), _request(Kind.ACCESS, values)
    status = asyncio.run(_ask(kafka, settings.topic_prefix, request, timeout or 60.0))
    if status is None or status.state is not State.GRANTED:
        return _answer(request, status, timeout, as_json)
    out.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_hand_over(kafka, settings, request, status, out, as_json))


async def _hand_over(
    kafka: Kafka, settings: Settings, request: Request, status: Status, out: Path, as_json: bool
) -> int:
    topics = ControlTopics.of(settings.topic_prefix)
    snapshot = await Snapshot.read(kafka, topics)
    opener = await Opener.load(kafka, settings.topic_prefix, read_keys(settings))
    made = await export(kafka, topics, status, snapshot.covered(status), out, opener)
    done = Request(
        request_id=f"{request.request_id}/fulfilled",
        kind=Kind.FULFILLED,
        customer_id=request.customer_id,
        target=request.request_id,
        requested_by=request.requested_by,
    )
    await _ask(kafka, settings.topic_prefix, done, 30.0)
    if as_json:
        print_json({"request_id": request.request_id, "out": str(out), **msgspec.structs.asdict(made)})
    else:
        click.echo(f"{request.request_id}: {made.calls} calls, {made.records} records in {out}")
    return 0


@rights.command()
@click.argument("request_id", required=False)
@click.option("--customer", help="Only this customer's requests.")
@click.option("--open", "only_open", is_flag=True, help="Only those that are not done.")
@settings_options(CONNECTION)
@json_option
def status(request_id: str | None, customer: str | None, only_open: bool, settings: Settings, as_json: bool) -> int:
    """Show where requests stand, the oldest first: what, whose, since when, until when, who."""
    kafka = cluster(settings, CLIENT_ID)
    found = asyncio.run(read_statuses(kafka, ControlTopics.of(settings.topic_prefix)))
    chosen = [
        one
        for one in sorted(found.values(), key=lambda one: (one.asked_ms, one.request_id))
        if (request_id in (None, one.request_id))
        and (customer in (None, one.customer_id))
        and not (only_open and one.state not in OPEN and one.state is not State.IN_FORCE)
    ]
    if as_json:
        print_json([msgspec.to_builtins(one) for one in chosen])
    for one in chosen if not as_json else []:
        if one.kind is not Kind.FULFILLED:  # the access request itself says that it is done
            click.echo(_line(one))
    if request_id is not None and not chosen:
        raise ConfigError("there is no such request, or the control plane has not seen it yet")
    return 0


@rights.command()
@click.option("--dry-run", is_flag=True, help="Needed: what has expired is deleted by the control plane alone.")
@click.option(
    "--days", type=click.IntRange(0, 36_500), default=0, show_default=True, help="As of so many days from now."
)
@settings_options(CONNECTION)
@json_option
def retention(dry_run: bool, days: int, settings: Settings, as_json: bool) -> int:
    """Report what retention takes: by customer and purpose, calls and records; and what a hold or a restriction keeps
    although its days are over."""
    if not dry_run:
        raise ConfigError("the control plane deletes what has expired by itself; this command only reports: --dry-run")
    kafka = cluster(settings, CLIENT_ID)
    snapshot = asyncio.run(Snapshot.read(kafka, ControlTopics.of(settings.topic_prefix)))
    now_ms = time.time_ns() // 1_000_000 + days * 86_400_000
    calls: Counter[tuple[str, str, str]] = Counter()
    records: Counter[tuple[str, str, str]] = Counter()
    for call, verdict in snapshot.verdicts(now_ms):
        for owed in verdict.owed:
            if not owed.part.gone:
                key = (call.customer_id, str(owed.part.purpose), owed.reason)
                calls[key] += 1
                records[key] += owed.part.records
        for part in verdict.kept:
            key = (call.customer_id, str(part.purpose), "kept")
            calls[key] += 1
            records[key] += part.records
    rows = [
        {"customer_id": customer, "purpose": purpose, "reason": reason, "calls": count, "records": records[key]}
        for key, count in sorted(calls.items())
        for customer, purpose, reason in [key]
    ]
    if as_json:
        print_json(rows)
        return 0
    for row in rows:
        click.echo("{customer_id}  {purpose}  {reason}: {calls} calls, {records} records".format(**row))
    if not rows:
        click.echo("nothing goes")
    return 0


def _answer(request: Request, status: Status | None, timeout_s: float, as_json: bool) -> int:
    if status is None:
        if not timeout_s:
            click.echo(f"{request.request_id}: sent; see `deid-stream rights status {request.request_id}`")
            return 0
        raise ConfigError(
            f"{request.request_id} was sent and is not answered yet: is `deid-stream control` running? "
            f"`deid-stream rights status {request.request_id}` tells"
        )
    if as_json:
        print_json(msgspec.to_builtins(status))
    else:
        click.echo(_line(status))
        if mend := _MENDS.get(status.reason):
            click.echo(f"    -> {mend}", err=True)
    return 1 if status.state is State.REFUSED else 0


def _line(one: Status) -> str:
    scope = f"call {one.call_id}" if one.call_id else f"subject {one.subject}" if one.subject else "all calls"
    parts = [f"{one.request_id}: {one.kind} {one.state}" + (f" ({one.reason})" if one.reason else "")]
    parts.append(f"{one.customer_id}, {scope}" if not one.target else f"{one.customer_id}, {one.target}")
    parts.append(f"asked {rfc3339(one.asked_ms)}" + (f" by {one.requested_by}" if one.requested_by else ""))
    if one.state in OPEN:
        parts.append(f"due {rfc3339(one.due_ms)}")
    if one.finished_ms:
        parts.append(f"ended {rfc3339(one.finished_ms)}" + (f" by {one.released_by}" if one.released_by else ""))
    if one.records or (one.kind is Kind.DELETION and one.state is State.DONE):
        parts.append(f"{one.records} records of {one.calls} calls")
    if one.keys and one.state is State.DONE:
        parts.append(f"{len(one.keys)} keys destroyed")
    return "  ".join(parts)

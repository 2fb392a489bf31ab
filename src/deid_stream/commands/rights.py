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

from deid_stream.commands.answering import PSEUDONYM, answer, line, nothing_to_show, policy_stays, warn
from deid_stream.commands.folders import new_folder
from deid_stream.commands.options import (
    CONNECTION,
    READER,
    WORKER,
    cluster,
    json_option,
    print_json,
    settings_options,
)
from deid_stream.config import Settings
from deid_stream.control.export import export
from deid_stream.control.holdings import Snapshot, read_statuses
from deid_stream.control.raw import Plan, carry_out, plan
from deid_stream.control.topics import ControlTopics
from deid_stream.custody.ring import key_ring, read_keys
from deid_stream.errors import ConfigError, SealedError, counted
from deid_stream.kafka.opening import Opener
from deid_stream.kafka.ports import Kafka
from deid_stream.kafka.record import OutRecord
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.requests import Kind, Request
from deid_stream.policy.rights import OPEN, State, Status
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.units import DAY_MS
from deid_stream.wire.requests import encode_request, read_request

CLIENT_ID: Final = "deid-stream-rights"
_LOOK_S: Final = 0.3
_IDS: Final = {name: WORKER[name] for name in ("hash_ids", "digest_key_file")}
_SHOWN: Final = 10
"""Most calls that are named one by one; the rest are counted."""
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
        click.option("--customer", required=True, help="The customer whose calls the request is about."),
        click.option("--call", default="", callback=_not_empty, help="Only this call."),
        click.option(
            "--subject",
            default="",
            callback=_not_empty,
            help="Only calls of this person: a telephone number, or the id that producers give in `subject`.",
        ),
        click.option(
            "--verified-by",
            default="",
            help="Who has checked the person's identity; needed unless the deployment has an identity_check.",
        ),
        click.option("--requested-by", default="", help="Who asks; default: the user of this machine."),
        click.option(
            "--request-id", default="", help="Id of the request; sent twice with one id, it is carried out once."
        ),
        click.option(
            "--timeout", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to wait; 0: do not."
        ),
    ):
        command = option(command)
    return command


def _request(kind: Kind, values: dict[str, str]) -> Request:
    """Build a request. Raises DecodeError for one that the control plane could not read and so would never answer."""
    asked = Request(
        request_id=values["request_id"] or f"{kind}-{uuid.uuid4().hex[:12]}",
        kind=kind,
        customer_id=values["customer"],
        call_id=values.get("call", ""),
        subject=values.get("subject", ""),
        target=values.get("target", ""),
        requested_by=values["requested_by"] or getpass.getuser(),
        verified_by=values.get("verified_by", ""),
    )
    return read_request(asked.customer_id.encode("utf-8", "replace"), encode_request(asked), asked.request_id)


async def _ask(kafka: Kafka, prefix: str, request: Request, timeout_s: float) -> Status | None:
    """Send the request and wait until it is decided; None with ``timeout_s`` 0, or where it takes longer. Raises
    BrokerError."""
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
    """Whether ``status`` is that of this very request, not of another with the same id. Customers and calls are not
    compared where ids are pseudonyms."""
    names = ((status.customer_id, request.customer_id, PSEUDONYM), (status.call_id, request.call_id, "call-"))
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
        return answer(request, asyncio.run(_ask(kafka, settings.topic_prefix, request, timeout)), timeout, as_json)


_simple(
    Kind.WITHDRAWAL,
    "withdraw",
    "Withdraw the consent to training: training records are deleted, later ones too, until released. "
    "For a whole customer, its policy is changed to say so.",
)
_simple(
    Kind.RESTRICTION,
    "restrict",
    "Restrict processing until released: training records are deleted, and retention deletes nothing. "
    "For a whole customer, nothing more is published.",
)
_simple(
    Kind.OBJECTION,
    "object",
    "Object to processing: what is held for analytics and training is deleted, and nothing more is published, "
    "until released.",
)
_simple(
    Kind.HOLD,
    "hold",
    "Put a legal hold on calls: deletion, objection and retention wait until it is released. "
    "An opt-out of training does not wait.",
)


@rights.command()
@click.argument("target")
@click.option("--customer", required=True, help="Whose request it is.")
@click.option("--requested-by", default="", help="Who releases; default: the user of this machine.")
@click.option("--request-id", default="", help="Id of this request.")
@click.option(
    "--timeout", type=click.FloatRange(0), default=60.0, show_default=True, help="Seconds to wait; 0: do not."
)
@settings_options(CONNECTION)
@json_option
def release(target: str, timeout: float, settings: Settings, as_json: bool, **values: str) -> int:
    """End the hold, restriction, objection or withdrawal whose request id is TARGET. If that request changed the
    customer's policy, the policy stays as it is: should the customer opt in again, write that with `deid-stream policy
    set`."""
    kafka, request = cluster(settings, CLIENT_ID), _request(Kind.RELEASE, values | {"target": target})
    status = asyncio.run(_ask(kafka, settings.topic_prefix, request, timeout))
    failed = answer(request, status, timeout, as_json)
    if status is not None and status.state is State.DONE:
        known = asyncio.run(read_statuses(kafka, ControlTopics.of(settings.topic_prefix)))
        if (released := known.get(target)) is not None:
            policy_stays(released)
    return failed


@rights.command()
@click.option("--raw", is_flag=True, help="From the raw topics too: without --yes only shows what would be deleted.")
@click.option("--yes", is_flag=True, help="Delete the raw records, and those of other calls before them.")
@_asking
@settings_options(CONNECTION)
@json_option
def delete(raw: bool, yes: bool, timeout: float, settings: Settings, as_json: bool, **values: str) -> int:
    """Delete what is held of a customer's calls, of one call, or of one person's calls.

    With --raw also from calls.events, calls.transcripts and calls.audio, which keep records for three days. A broker
    can only delete everything below an offset there, so records of other calls are deleted, too. Without --yes the
    command shows what would be deleted; it deletes nothing and sends no request.
    """
    if yes and not raw:
        raise ConfigError("--yes is for --raw; leave it out")
    if raw and values["subject"] and not values["call"]:
        raise ConfigError("raw records do not name the person: give --call, or leave --subject out")
    kafka = cluster(settings, CLIENT_ID)
    planned = Plan([])
    if raw:
        calls = [values["call"]] if values["call"] else []
        planned = asyncio.run(plan(kafka, settings.topic_prefix, values["customer"], calls))
        _show(planned)
        if not yes:
            click.echo("nothing was deleted; to delete, give --raw --yes")
            return 0
    request = _request(Kind.DELETION, values)
    status = asyncio.run(_ask(kafka, settings.topic_prefix, request, timeout))
    if raw and status is not None and status.state is State.DONE:
        gone = asyncio.run(carry_out(kafka, settings.topic_prefix, planned, status, wall_clock_ms()))
        click.echo(f"{counted(gone, 'raw record')} deleted", err=as_json)
    elif raw:
        click.echo("no raw record was deleted, since the request is not done", err=True)
    return answer(request, status, timeout, as_json)


def _show(planned: Plan) -> None:
    for cut in planned.cuts:
        place = f"{cut.place.topic} partition {cut.place.partition}"
        click.echo(f"{place}: {counted(cut.records, 'record')} below offset {cut.before}, {cut.own} asked for")
    others = planned.others
    if not planned.cuts:
        click.echo("the raw topics hold no record of it")
    elif others:
        named = ", ".join(others[:_SHOWN]) + (f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else "")
        click.echo(f"with it go records of {counted(len(others), 'other call')}: {named}")


@rights.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="New or empty folder for the export."
)
@_asking
@settings_options(CONNECTION, READER)
@json_option
def access(out: Path, timeout: float, settings: Settings, as_json: bool, **values: str) -> int:
    """Export what is held: manifest.json, calls.jsonl, transcripts.jsonl, audit.jsonl and a WAV file per call. Only
    this user may read the files.

    Where a request was granted but its export was not made, run the same command again with its --request-id.
    """
    kafka, request = cluster(settings, CLIENT_ID), _request(Kind.ACCESS, values)
    # made before the request is sent: a request whose export cannot be written would stay open
    with new_folder(out):
        status = asyncio.run(_ask(kafka, settings.topic_prefix, request, timeout or 60.0))
        if status is not None and status.state is State.DONE:
            raise ConfigError(f"{request.request_id} was exported before, so nothing was written; ask under a new id")
        if status is None or status.state is not State.GRANTED:
            return answer(request, status, timeout, as_json)
        warn(status, request)
        try:
            return asyncio.run(_hand_over(kafka, settings, request, status, out, as_json))
        except OSError as error:
            raise ConfigError(
                f"cannot write {error.filename or out}: {error.strerror}; {request.request_id} stays open: make room, "
                "empty the folder, and give the same command with this --request-id"
            ) from error
        except SealedError as error:
            again = f"{request.request_id} stays open: then give the same command with this --request-id"
            raise SealedError(f"{error}; {again}") from error


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
        what = f"{counted(made.calls, 'call')}, {counted(made.records, 'record')}"
        click.echo(f"{request.request_id}: {what} and {counted(made.audit_lines, 'line')} of the audit in {out}")
    return 0


@rights.command()
@click.argument("request_id", required=False)
@click.option("--customer", help="Only this customer's requests.")
@click.option("--open", "only_open", is_flag=True, help="Only requests that are open or in force.")
@settings_options(CONNECTION, _IDS)
@json_option
def status(request_id: str | None, customer: str | None, only_open: bool, settings: Settings, as_json: bool) -> int:
    """Show where requests stand, the oldest first: what was asked, about whom, when and by whom, the deadline, the end.

    Where the deployment hides ids (hash_ids), a customer is shown as its pseudonym. --customer takes that, or, with
    --hash-ids and the workers' digest key, the customer's own id.
    """
    kafka = cluster(settings, CLIENT_ID)
    ids = IdPseudonyms(key_ring(settings)) if settings.hash_ids else None
    found = asyncio.run(read_statuses(kafka, ControlTopics.of(settings.topic_prefix)))
    names = [customer, *(ids.customers(customer) if ids else ())] if customer else []
    chosen = [
        one
        for one in sorted(found.values(), key=lambda one: (one.asked_ms, one.request_id))
        if (request_id in (None, one.request_id))
        and (customer is None or not set(names).isdisjoint(one.customer_ids))
        and not (only_open and one.state not in OPEN and one.state is not State.IN_FORCE)
    ]
    if as_json:
        print_json([msgspec.to_builtins(one) for one in chosen])
    for one in chosen if not as_json else []:
        if one.kind is not Kind.FULFILLED:  # the access request itself says that it is done
            click.echo(line(one))
    if request_id is not None and not chosen:
        raise ConfigError(
            "there is no such request, or the control plane has not seen it yet; see `deid-stream rights status`"
        )
    if not chosen:
        click.echo(nothing_to_show(found.values(), customer, names, hidden=ids is not None), err=True)
    return 0


@rights.command()
@click.option(
    "--dry-run", is_flag=True, help="Required: this command only reports; the control plane deletes what has expired."
)
@click.option(
    "--days", type=click.IntRange(0, 36_500), default=0, show_default=True, help="Report as of so many days from now."
)
@settings_options(CONNECTION)
@json_option
def retention(dry_run: bool, days: int, settings: Settings, as_json: bool) -> int:
    """Report by customer and purpose how many calls and records would expire, and how many a hold or a restriction
    keeps although their days are over. Nothing is deleted by this command."""
    if not dry_run:
        raise ConfigError("the control plane deletes what has expired by itself; this command only reports: --dry-run")
    kafka = cluster(settings, CLIENT_ID)
    snapshot = asyncio.run(Snapshot.read(kafka, ControlTopics.of(settings.topic_prefix)))
    now_ms = wall_clock_ms() + days * DAY_MS
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
    rows = [(*key, count, records[key]) for key, count in sorted(calls.items())]
    if as_json:
        print_json(
            [dict(zip(("customer_id", "purpose", "reason", "calls", "records"), row, strict=True)) for row in rows]
        )
        return 0
    for customer, purpose, reason, count, held in rows:
        click.echo(f"{customer}  {purpose}  {reason}: {counted(count, 'call')}, {counted(held, 'record')}")
    if not rows:
        click.echo("nothing goes")
    return 0

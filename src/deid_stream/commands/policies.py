"""``policy set``, ``get`` and ``list``: the topic ``customers.policies``, as the workers understand it."""

import asyncio
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from deid_stream.commands.names import is_meant, unknown
from deid_stream.commands.options import (
    CONNECTION,
    WORKER,
    cluster,
    json_option,
    print_json,
    read_policy,
    settings_options,
)
from deid_stream.config import Settings
from deid_stream.errors import ConfigError
from deid_stream.model.json import JsonObject
from deid_stream.model.near import near_names
from deid_stream.model.topics import POLICIES
from deid_stream.policy import ChangeKind, Policy, PolicyStatus, PolicyTable, Standing, compile_policy
from deid_stream.policy.brief import in_brief
from deid_stream.policy.narrow import widened
from deid_stream.policy.permit import Position
from deid_stream.policy.versions import order_of
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.wire.cloudevents import identifier_at

_FIELDS = frozenset(Policy.__struct_fields__)
_REGION = {"region": WORKER["region"]}
_PROCESSOR = {"processor": WORKER["processor"]}


class Found(NamedTuple):
    """What the topic holds: the table as workers have it, and by customer the JSON of the policy that applies."""

    table: PolicyTable
    written: dict[str, JsonObject]


@click.group()
def policy() -> None:
    """Set, show and list customers' policies."""


@policy.command(name="set")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--customer", help="Instead of a FILE: the customer whose policy the flags below make.")
@click.option("--version", help="Its version; the default is one above the highest there has been.")
@click.option("--opt-out", is_flag=True, help="No training on this customer's calls.")
@click.option("--no-opt-out", is_flag=True, help="Training is allowed on this customer's calls.")
@click.option("--remove", is_flag=True, help="Remove the customer's policy (a tombstone): no training from then on.")
@settings_options(CONNECTION, _PROCESSOR)
def set_policy(
    file: Path | None,
    customer: str | None,
    version: str | None,
    opt_out: bool,
    no_opt_out: bool,
    remove: bool,
    settings: Settings,
) -> None:
    """Write a customer's policy: a JSON FILE, or --customer with --opt-out, --no-opt-out or --remove.

    It is checked first: its fields must all be known, and its version must be above every earlier one. Give --processor
    if the workers have it: a policy that would widen what they do by default is then refused.
    """
    if (file is None) == (customer is None):
        raise ConfigError("give either a FILE or --customer")
    chosen = opt_out + no_opt_out + remove
    if file is not None and (version is not None or chosen):
        raise ConfigError("--version, --opt-out and --remove are for --customer; with a FILE, write them into it")
    if file is None and chosen != 1:
        raise ConfigError("with --customer give one of --opt-out, --no-opt-out, --remove; for more give a FILE")
    raw: bytes | None = None
    if file is not None:
        raw, compiled = read_policy(file)
        customer = compiled.customer_id
        if settings.processor and (wider := widened(compiled)):
            raise ConfigError(
                f"{file.name} would widen what the deployment does by default; leave out {', '.join(wider)}"
            )
    customer = customer or ""
    if not remove:  # no call can have such a customer id, so an opt-out under it would have no effect
        identifier_at(customer.encode("utf-8", "replace"), "customer_id")
    found = asyncio.run(_read(settings))
    standing = found.table.standing(customer)
    there = found.table.customers()
    if remove and customer not in there:
        raise unknown("there is no policy to remove of customer", customer, there)
    if file is None and not remove:
        base = found.written.get(customer) or {"customer_id": customer}
        number = version or _next_version(standing)
        raw = msgspec.json.encode(base | {"training_opt_out": opt_out, "version": number})
    written = None
    if raw is not None:
        written = compile_policy(raw).version
        _check_version(written, raw, standing, found.written.get(customer))
    asyncio.run(_send(settings, customer, raw))
    click.echo(f"{customer}: " + (f"version {written} is written" if written else "removed"))
    if customer not in there and (near := near_names(customer, there)):
        # an opt-out under a mistyped name leaves the customer who is meant in training
        click.echo(f"    -> it is the first policy of {customer}; {is_meant(near)}", err=True)


def _next_version(standing: Standing) -> int:
    if len(standing.highest) > 1:
        raise ConfigError("the version before is not a plain number; give the new one with --version")
    return standing.highest[0] + 1 if standing.highest else 1


def _check_version(version: str, raw: bytes, standing: Standing, in_force: JsonObject | None) -> None:
    order = order_of(version)
    in_use = standing.status is not PolicyStatus.UNKNOWN and in_force is not None
    number = standing.policy.version if in_use else ".".join(map(str, standing.highest))
    there = f"version {number} {'is in force' if in_use else 'has been'}"
    if order < standing.highest:
        raise ConfigError(f"{there}; version {version} would be stale, give a higher one")
    same = in_force is not None and msgspec.json.decode(raw) | {"version": None} == in_force | {"version": None}
    if order == standing.highest and (standing.needs_higher or not same):
        raise ConfigError(f"{there}; version {version} with other content needs a higher number")


async def _send(settings: Settings, customer: str, raw: bytes | None) -> None:
    from deid_stream.kafka.record import OutRecord

    async with cluster(settings, "deid-stream-policy").sender() as sender:
        await sender.send([OutRecord(settings.topic_prefix + POLICIES.name, customer.encode(), raw)])


@policy.command()
@click.argument("customer")
@settings_options(CONNECTION)
def get(customer: str, settings: Settings) -> None:
    """Print the policy that applies to one customer's calls, as JSON."""
    found = asyncio.run(_read(settings))
    if customer not in found.written:
        meant = is_meant(near_names(customer, found.table.customers()))
        raise ConfigError(f"there is no readable policy of {customer}; {meant or 'see `deid-stream policy list`'}")
    status = found.table.standing(customer).status
    if status is not PolicyStatus.IN_FORCE:
        click.echo(f"a later record is {status}: this one stays in force, without training", err=True)
    print_json(found.written[customer])


@policy.command(name="list")
@settings_options(CONNECTION, _REGION | _PROCESSOR)
@json_option
def list_policies(settings: Settings, as_json: bool) -> None:
    """List for every customer what the workers let out now (analytics, training), and the reason where they do not.

    Give --region and --processor as the workers have them. Without --region, customers whose policy names a region are
    shown without training. With --processor, the fields of a policy that a processor does not follow are named.
    """
    found = asyncio.run(_read(settings))
    now_ms = wall_clock_ms()
    rows = [_row(found, customer, now_ms, processor=settings.processor) for customer in found.table.customers()]
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("no policies: analytics by the defaults, no training, for every customer")
    for row in rows:
        click.echo(_line(row))


def _row(found: Found, customer: str, now_ms: int, *, processor: bool) -> JsonObject:
    row = in_brief(found.table.standing(customer), now_ms) | {"policy": found.written.get(customer)}
    if ignored := sorted(found.written.get(customer, {}).keys() - _FIELDS):
        row["ignored_fields"] = ignored
    written = found.written.get(customer)
    if processor and written and (wider := widened(compile_policy(msgspec.json.encode(written)))):
        row["not_followed"] = wider
    return row


def _line(row: JsonObject) -> str:
    training = "training" if row["training"] else f"no training ({row['reason']})"
    if "training_from" in row:
        training += f" until {row['training_from']}"
    parts = [f"version {row['version']}" if row["policy"] else "no readable version"]
    parts.append(f"{'analytics' if row['analytics'] else 'no analytics'}, {training}")
    if row["legal_hold"]:
        parts.append("legal hold")
    if row["status"] != PolicyStatus.IN_FORCE:
        parts.append(f"a later record is {row['status']}" + (f": {row['error']}" if "error" in row else ""))
    if "ignored_fields" in row:
        parts.append(f"{len(row['ignored_fields'])} unknown fields are ignored")
    if "not_followed" in row:
        parts.append(f"not followed, since they would widen: {', '.join(row['not_followed'])}")
    return "  ".join([row["customer_id"], *parts])


async def _read(settings: Settings) -> Found:
    """Read the whole topic and apply its records as workers do."""
    from deid_stream.kafka.reading import read_to_end

    kafka = cluster(settings, "deid-stream-policy")
    found = Found(PolicyTable(settings.region), {})
    for record in await read_to_end(kafka, settings.topic_prefix + POLICIES.name):
        if not record.key:
            continue
        customer = record.key.decode(errors="replace")
        position = Position(record.partition, record.offset)
        kind = found.table.apply(customer, record.value, position, record.timestamp).kind
        if kind is ChangeKind.SET and record.value is not None:
            found.written[customer] = msgspec.json.decode(record.value)
        elif kind is ChangeKind.REMOVED:
            found.written.pop(customer, None)
    return found

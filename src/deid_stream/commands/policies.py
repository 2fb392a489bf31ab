"""``policy set``, ``get`` and ``list``: the topic ``customers.policies``."""

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec

from deid_stream.commands.options import (
    CONNECTION,
    cluster,
    json_option,
    print_json,
    read_policy,
    settings_options,
)
from deid_stream.config import Settings
from deid_stream.errors import ConfigError, PolicyError
from deid_stream.model.topics import POLICIES
from deid_stream.policy import compile_policy


@click.group()
def policy() -> None:
    """Set, show and list customers' policies."""


@policy.command(name="set")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--customer", help="Instead of a FILE: the customer whose policy is to be made of the flags below.")
@click.option("--version", help="Its version; the default is one above that in force.")
@click.option("--opt-out/--no-opt-out", default=None, help="No training on this customer's calls.")
@click.option("--remove", is_flag=True, help="Remove the customer's policy (a tombstone): no training from then on.")
@settings_options(CONNECTION)
def set_policy(
    file: Path | None, customer: str | None, version: str | None, opt_out: bool | None, remove: bool, settings: Settings
) -> None:
    """Write a customer's policy: a JSON FILE, or --customer with --opt-out, --no-opt-out or --remove.

    It is checked first, also against the version in force: a lower one would stop training as stale.
    """
    if (file is None) == (customer is None):
        raise ConfigError("give either a FILE or --customer")
    if file is not None and (version is not None or opt_out is not None or remove):
        raise ConfigError("--version, --opt-out and --remove go with --customer, not with a FILE")
    if file is None and remove == (opt_out is not None):
        raise ConfigError("with --customer give one of --opt-out, --no-opt-out, --remove; for more give a FILE")
    raw: bytes | None = None
    if file is not None:
        raw, compiled = read_policy(file)
        customer = compiled.customer_id
    customer = customer or ""
    in_force = asyncio.run(_read(settings)).get(customer) or {}
    if file is None and not remove:
        base = in_force or {"customer_id": customer, "version": 0}
        raw = msgspec.json.encode(base | {"training_opt_out": opt_out, "version": version or _next(base)})
    written = compile_policy(raw).version if raw else None
    before = str(in_force.get("version", ""))
    if written and written.isdecimal() and before.isdecimal() and int(written) < int(before):
        raise ConfigError(f"version {before} is in force; version {written} would be stale, give a higher one")
    asyncio.run(_send(settings, customer, raw))
    click.echo(f"{customer}: " + (f"version {written} is written" if written else "removed"))


async def _send(settings: Settings, customer: str, raw: bytes | None) -> None:
    from deid_stream.kafka.record import OutRecord

    async with cluster(settings, "deid-stream-policy").sender() as sender:
        await sender.send([OutRecord(settings.topic_prefix + POLICIES.name, customer.encode(), raw)])


def _next(current: dict[str, Any]) -> int:
    version = str(current["version"])
    if not version.isdecimal():
        raise ConfigError("the version in force is not a number; give the new one with --version")
    return int(version) + 1


@policy.command()
@click.argument("customer")
@settings_options(CONNECTION)
def get(customer: str, settings: Settings) -> None:
    """Print the policy of one customer, as JSON."""
    policies = asyncio.run(_read(settings))
    if customer not in policies:
        raise ConfigError(f"there is no readable policy of {customer}; see `deid-stream policy list`")
    print_json(policies[customer])


@policy.command(name="list")
@settings_options(CONNECTION)
@json_option
def list_policies(settings: Settings, as_json: bool) -> None:
    """List every customer's policy in force."""
    policies = asyncio.run(_read(settings))
    if as_json:
        print_json([policies[customer] or {"customer_id": customer, "error": "unreadable"} for customer in policies])
        return
    if not policies:
        click.echo("no policies: analytics by the defaults, no training, for every customer")
    for customer, found in sorted(policies.items()):
        if found is None:
            click.echo(f"{customer}  unreadable: no training")
            continue
        training = "no training" if found.get("training_opt_out") else "training"
        analytics = "analytics" if found.get("analytics", True) else "no analytics"
        click.echo(f"{customer}  version {found['version']}  {analytics}, {training}")


async def _read(settings: Settings) -> dict[str, dict[str, Any] | None]:
    """The last policy of every customer; None where it cannot be compiled."""
    from deid_stream.kafka.reading import read_to_end

    kafka = cluster(settings, "deid-stream-policy")
    found: dict[str, dict[str, Any] | None] = {}
    for record in await read_to_end(kafka, settings.topic_prefix + POLICIES.name):
        customer = (record.key or b"").decode(errors="replace")
        found.pop(customer, None)
        if record.value is None:
            continue
        try:
            compile_policy(record.value)
            found[customer] = msgspec.json.decode(record.value)
        except PolicyError:
            found[customer] = None
    return found

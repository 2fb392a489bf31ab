"""``keys``: master keys, and customers' own."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import click

from deid_stream.commands.names import unknown
from deid_stream.commands.options import CONNECTION, CUSTODY, WORKER, cluster, json_option, print_json, settings_options
from deid_stream.config import Settings
from deid_stream.control.holdings import holds
from deid_stream.control.topics import ControlTopics
from deid_stream.custody.ring import ProviderName, key_ring, provider
from deid_stream.errors import ConfigError, counted
from deid_stream.kafka.audit import AuditLog
from deid_stream.kafka.customer_keys import CustomerKeys
from deid_stream.keys.customers import reader_keys
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.keys.ring import KeyRing
from deid_stream.model.json import JsonObject
from deid_stream.model.outputs import AuditAction, AuditEntry
from deid_stream.model.topics import AUDIT, KEYS
from deid_stream.policy.permit import rfc3339
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.wire.chain import KEY_COMMANDS
from deid_stream.wire.output import encode_audit

_RING = {"digest_key_file": WORKER["digest_key_file"], "hash_ids": WORKER["hash_ids"]}
_FILE_MODE = 0o600
_AUDITED_AS = "keys"
"""Stands in place of a call id in audit lines about keys."""


@click.group()
def keys() -> None:
    """Make, rotate and destroy keys."""


@keys.command()
@click.option(
    "--provider",
    "name",
    type=click.Choice(["local", "vault", "aws-kms"]),
    default="local",
    show_default=True,
    help="What wraps the key: nothing (local), HashiCorp Vault's transit engine, or a cloud KMS.",
)
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to put the key into, as its first; keys in it are retired. Made (mode 0600) if missing.",
)
@settings_options(CUSTODY)
def new(name: ProviderName, file: Path | None, settings: Settings) -> None:
    """Make a master key: printed, or put first in a --file for DEID_DIGEST_KEY_FILE.

    A key that Vault or a KMS has wrapped can be used only with that service, so the file alone is no secret.
    """
    made = provider(settings, name).generate()
    if file is None:
        click.echo(made.token)
        return
    before = file.read_text(encoding="utf-8").split() if file.exists() else []
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "w", encoding="utf-8") as out:
            out.write("\n".join([made.token, *before]) + "\n")
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    then = "; restart the workers, then run `deid-stream keys rotate`" if before else ""
    click.echo(f"{file}: a new key, {len(before)} retired{then}")


@keys.command(name="reader-key")
@settings_options(_RING, CUSTODY)
def reader_key(settings: Settings) -> None:
    """Print the key that a reader of encrypted outputs sets as DEID_READ_KEY. It decrypts outputs; it opens neither
    pseudonyms nor checkpoints."""
    click.echo(" ".join(key.hex() for key in reader_keys(key_ring(settings))))


@keys.command(name="list")
@settings_options(CONNECTION, _RING, CUSTODY)
@json_option
def list_keys(settings: Settings, as_json: bool) -> None:
    """List master keys and customers' keys, by their ids; no key is shown."""
    ring = key_ring(settings)

    async def read() -> list[JsonObject]:
        async with _opened(settings, ring) as held:
            table = held.table
            return [
                {
                    "customer_id": customer_id,
                    "keys": [
                        {"id": key.id, "wrapped_by": key.by, "created": rfc3339(key.created_ms)}
                        for key in table.record(customer_id).keys
                    ],
                    "destroyed": list(table.record(customer_id).destroyed),
                }
                for customer_id in table.customers()
            ]

    customers = asyncio.run(read())
    if as_json:
        print_json({"master": ring.ids[0], "retired": ring.ids[1:], "customers": customers})
        return
    click.echo(f"master key {ring.ids[0]}" + "".join(f", retired {name}" for name in ring.ids[1:]))
    for row in customers:
        held = ", ".join(f"{key['id']} of {key['created'][:10]} under {key['wrapped_by']}" for key in row["keys"])
        gone = f"{len(row['destroyed'])} destroyed" if row["destroyed"] else ""
        click.echo(f"{row['customer_id']}  " + "; ".join(part for part in (held, gone) if part))


@keys.command()
@click.option("--customer", metavar="ID", help="A new key for this customer instead.")
@settings_options(CONNECTION, _RING, CUSTODY)
def rotate(customer: str | None, settings: Settings) -> None:
    """Wrap every customer's keys under the current master key; then the retired one may go, once no call that began
    with it is live. With --customer: a new key for that customer; what its old ones have encrypted stays readable.
    """
    ring = key_ring(settings)

    async def run() -> str:
        async with _opened(settings, ring) as held:
            if customer is None:
                count = await held.rewrap()
                await _audited(settings, "", "wrapped_anew", {"customers": count})
                of = f"{count} of {counted(len(held.table), 'customer')}"
                return f"keys wrapped anew for {of}, under the master key {ring.ids[0]}"
            name, *older = _named(settings, ring, customer)
            if not any(held.has(one) for one in (name, *older)):
                known = [] if settings.hash_ids else held.table.customers()
                raise unknown("there is no key of a customer", customer, known)
            await _audited(settings, name, "rotated", {"keys": len(held.table.record(name).keys)})
            return f"{customer}: new key {await held.rotate(name)}"

    click.echo(asyncio.run(run()))


@keys.command()
@click.option("--customer", metavar="ID", required=True, help="Whose keys.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@settings_options(CONNECTION, _RING, CUSTODY)
def destroy(customer: str, yes: bool, settings: Settings) -> None:
    """Destroy a customer's keys: after that nobody can link its pseudonyms or read its encrypted outputs, in any copy.

    This cannot be undone. Calls of the customer that come later get a new key. The command refuses while a legal hold
    is on the customer or on one of its calls.
    """
    if not yes:
        click.confirm(f"Destroy the keys of {customer} for ever?", abort=True)
    ring = key_ring(settings)

    async def run() -> int:
        names = _named(settings, ring, customer)
        held_by = await holds(cluster(settings, "deid-stream-keys"), ControlTopics.of(settings.topic_prefix), names)
        if held_by:
            raise ConfigError(
                f"{customer} is under a legal hold ({', '.join(held_by)}), and what is held must stay readable: "
                "end the hold first"
            )
        async with _opened(settings, ring) as held:
            found = {name: len(held.table.record(name).keys) for name in names}
            for name, count in found.items():
                if count:
                    # the line comes first: a destruction that cannot be recorded is not done
                    await _audited(settings, name, "destroyed", {"keys": count})
                    await held.destroy(name)
            return sum(found.values())

    count = asyncio.run(run())
    if not count:
        raise ConfigError(f"{customer} has no key that could be destroyed; see `deid-stream keys list`")
    click.echo(f"{customer}: {counted(count, 'key')} destroyed")


@contextlib.asynccontextmanager
async def _opened(settings: Settings, ring: KeyRing) -> AsyncIterator[CustomerKeys]:
    kafka = cluster(settings, "deid-stream-keys")
    async with CustomerKeys(
        kafka,
        settings.topic_prefix + KEYS.name,
        "read_committed",
        ring,
        random=os.urandom,
        now_ms=wall_clock_ms,
    ) as held:
        yield held


def _named(settings: Settings, ring: KeyRing, customer: str) -> tuple[str, ...]:
    """The customer's names in the topics: the current one, and those from before the master key was rotated."""
    return IdPseudonyms(ring).customers(customer) if settings.hash_ids else (customer,)


async def _audited(settings: Settings, customer_id: str, reason: str, counts: dict[str, int]) -> None:
    """A line of ``deid.audit``, in a chain of its own. Raises BrokerError."""
    entry = AuditEntry(
        call_id=_AUDITED_AS,
        customer_id=customer_id,
        action=AuditAction.KEYS,
        reason=reason,
        time_ms=wall_clock_ms(),
        counts=counts,
    )
    log = AuditLog(cluster(settings, "deid-stream-keys"), settings.topic_prefix + AUDIT.name, KEY_COMMANDS)
    await log.send([encode_audit(entry, policy_version="")])

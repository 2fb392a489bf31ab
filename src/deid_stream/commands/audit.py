"""``audit verify`` and ``audit export``."""

import asyncio
from pathlib import Path
from typing import Final

import click
import msgspec

from deid_stream.commands.options import (
    CONNECTION,
    WORKER,
    cluster,
    json_option,
    period_ms,
    print_json,
    settings_options,
)
from deid_stream.config import Settings
from deid_stream.custody.ring import key_ring
from deid_stream.errors import ConfigError, counted
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.model.json import UNDECODABLE, JsonObject
from deid_stream.policy.proof import Proof
from deid_stream.runtime.clock import wall_clock_ms

_IDS: Final = {name: WORKER[name] for name in ("region", "hash_ids", "digest_key_file")}
_BREAKS: Final = {
    "cut": "lines before it are gone",
    "beginning_cut": "the lines that it begins with are gone, and have not expired",
    "end_cut": "lines up to this position were written, and are gone",
    "begun_again": "the chain begins a second time: its writer did not know how far it had come",
    "misplaced": "its position does not follow from the line before",
    "unchained": "a line without a chain among lines with one: this service did not write it",
}


@click.group()
def audit() -> None:
    """Prove from the topics that consent was kept and the audit is whole; export the audit."""


@audit.command()
@click.option(
    "--manifest",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="manifest.json of an earlier export: what it had seen must still be there.",
)
@settings_options(CONNECTION, _IDS)
@json_option
def verify(manifest: Path | None, settings: Settings, as_json: bool) -> int:
    """Check every record of the training topics against the policies (does it have a permit, did the policies allow it,
    has its customer opted out since, has it expired), that nothing is left of calls that the audit says were taken
    back, and that every line of the audit stands where its chain says.

    Exit status 1 where a record should not be there, or where the audit was changed or cut. Give --region and
    --hash-ids as the workers have them. A record whose policy is no longer in the topic is counted as unproven: the
    topic keeps every policy for seven days, and each customer's last one for ever.
    """
    from deid_stream.commands.proving import heads_of, proven

    known = None
    if manifest is not None:
        try:
            known = heads_of(msgspec.json.decode(manifest.read_bytes())["chains"])
        except (*UNDECODABLE, KeyError, TypeError):
            raise ConfigError(
                f"{manifest} is no manifest of `deid-stream audit export`; give an earlier export's manifest.json"
            ) from None
    kafka = cluster(settings, "deid-stream-audit")
    ids = IdPseudonyms(key_ring(settings)) if settings.hash_ids else None
    proof = Proof(settings.region, ids)
    found = asyncio.run(proven(kafka, settings.topic_prefix, proof, wall_clock_ms(), known))
    if as_json:
        print_json(found)
    else:
        _tell(found)
    return 0 if found["proven"] else 1


def _tell(found: JsonObject) -> None:
    for verdict, count in found["verdicts"].items():
        click.echo(f"{verdict}: {counted(count, 'record')}")
    for wrong in found["wrong"]:
        click.echo(f"{wrong['verdict']}  {wrong['topic']}  {wrong['key']}", err=True)
    proven = (
        "consent is proven" if any(found["verdicts"].values()) else "no record is in training, so no consent is needed"
    )
    click.echo(proven if found["consent"] else "records are there that should not be", err=not found["consent"])
    tell_chains(found["audit"])


def tell_chains(audit_read: JsonObject) -> None:
    """What the chains prove, a line each."""
    for chain in audit_read["chains"]:
        since = f", older ones have expired: from position {chain['first']}" if chain["first"] else ""
        again = f", {chain['repeats']} written again" if chain["repeats"] else ""
        again += f", {counted(chain['branches'], 'branch', 'branches')}" if chain["branches"] else ""
        click.echo(
            f"audit {chain['partition']}/{chain['writer']}: {counted(chain['lines'], 'line')}{since}{again}, "
            f"head {chain['head'][:16]}"
        )
    if audit_read["unchained"]:
        click.echo(f"audit: {counted(audit_read['unchained'], 'line')} from before there were chains")
    if not audit_read["ends_known"]:
        click.echo(
            "audit: no right to read deid.checkpoints, so nobody would see that lines at the end are gone", err=True
        )
    for found in audit_read["breaks"]:
        at = f"offset {found['offset']}" if found["offset"] >= 0 else "the end"
        where = f"{found['partition']}/{found['writer']} at {at}".replace("/ at", " at")
        click.echo(f"{found['what']}  audit {where}: {_BREAKS[found['what']]}", err=True)
    whole = not audit_read["breaks"]
    click.echo("the audit is whole" if whole else "the audit was changed or cut", err=not whole)


@audit.command()
@click.option("--customer", metavar="ID", help="Only this customer's lines.")
@click.option("--call", metavar="ID", help="Only this call's lines.")
@click.option("--from", "since", metavar="DATE", help="Lines of this day or later (YYYY-MM-DD, UTC).")
@click.option("--to", "until", metavar="DATE", help="Lines of this day or earlier (YYYY-MM-DD, UTC).")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder; must be new or empty."
)
@settings_options(CONNECTION, {name: text for name, text in _IDS.items() if name != "region"})
@json_option
def export(
    customer: str | None,
    call: str | None,
    since: str | None,
    until: str | None,
    out: Path,
    settings: Settings,
    as_json: bool,
) -> int:
    """Write a report for a regulator: audit.jsonl, report.html to read, and manifest.json with the digests of the files
    and the chains. The whole audit is checked on the way; exit status 1 where it was changed or cut.

    With --hash-ids give your own ids: they are looked up by their pseudonyms, those of retired keys too. An ID of which
    neither the audit nor a policy knows anything is an error that names the nearest known ids; then no file is written.
    """
    from deid_stream.commands.exporting import Wanted, write_export

    if out.exists() and any(out.iterdir()):
        raise ConfigError(f"{out} is not empty; give a new folder")
    ids = IdPseudonyms(key_ring(settings)) if settings.hash_ids else None
    since_ms, until_ms = period_ms(since, until, ("--from", "--to"))
    wanted = Wanted(
        customers=() if not customer else ids.customers(customer) if ids else (customer,),
        calls=() if not call else ids.calls(call) if ids else (call,),
        since_ms=since_ms,
        until_ms=until_ms,
    )
    kafka = cluster(settings, "deid-stream-audit")
    try:
        manifest = asyncio.run(write_export(kafka, settings.topic_prefix, wanted, out, wall_clock_ms(), ids))
    except OSError as error:
        raise ConfigError(
            f"cannot write {error.filename or out}: {error.strerror}; make room, or give another folder"
        ) from error
    if as_json:
        print_json(manifest)
    else:
        what = f"{counted(manifest['lines'], 'line')} of {counted(manifest['calls'], 'call')}"
        click.echo(f"{out}: {what}; read {out / 'report.html'}")
        whole = not manifest["breaks"]
        click.echo("the audit is whole" if whole else "the audit was changed or cut: see the report", err=not whole)
    if not manifest["lines"]:
        known = "the names are known, but not together, or not in these days"
        hidden = "" if ids else "; with hash_ids give --hash-ids and the workers' digest key"
        named = f"{known}{hidden}" if customer or call else "no such day"
        click.echo(f"the report holds no line: {named}", err=True)
    return 1 if manifest["breaks"] else 0

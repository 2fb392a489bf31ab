"""``dataset export``, ``dataset prune`` and ``dataset check``."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from deid_stream.commands.names import is_meant
from deid_stream.commands.options import (
    CONNECTION,
    READER,
    json_option,
    period_ms,
    print_json,
    require_broker,
    settings_options,
)
from deid_stream.config import Settings
from deid_stream.custody.ring import read_keys
from deid_stream.errors import ConfigError, counted
from deid_stream.model.near import near_names

if TYPE_CHECKING:
    from deid_stream.datasets.export.manifest import Manifest, Removal
    from deid_stream.datasets.export.run import Steps
    from deid_stream.datasets.topics import TrainingTopics

_FORMATS: Final = ("parquet", "webdataset", "jsonl")


@click.group()
def dataset() -> None:
    """Make training sets of what customers permit, and keep them in line with what they withdraw."""


@dataset.command()
@click.argument("target")
@click.option("--format", "format_name", type=click.Choice(_FORMATS), default="parquet", show_default=True)
@click.option(
    "--customer", "customers", multiple=True, help="Only this customer's calls; repeat the flag for several customers."
)
@click.option("--since", metavar="DATE", help="Calls that ended on this day or later (YYYY-MM-DD, UTC).")
@click.option("--until", metavar="DATE", help="Calls that ended on this day or earlier (YYYY-MM-DD, UTC).")
@click.option("--whole-calls", is_flag=True, help="Leave out calls of which training has only a part.")
@click.option(
    "--placeholders",
    type=click.Choice(["keep", "type", "common", "remove", "skip"]),
    default="keep",
    show_default=True,
    help="[PERSON_1] as it is, <person>, <redacted> or nothing; skip: leave out clips that hold one.",
)
@click.option(
    "--silences",
    type=click.Choice(["keep", "noise"]),
    default="keep",
    show_default=True,
    help="Silenced stretches as they are, or filled with noise at the level of the line.",
)
@settings_options(CONNECTION, READER)
@json_option
def export(
    target: str,
    format_name: str,
    customers: tuple[str, ...],
    since: str | None,
    until: str | None,
    whole_calls: bool,
    placeholders: str,
    silences: str,
    settings: Settings,
    as_json: bool,
) -> None:
    """Write the training set to TARGET, a folder or an fsspec URL (s3://, gs://).

    Into a folder that holds a dataset already, only what is new is added, and what was withdrawn since is taken out.
    """
    from deid_stream.datasets.export.dataset import Dataset
    from deid_stream.datasets.export.manifest import Filter
    from deid_stream.datasets.export.run import export as run_export
    from deid_stream.datasets.export.storage import Storage
    from deid_stream.datasets.normalise import Normalisation, Placeholders, Silences

    storage = Storage(target)
    now_ms = int(time.time() * 1000)
    since_ms, until_ms = period_ms(since, until, ("--since", "--until"))
    wanted = Filter(
        customers=tuple(sorted(set(customers))),
        since_ms=since_ms,
        until_ms=until_ms,
        whole_calls=whole_calls,
    )
    topics = _topics(settings)
    opened = Dataset(
        storage,
        format_name=format_name,
        filter_=wanted,
        normalisation=Normalisation(Placeholders(placeholders), Silences(silences)),
        now_ms=now_ms,
    )
    with _bars(as_json) as steps:
        done = asyncio.run(run_export(topics, opened, storage, steps, now_ms))
    for customer in wanted.customers:
        if customer not in done.customers:
            meant = is_meant(near_names(customer, done.customers)) or (
                "run it again when one has, or check the name (with hash_ids it is the pseudonym, `customer-...`)"
            )
            click.echo(f"deid-stream: no call of customer {customer} has closed; {meant}", err=True)
    if as_json:
        print_json({"target": target, "added": done.added, **_summary(done.manifest, done.removal)})
        return
    _tell_removal(done.removal)
    counts = done.manifest.counts
    click.echo(
        f"{target}: {counted(counts['calls'], 'call')} ({done.added} new, {counts['partial_calls']} in part), "
        f"{counted(counts['clips'], 'clip')}, {counts['duration_ms'] / 3_600_000:.2f} h; "
        f"dataset {done.manifest.dataset_id[:12]}"
    )
    _tell_retention(done.manifest, target)


@dataset.command()
@click.argument("target")
@settings_options(CONNECTION, READER)
@json_option
def prune(target: str, settings: Settings, as_json: bool) -> int:
    """Take out of TARGET what was withdrawn, deleted or has expired since, and prove it by reading everything again.

    Exit status 1 where the proof fails.
    """
    from deid_stream.datasets.export.run import prune as run_prune
    from deid_stream.datasets.export.storage import Storage

    with _bars(as_json) as steps:
        done = asyncio.run(run_prune(_topics(settings), Storage(target), steps, int(time.time() * 1000)))
    if as_json:
        print_json({"target": target, "problems": done.problems, **_summary(done.manifest, done.removal)})
    else:
        _tell_removal(done.removal)
        for problem in done.problems:
            click.echo(f"deid-stream: {problem}", err=True)
        if not done.problems:
            calls, shards = counted(done.manifest.counts["calls"], "call"), counted(len(done.manifest.shards), "shard")
            click.echo(f"{target}: {calls} left; {shards} read again, nothing withdrawn is in the dataset")
            _tell_retention(done.manifest, target)
    return 1 if done.problems else 0


@dataset.command()
@click.argument("target")
@json_option
def check(target: str, as_json: bool) -> int:
    """Compare every file of TARGET with the manifest; exit status 1 where any differs. Needs no broker."""
    from deid_stream.datasets.export import manifest
    from deid_stream.datasets.export.storage import Storage

    storage = Storage(target)
    known = manifest.read(storage)
    if known is None:
        raise ConfigError(f"{target} holds no dataset ({manifest.FILE_NAME} is missing); correct the path")
    problems = manifest.problems(storage, known)
    if as_json:
        print_json({"target": target, "problems": problems, **_summary(known, None)})
    else:
        click.echo("\n".join(problems) or f"{target}: every file is as the manifest says")
        _tell_retention(known, target)
    return 1 if problems else 0


def _topics(settings: Settings) -> "TrainingTopics":
    from deid_stream.datasets.topics import TrainingTopics
    from deid_stream.datasets.training import CLIENT_ID
    from deid_stream.kafka.connect import connect

    require_broker(settings)
    return TrainingTopics(connect(settings, CLIENT_ID), settings.topic_prefix, read_keys(settings))


@contextlib.contextmanager
def _bars(quiet: bool) -> "Iterator[Steps]":
    """Progress on standard error, where a person looks at it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from deid_stream.datasets.export.run import Steps

    console = Console(stderr=True)
    shown = not quiet and sys.stderr.isatty()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not shown, transient=True) as bar:
        reading = bar.add_task("records looked at", total=None)
        writing = bar.add_task("calls", total=None)
        yield Steps(
            surveyed=lambda count: bar.advance(reading, count),
            wanted=lambda count: bar.update(writing, total=count),
            exported=lambda count: bar.advance(writing, count),
        )


def _summary(manifest: "Manifest", removal: "Removal | None") -> dict[str, object]:
    return {
        "dataset_id": manifest.dataset_id,
        "counts": manifest.counts,
        "retain_until_ms": manifest.retain_until_ms,
        "removed": {} if removal is None else removal.calls,
    }


def _tell_removal(removal: "Removal | None") -> None:
    if removal is None:
        return
    for reason in sorted(set(removal.calls.values())):
        count = sum(why == reason for why in removal.calls.values())
        click.echo(f"{counted(count, 'call')} taken out: {reason}")


def _tell_retention(manifest: "Manifest", target: str) -> None:
    if manifest.retain_until_ms is not None:
        day = datetime.fromtimestamp(manifest.retain_until_ms / 1000, UTC).date()
        click.echo(f"the first permit ends on {day}: run `deid-stream dataset prune {target}` by then")

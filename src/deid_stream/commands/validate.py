"""``validate``: what is wrong with files and with the records of a topic, by field."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from deid_stream.commands.options import CONNECTION, cluster, json_option, print_json, settings_options
from deid_stream.config import Settings
from deid_stream.errors import ConfigError, counted
from deid_stream.model.json import JsonObject

_SHOWN: Final = 20
"""Most findings of a file that are printed; the rest are counted."""
_LIMITS: Final = {
    "max_audio_bytes": "Audio records of more bytes are reported as too large.",
    "max_transcript_bytes": "Transcript and event records of more bytes are reported as too large.",
}


@click.command(short_help="Say what is wrong with records, call files and recognisers' documents.")
@click.argument("files", type=click.Path(exists=True, dir_okay=False, path_type=Path), nargs=-1, metavar="FILE...")
@click.option("--topic", help="Instead of files, check the records of calls.events, calls.transcripts or calls.audio.")
@click.option(
    "--format", "provider", metavar="NAME", help="The documents' provider, where their form does not show it."
)
@settings_options(CONNECTION | _LIMITS)
@json_option
def validate(
    files: tuple[Path, ...], topic: str | None, provider: str | None, settings: Settings, as_json: bool
) -> int:
    """Say what is wrong with FILEs, or with the records of a topic, by field; nothing of their content is shown.

    A FILE is a call file, a recogniser's document (one, or one per line), a policy, a CloudEvent in structured mode, a
    record as `kcat -J` prints it, or a recording. Status 1 where anything is wrong; a note, such as words without
    times, leaves it 0.
    """
    if bool(files) == (topic is not None):
        raise ConfigError("give either FILEs or --topic")
    if topic is not None:
        report = asyncio.run(_of_topic(topic, settings))
    else:
        report = list(_of_files(files, provider, settings))
    if as_json:
        print_json(report)
    else:
        for entry in report:
            _print(entry)
    return 1 if any(entry["findings"] for entry in report) else 0


def _of_files(files: tuple[Path, ...], provider: str | None, settings: Settings) -> Iterator[JsonObject]:
    from deid_stream.datasets.sound import SUFFIXES
    from deid_stream.datasets.validating import as_json, check_file

    transcript = any(path.suffix.lower() not in SUFFIXES for path in files)
    for path in files:
        for checked in check_file(path, provider, settings.limits, transcript=transcript):
            yield {"file": str(path), **as_json(checked)}


async def _of_topic(topic: str, settings: Settings) -> list[JsonObject]:
    """Check a topic. Findings that are alike are reported once, with how many there are and where the first lies."""
    from deid_stream.datasets.validating import Finding, check_record
    from deid_stream.kafka.reading import read_to_end
    from deid_stream.model.topics import TopicNames

    kinds = TopicNames.of(settings.topic_prefix).inputs
    if topic not in kinds:
        raise ConfigError(f"--topic must be one of {', '.join(kinds)}")
    kafka = cluster(settings, "deid-stream-validate")
    records = await read_to_end(kafka, topic)
    async with kafka.log_reader("read_committed") as reader:
        partitions = len(await reader.partitions(topic))
    counts: Counter[Finding] = Counter()
    first: dict[Finding, str] = {}
    for record in records:
        place = (record.partition, partitions)
        if record.unreadable:
            mend = "check the header names and the compression that the producer's client uses"
            told = Finding("unreadable", "", f"no client can read the record: {record.unreadable}", mend)
            counts[told] += 1
            first.setdefault(told, f"partition {record.partition} offset {record.offset}")
            continue
        checked = check_record(kinds[topic], record.key, record.value, record.headers, settings.limits, place=place)
        for found in checked.findings:
            counts[found] += 1
            first.setdefault(found, f"partition {record.partition} offset {record.offset}")
    findings = [{**found._asdict(), "records": count, "first": first[found]} for found, count in counts.most_common()]
    return [{"topic": topic, "kind": counted(len(records), "record"), "segments": 0, "findings": findings}]


def _print(entry: JsonObject) -> None:
    name = entry.get("file") or entry.get("topic")
    size = f", {counted(entry['segments'], 'segment')}" if entry["segments"] else ""
    findings = entry["findings"]
    click.echo(f"{name}: {entry['kind']}{size}: {f'{len(findings)} wrong' if findings else 'right'}")
    for note in entry.get("notes", ()):
        click.echo(f"  note: {note['path']}: {note['message']} [{note['code']}]\n    -> {note['mend']}")
    for found in findings[:_SHOWN]:
        where = f"{found['path']}: " if found["path"] else ""
        times = f" ({counted(found['records'], 'record')}, the first at {found['first']})" if "records" in found else ""
        click.echo(f"  {where}{found['message']} [{found['code']}]{times}")
        if found["mend"]:
            click.echo(f"    -> {found['mend']}")
    if len(findings) > _SHOWN:
        click.echo(f"  and {len(findings) - _SHOWN} more; --json shows all")

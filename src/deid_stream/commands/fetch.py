"""``fetch``: one call out of the topics, as files."""

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from deid_stream.commands.options import CONNECTION, READER, WORKER, cluster, json_option, print_json, settings_options
from deid_stream.config import Settings
from deid_stream.custody.ring import key_ring, read_keys
from deid_stream.errors import counted

if TYPE_CHECKING:
    from deid_stream.datasets.fetch.together import Fetched

_FLAGS: Final = {
    name: WORKER[name] for name in ("max_audio_bytes", "max_transcript_bytes", "hash_ids", "digest_key_file")
}
_UNSAFE: Final = re.compile(r"[^\w.@+-]+")
_NAME_CHARS: Final = 120
_THINGS: Final = {"events": "event", "segments": "segment", "audio": "audio record"}
"""One record of each kind of ``Fetched.records``, for a message."""


@click.command(short_help="Take one call's records out of Kafka, as files for `replay`.")
@click.argument("call_id", metavar="CALL_ID")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to.")
@click.option("--sanitized", is_flag=True, help="Fetch what analytics has of the call, not the source records.")
@click.option(
    "--any-partition", is_flag=True, help="Look in every partition, for calls of producers that do not use murmur2."
)
@settings_options(CONNECTION, _FLAGS, READER)
@json_option
def fetch(call_id: str, out: Path, sanitized: bool, any_partition: bool, settings: Settings, as_json: bool) -> None:
    """Take the source records of the call CALL_ID out of calls.events, calls.transcripts and calls.audio, and write
    them as NAME.wav and NAME.call.json, which `replay` reads.

    These files hold what the callers said: keep them where only you can read them, and delete them when you are done.
    Your user needs the rights to read the raw topics and to write deid.audit: before a file is written, an entry
    there records that the call was fetched. With --sanitized the files hold what analytics has of the call, with its
    entities.
    """
    found = asyncio.run(_fetched(call_id, settings, sanitized=sanitized, anywhere=any_partition))
    name = file_name(found.call_id)
    written = _write(out, name, found)
    if as_json:
        print_json(
            {
                "call_id": found.call_id,
                "customer_id": found.customer_id,
                "records": found.records,
                "notes": found.notes,
                "files": [str(path) for path in written],
            }
        )
        return
    for note in found.notes:
        click.echo(f"deid-stream: {note}", err=True)
    told = ", ".join(counted(count, _THINGS[kind]) for kind, count in found.records.items())
    click.echo(f"{told} -> {' '.join(map(str, written))}")
    if not sanitized:
        click.echo("raw: delete these files when you are done with them", err=True)


async def _fetched(call_id: str, settings: Settings, *, sanitized: bool, anywhere: bool) -> "Fetched":
    from deid_stream.datasets.fetch.topics import Fetcher
    from deid_stream.keys.ids import IdPseudonyms

    kafka = cluster(settings, "deid-stream-fetch")
    ids = IdPseudonyms(key_ring(settings)) if settings.hash_ids else None
    fetcher = Fetcher(kafka, settings.topic_prefix, settings.limits, ids, anywhere=anywhere, keys=read_keys(settings))
    read = fetcher.released if sanitized else fetcher.source
    if sys.stderr.isatty():
        with click.progressbar(length=0, label="records", show_eta=False, show_pos=True, file=sys.stderr) as bar:
            found = await read(call_id, lambda count: bar.update(count))
    else:
        found = await read(call_id)
    await fetcher.audit(found, "fetch_sanitized" if sanitized else "fetch")
    return found


def file_name(call_id: str) -> str:
    """The call id as a file name: characters that could lead out of the folder are replaced."""
    return _UNSAFE.sub("_", call_id)[:_NAME_CHARS].lstrip(".") or "call"


def _write(out: Path, name: str, found: "Fetched") -> list[Path]:
    """Write files that only this user can read. A folder that does not exist yet is made so that only this user can
    list it."""
    from deid_stream.datasets.files import write_json
    from deid_stream.datasets.wav import write_wav

    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = []
    if found.sound is not None:
        paths.append(out / f"{name}.wav")
        write_wav(paths[-1], found.sound)
    paths.append(out / f"{name}.call.json")
    write_json(paths[-1], found.call)
    return paths

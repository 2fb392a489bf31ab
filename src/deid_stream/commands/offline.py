"""``replay``, ``detect`` and ``score``: files in, files out, no Kafka."""

import os
from pathlib import Path
from typing import Any

import click
import msgspec

from deid_stream.commands.options import json_option, print_json, settings_options
from deid_stream.config import Settings
from deid_stream.errors import ConfigError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SESSION_FLAGS = {
    "holdback_ms": "Longest wait for a transcript; then the audio is silenced.",
    "context_window_ms": "A pause at least this long ends a turn.",
    "timing_profile": "How exact the word times are: exact, 50ms, 100ms, 300ms or a provider's name.",
}


@click.command(short_help="De-identify recorded calls without Kafka.")
@click.argument("call", type=click.Path(exists=True, path_type=Path), metavar="CALL.wav|FOLDER")
@click.argument("transcript", type=_FILE, required=False, metavar="[CALL.call.json]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to.")
@click.option("--policy", "policy_file", type=_FILE, help="The customer's policy, JSON; default: the defaults.")
@click.option("--interleaved", is_flag=True, help="Send the channels interleaved in one record, not one record each.")
@settings_options(_SESSION_FLAGS)
@json_option
def replay(
    call: Path,
    transcript: Path | None,
    out: Path,
    policy_file: Path | None,
    interleaved: bool,
    settings: Settings,
    as_json: bool,
) -> None:
    """De-identify a recorded call: CALL.wav (one channel a speaker) with its transcript CALL.call.json, or every such
    pair in a FOLDER.

    Writes NAME.wav (same codec and length; outside the silenced spans bit-identical), NAME.call.json (sanitized) and
    NAME.report.json (entities, and which milliseconds of which channel were silenced).
    """
    from deid_stream import __version__
    from deid_stream.datasets.callfile import JSON_SUFFIX, Pace, find_calls, read_call
    from deid_stream.datasets.replay import replay as replay_call
    from deid_stream.datasets.wav import write_wav
    from deid_stream.detect.detector import Detector
    from deid_stream.policy import compile_policy
    from deid_stream.session.settings import SessionSettings

    if call.is_dir():
        pairs = find_calls(call)
        if not pairs:
            raise ConfigError(f"{call} holds no NAME.wav with its NAME{JSON_SUFFIX}")
    else:
        pairs = [(call, transcript or call.with_name(call.stem + JSON_SUFFIX))]
    for wav_path, json_path in pairs:
        if out.resolve() in (wav_path.parent.resolve(), json_path.parent.resolve()):
            raise ConfigError("--out is the folder of the call itself, which would be overwritten; name another")
    policy = compile_policy(policy_file.read_bytes() if policy_file else None)
    session = SessionSettings(
        holdback_ms=settings.holdback_ms,
        context_window_ms=settings.context_window_ms,
        max_turn_ms=settings.max_turn_ms,
    )
    if settings.timing_profile:
        session = msgspec.structs.replace(session, default_profile=settings.timing_profile)
    key = settings.secret_digest_key() if settings.digest_key or settings.digest_key_file else os.urandom(32)
    detector = Detector.load()
    out.mkdir(parents=True, exist_ok=True)
    done: list[dict[str, Any]] = []
    for wav_path, json_path in pairs:
        source = read_call(wav_path, json_path)
        result = replay_call(
            source,
            detector=detector,
            key=key,
            policy=policy,
            settings=session,
            pace=Pace(interleaved=interleaved),
            pipeline_version=__version__,
            limits=settings.limits,
        )
        write_wav(out / f"{source.name}.wav", result.wav)
        _write_json(out / f"{source.name}.call.json", result.call)
        report = {"entities": result.entities, "redacted_ms": result.redacted_ms}
        _write_json(out / f"{source.name}.report.json", report)
        silenced_ms = sum(span.end_ms - span.start_ms for span in result.redacted_ms)
        done.append({"name": source.name, "entities": len(result.entities), "redacted_ms": silenced_ms})
        if not as_json:
            click.echo(f"{source.name}: {len(result.entities)} entities, {silenced_ms / 1000:.1f} s silenced -> {out}")
    if as_json:
        print_json(done)


def _write_json(path: Path, value: Any) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")

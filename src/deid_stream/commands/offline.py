"""``replay``, ``detect`` and ``score``: files in, files out, no Kafka."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from deid_stream.commands.options import SENSITIVITY, json_option, print_json, read_policy, settings_options
from deid_stream.config import Settings
from deid_stream.custody.ring import key_ring
from deid_stream.errors import ConfigError, DecodeError, counted

if TYPE_CHECKING:
    from deid_stream.commands.transcribing import Transcriber
    from deid_stream.datasets.callfile import CallFile, Reading
    from deid_stream.datasets.replay import Replayed
    from deid_stream.policy.policy import CompiledPolicy
    from deid_stream.session.settings import SessionSettings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SESSION_FLAGS = {
    "holdback_ms": "Longest time (ms) that audio waits for its transcript; then its speech is silenced.",
    "delay": "Wait after a turn that cannot be the beginning of a value: live, balanced or safe.",
    "context_window_ms": "A pause at least this long (ms) ends a turn.",
    "timing_profile": "How exact word times are: exact, 50ms, 100ms, 300ms, a provider; default: learned.",
    "sensitivity": SENSITIVITY,
}


@click.command(short_help="De-identify recorded calls without Kafka.")
@click.argument("call", type=click.Path(exists=True, path_type=Path), metavar="CALL.wav|CALL.opus|FOLDER")
@click.argument("transcript", type=_FILE, required=False, metavar="[CALL.call.json|DOCUMENT.json]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write to.")
@click.option(
    "--policy", "policy_file", type=_FILE, help="The customer's policy, JSON; without it the default policy applies."
)
@click.option(
    "--format",
    "provider",
    metavar="NAME",
    help="The transcript's provider, where the document's form does not show it.",
)
@click.option(
    "--roles", metavar="agent,customer", default="", help="Who speaks on which channel, in the order of the channels."
)
@click.option("--transcribe", is_flag=True, help="Make the transcript with Whisper (extra `spotcheck`, English only).")
@click.option("--interleaved", is_flag=True, help="Send the channels interleaved in one record, not one record each.")
@settings_options(_SESSION_FLAGS)
@json_option
def replay(
    call: Path,
    transcript: Path | None,
    out: Path,
    policy_file: Path | None,
    provider: str | None,
    roles: str,
    transcribe: bool,
    interleaved: bool,
    settings: Settings,
    as_json: bool,
) -> int:
    """De-identify a recorded call: CALL.wav (one channel per speaker) with its transcript, or every recording in a
    FOLDER that has one beside it.

    The transcript is CALL.call.json, or a recogniser's own document as it is (Deepgram, Amazon, Google, Azure, Whisper
    ...; see docs/providers.md). Writes NAME.wav (same codec and length; outside the silenced spans bit-identical),
    NAME.call.json (sanitized) and NAME.report.json (entities, and which milliseconds of which channel were silenced).
    CALL.opus (or .ogg, extra `opus`) works too, and becomes NAME.opus, encoded again. A call of a FOLDER that cannot be
    read is named, and the others go on; the status is 1 then.
    """
    from deid_stream.commands.transcribing import Transcriber
    from deid_stream.datasets.callfile import Reading
    from deid_stream.policy import UNKNOWN
    from deid_stream.wire.transcript import roles_of

    if transcribe and transcript:
        raise ConfigError("--transcribe makes a transcript, and one is given; leave one of the two out")
    pairs = _pairs(call, transcript, transcribe=transcribe)
    for sound, document in pairs:
        if out.resolve() in (sound.parent.resolve(), (document or sound).parent.resolve()):
            raise ConfigError("--out is the folder of the call itself, which would be overwritten; name another")
    policy = read_policy(policy_file)[1] if policy_file else UNKNOWN
    if not policy.analytics:
        raise ConfigError(
            "the policy allows no analytics, so nothing is written; replay without --policy, or with a policy that has "
            '"analytics": true'
        )
    reading = Reading(
        format=provider,
        roles=roles_of(roles.encode("utf-8", "replace")) if roles else (),
        customer_id=policy.customer_id or "local",
    )
    job = _Job(policy, settings, reading, Transcriber() if transcribe else None, interleaved)
    done, wrong = [], False
    for outcome in job.run(pairs, out):
        if isinstance(outcome, DecodeError):
            if not call.is_dir():
                raise outcome
            click.echo(f"deid-stream: {outcome}", err=True)
            wrong = True
            continue
        done.append({"name": outcome.name, "entities": outcome.entities, "redacted_ms": outcome.silenced_ms})
        if not as_json:
            found = counted(outcome.entities, "entity", "entities")
            click.echo(f"{outcome.name}: {found}, {outcome.silenced_ms / 1000:.1f} s silenced -> {out}")
    if as_json:
        print_json(done)
    return int(wrong)


def _pairs(call: Path, transcript: Path | None, *, transcribe: bool) -> list[tuple[Path, Path | None]]:
    """Recordings, each with its transcript; None as the transcript where it is to be made. Raises ConfigError where one
    is missing."""
    from deid_stream.datasets.callfile import JSON_SUFFIX, find_calls, transcript_beside
    from deid_stream.datasets.sound import SUFFIXES

    if call.is_dir():
        sounds = sorted(path for path in call.iterdir() if path.suffix.lower() in SUFFIXES)
        pairs: list[tuple[Path, Path | None]] = [(sound, None) for sound in sounds]
        if not transcribe:
            pairs = [*find_calls(call)]
        if not pairs:
            raise ConfigError(f"{call} holds no NAME.wav with its NAME{JSON_SUFFIX}; give one, or --transcribe")
        return pairs
    if transcribe:
        return [(call, None)]
    found = transcript or transcript_beside(call)
    if found is None:
        raise ConfigError(
            f"{call.name} has no transcript: no {call.stem}{JSON_SUFFIX} lies beside it; give its call file, a "
            "recogniser's document, or --transcribe"
        )
    return [(call, found)]


class _Done(NamedTuple):
    """A recording that was de-identified: its name, the number of entities, and how much of its sound is silenced."""

    name: str
    entities: int
    silenced_ms: int


class _Job(NamedTuple):
    """What all calls of one ``replay`` share."""

    policy: "CompiledPolicy"
    settings: Settings
    reading: "Reading"
    transcriber: "Transcriber | None"
    interleaved: bool

    def run(self, pairs: list[tuple[Path, Path | None]], out: Path) -> "Iterator[_Done | DecodeError]":
        """De-identify each recording; one that cannot be read gives the error in its place. The output folder is made
        when the first file is written, not before."""
        from deid_stream import __version__
        from deid_stream.datasets.callfile import Pace
        from deid_stream.datasets.replay import replay as replay_call
        from deid_stream.detect.detector import Detector, DetectorSettings, Sensitivity
        from deid_stream.keys import KeyRing

        keyed = self.settings.digest_key or self.settings.digest_key_file
        keys = key_ring(self.settings) if keyed else KeyRing(os.urandom(32))
        session = self._session()
        how = DetectorSettings(sensitivity=Sensitivity(self.settings.sensitivity))
        detector = None
        for sound, document in pairs:
            try:
                source = self._read(sound, document)
                detector = detector or Detector.load(how)
                result = replay_call(
                    source,
                    detector=detector,
                    keys=keys,
                    policy=self.policy,
                    settings=session,
                    pace=Pace(interleaved=self.interleaved),
                    pipeline_version=__version__,
                    limits=self.settings.limits,
                )
            except DecodeError as error:
                yield error
                continue
            _write(out, source.name, sound.suffix, result)
            yield _Done(source.name, len(result.entities), result.silenced_ms)

    def _session(self) -> "SessionSettings":
        from deid_stream.session.settings import SETTLED_MS, SessionSettings
        from deid_stream.wire.providers import timing_of

        return SessionSettings(
            holdback_ms=self.settings.holdback_ms,
            context_window_ms=self.settings.context_window_ms,
            max_turn_ms=self.settings.max_turn_ms,
            settled_ms=SETTLED_MS[self.settings.delay],
            default_profile=timing_of(self.settings.timing_profile),
        )

    def _read(self, sound: Path, document: Path | None) -> "CallFile":
        from deid_stream.datasets.callfile import read_call

        if document is not None:
            source = read_call(sound, document, self.reading)
        else:
            assert self.transcriber is not None  # noqa: S101 - a transcript is missing only where it is to be made
            source = self.transcriber.read(sound, self.reading.customer_id)
        for note in source.notes:
            click.echo(f"deid-stream: {source.name}: {note}", err=True)
        return source


def _write(out: Path, name: str, suffix: str, result: "Replayed") -> None:
    from deid_stream.datasets.files import write_json
    from deid_stream.datasets.sound import OGG_SUFFIXES, write_sound

    out.mkdir(parents=True, exist_ok=True)
    write_sound(out / f"{name}{suffix if suffix.lower() in OGG_SUFFIXES else '.wav'}", result.wav)
    write_json(out / f"{name}.call.json", result.call)
    write_json(out / f"{name}.report.json", {"entities": result.entities, "redacted_ms": result.redacted_ms})


@click.command(short_help="Find what identifies people in a JSONL of turns.")
@click.argument("source", type=_FILE, metavar="IN.jsonl")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT.jsonl")
@click.option("--all-types", is_flag=True, help="Also what the default policy keeps: cities, dates, ages ...")
@settings_options({"sensitivity": SENSITIVITY})
@json_option
def detect(source: Path, target: Path, all_types: bool, settings: Settings, as_json: bool) -> None:
    """Find what identifies people in the turns of IN.jsonl.

    In: {"id","dialogue_id"?,"turn"?,"speaker"?,"text","prev"?} per line; turns of one dialogue_id are one conversation,
    and prev is the other party's previous turn where it is not itself a row. Out: {"id","spans":[{"start","end",
    "entity_type","score"}]} a line, in characters of text; what the default policy redacts, or with --all-types all.
    """
    from deid_stream.datasets.detecting import detect_file
    from deid_stream.detect.detector import Detector, DetectorSettings, Sensitivity
    from deid_stream.model.entities import ON_BY_DEFAULT, EntityType

    if target.exists() and target.samefile(source):
        raise ConfigError("OUT.jsonl is IN.jsonl, which would be overwritten; name another file")
    types = frozenset(EntityType) if all_types else ON_BY_DEFAULT
    detector = Detector.load(DetectorSettings(sensitivity=Sensitivity(settings.sensitivity)))
    key = os.urandom(32)
    if sys.stderr.isatty():
        with source.open("rb") as lines:
            length = sum(1 for _ in lines)
        with click.progressbar(length=length, label="turns", file=sys.stderr) as bar:
            rows = detect_file(source, target, detector, lambda _: bar.update(1), key=key, types=types)
    else:
        rows = detect_file(source, target, detector, key=key, types=types)
    if as_json:
        print_json({"rows": rows})
    else:
        click.echo(f"{counted(rows, 'row')} -> {target}")


@click.command(short_help="Compare found spans with labelled ones.")
@click.argument("gold", type=_FILE, metavar="GOLD.jsonl")
@click.argument("predicted", type=_FILE, metavar="PRED.jsonl")
@json_option
def score(gold: Path, predicted: Path, as_json: bool) -> None:
    """Compare what `detect` found with labelled turns.

    By letters and digits: recall (share of spans covered in full), leaked (share of their characters left in clear),
    clean_hit (share of turns without spans in which anything was redacted), over (share of other characters redacted).
    """
    from deid_stream.datasets.detecting import score_files

    result = score_files(gold, predicted)
    if as_json:
        print_json(result.as_dict())
        return
    click.echo(f"{'':20}{'spans':>7}{'recall':>9}{'leaked':>9}")
    for label, found in [*sorted(result.by_label.items()), ("all", result.total)]:
        shares = f"{found.recall:>9.4f}{found.leaked:>9.4f}" if found.spans else f"{'-':>9}{'-':>9}"
        click.echo(f"{label:20}{found.spans:>7}{shares}")
    click.echo(f"clean_hit {result.clean_hit:.4f} of {result.clean_turns} clean turns, over {result.over:.4f}")

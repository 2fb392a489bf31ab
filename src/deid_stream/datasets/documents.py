"""A recogniser's own document as the transcript of a recording. It is read by the same code (``wire.providers``) as a
record of ``calls.transcripts`` that holds it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from deid_stream.datasets.channels import better_order, louder_channel
from deid_stream.datasets.wav import WavFile
from deid_stream.errors import DecodeError, OversizedError, UnknownFormError, counted
from deid_stream.model.events import Segment
from deid_stream.model.json import JsonObject
from deid_stream.wire.providers import NAMES, detect, named
from deid_stream.wire.providers.base import ITEMS, Fields, Provider
from deid_stream.wire.segments import ROLES, Draft, Identity, finish
from deid_stream.wire.transcript import read_any

MAX_BYTES: Final = 256 * 1024 * 1024
_ID_CHARS: Final = 200


class Transcript(NamedTuple):
    """What was read of the documents of one recording."""

    segments: list[JsonObject]
    """Final segments in the form of ``NAME.call.json``."""
    timing: str
    """Name of the provider's timing profile."""
    notes: list[str]
    """One sentence for the user per decision or omission. They hold nothing that was said."""


def is_call_file(document: Fields) -> bool:
    """Whether a document is the content of a ``NAME.call.json``: it names its call and customer, or one of them and has
    a list ``segments``. A single segment (it has a ``segment_id``) is none."""
    named = {"call_id", "customer_id"} & document.keys()
    if isinstance(document.get("segments"), list):
        return bool(named)
    return len(named) == 2 and "segment_id" not in document


def read_documents(path: Path) -> list[Fields]:
    """The JSON objects of a file that holds one object, one per line (live messages as they came), or a list of them.

    Raises DecodeError where the file is not JSON or holds nothing, OversizedError above 256 MiB, OSError where it
    cannot be opened.
    """
    raw = path.read_bytes()
    if len(raw) > MAX_BYTES:
        raise OversizedError(f"{path.name} has {len(raw)} bytes; at most {MAX_BYTES} are read")
    try:
        whole = read_any(raw)
    except DecodeError as error:
        lines = [(number, line) for number, line in enumerate(raw.splitlines(), 1) if line.strip()]
        if len(lines) < 2 or not _is_json(lines[0][1]):
            raise error.within(path.name) from None
        return [_line(path, number, line) for number, line in lines]
    listed = whole.get(ITEMS)
    if listed == []:
        raise DecodeError("an empty list", at="$", mend="give at least one document").within(path.name)
    if whole.keys() == {ITEMS} and isinstance(listed, list) and not list(detect(whole)):
        return [item if isinstance(item, dict) else {} for item in listed]
    return [whole]


def _is_json(line: bytes) -> bool:
    try:
        read_any(line)
    except DecodeError:
        return False
    return True


def _line(path: Path, number: int, line: bytes) -> Fields:
    try:
        return read_any(line)
    except DecodeError as error:
        raise error.within(f"{path.name} line {number}") from None


def provider_for(documents: Sequence[Fields], name: str | None) -> Provider:
    """The provider called ``name``; None: the one whose form the documents have.

    Raises UnknownProviderError where no provider has that name, UnknownFormError where the form fits none or several.
    """
    if name is not None:
        return named(name)
    found: dict[str, Provider] = {}
    for document in documents:
        found |= {provider.name: provider for provider in detect(document)}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise UnknownFormError(
            f"it may be a document of {' or '.join(sorted(found))}", at="$", mend="say which with --format NAME"
        )
    raise UnknownFormError(
        "it is neither a call file (call_id, customer_id, segments) nor a document of a form that is told by itself",
        at="$",
        mend=f"name its recogniser with --format: {', '.join(NAMES)}",
    )


def transcript_of(documents: Sequence[Fields], provider: Provider, sound: WavFile, roles: Sequence[str]) -> Transcript:
    """The final segments of the documents, each on a channel of the recording ``sound``.

    ``roles``: the party on each channel; empty: found by comparing the sound with the times of the segments. Segments
    that cannot be read are left out and counted in ``notes``. Raises DecodeError with the path of the first fault where
    no segment could be read, or where a segment is on a channel that the recording lacks; UnknownFormError where the
    documents hold interims only.
    """
    notes: list[str] = []
    drafts: list[Draft] = []
    for index, document in enumerate(documents):
        place = f"document {index + 1}, " if len(documents) > 1 else ""
        for draft in provider.read(document):
            draft.at = place + draft.at
            drafts.append(draft)
    interims = sum(not draft.is_final for draft in drafts)
    finals = list(_whole(draft for draft in drafts if draft.is_final))
    segments, faults = _finished(finals, provider, sound, tuple(roles) or ROLES)
    if faults and not segments:
        raise faults[0].within(faults[0].at) if faults[0].at else faults[0]
    if interims and not segments:
        raise UnknownFormError("it holds interims only", at="$", mend="give the final transcript")
    if faults:
        count = counted(len(faults), "segment")
        notes.append(f"{count} could not be read, the first at {faults[0].at}: {faults[0]}")
    notes += _on_channels(finals, segments, sound, roles)
    return Transcript([_as_file(segment) for segment in segments], provider.timing, notes)


def finals_of(drafts: Iterable[Draft], provider: Provider, sound: WavFile) -> list[JsonObject]:
    """Drafts as segments in the form of ``NAME.call.json``; those that cannot be read are left out."""
    return [_as_file(segment) for segment in _finished(list(drafts), provider, sound, ROLES)[0]]


def _whole(drafts: Iterable[Draft]) -> Iterator[Draft]:
    """Join the texts that have no times to one per channel and party: it stands for the whole recording."""
    untimed: dict[tuple[int | None, str | None], Draft] = {}
    for draft in drafts:
        if draft.timed:
            yield draft
            continue
        known = untimed.setdefault((draft.channel, draft.role), draft)
        if known is not draft:
            known.text = f"{known.text or ''} {draft.text or ''}"
    yield from untimed.values()


def _finished(
    drafts: Sequence[Draft], provider: Provider, sound: WavFile, roles: tuple[str, ...]
) -> tuple[list[Segment], list[DecodeError]]:
    identity = Identity("call", "customer", None, 0, -1, roles)
    segments: list[Segment] = []
    faults: list[DecodeError] = []
    seen: dict[tuple[int, str], int] = {}
    for draft in drafts:
        if not draft.timed:
            draft.start_ms, draft.end_ms, draft.timed = 0, sound.duration_ms, True
        try:
            segment = finish(draft, identity, provider.name, provider.timing)
        except DecodeError as error:
            faults.append(error)
            continue
        # a later revision takes the place of the earlier
        place = seen.setdefault((segment.channel, segment.segment_id), len(segments))
        if place == len(segments):
            segments.append(segment)
        elif segment.revision >= segments[place].revision:
            segments[place] = segment
    return segments, faults


def _on_channels(
    drafts: Sequence[Draft], segments: list[Segment], sound: WavFile, roles: Sequence[str]
) -> Iterator[str]:
    """Put each segment on a channel of the recording, and say how where the document did not."""
    count = sound.format.channels
    if count == 1:
        # every speaker is on the one channel, and is told apart by who it is
        segments[:] = [
            msgspec.structs.replace(s, channel=0, speaker=s.speaker or (f"channel-{s.channel}" if s.channel else ""))
            for s in segments
        ]
        return
    if all(draft.channel is None and draft.role is None for draft in drafts):
        for index, s in enumerate(segments):
            segments[index] = msgspec.structs.replace(s, channel=louder_channel(sound, s.start_ms, s.end_ms))
        yield f"the document names no channel: each segment is taken to be on the loudest of the {count}"
    elif count == 2 and not roles and all(draft.channel is None for draft in drafts) and better_order(sound, segments):
        segments[:] = [msgspec.structs.replace(s, channel=1 - s.channel) for s in segments]
        yield "the agent is taken to be on channel 0, where it sounds when the agent speaks; --roles says otherwise"
    for segment in segments:
        if segment.channel >= count:
            raise no_such_channel(f"segment {segment.segment_id}", segment.channel, count)


def no_such_channel(what: str, channel: int, count: int) -> DecodeError:
    """The error for ``what`` on a ``channel`` of a recording that has only ``count``."""
    return DecodeError(
        f"{what} is on channel {channel}, and the recording has {count}",
        at="$.segments[...].channel",
        mend=f"number the channels 0 to {count - 1}",
    )


def _as_file(segment: Segment) -> JsonObject:
    """A segment in the form of ``NAME.call.json``."""
    found = {
        "segment_id": segment.segment_id,
        "channel": segment.channel,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "language": segment.language,
        "text": segment.text,
        "words": msgspec.to_builtins(segment.words),
    }
    return found | {"speaker": segment.speaker} if segment.speaker else found


def call_id_for(name: str) -> str:
    """A call id made of a file's name: blanks and unprintable characters become hyphens, and 200 characters are
    kept."""
    kept = "".join("-" if c.isspace() or not c.isprintable() else c for c in name)[:_ID_CHARS]
    return kept or "call"

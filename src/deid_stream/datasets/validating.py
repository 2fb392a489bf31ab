"""Finds what is wrong with a file or a record. Findings name the field and what to do, and quote no content."""

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from deid_stream.datasets.callfile import JSON_SUFFIX, CallHeader, check_call_file, transcript_beside
from deid_stream.datasets.documents import is_call_file, provider_for, read_documents
from deid_stream.datasets.sound import SUFFIXES, read_sound
from deid_stream.errors import DecodeError, PolicyError, counted
from deid_stream.model.events import Segment, Word
from deid_stream.model.json import JsonObject
from deid_stream.model.topics import AUDIO_KIND, EVENTS_KIND, TRANSCRIPTS_KIND
from deid_stream.policy.compile import compile_policy
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.cloudevents import Headers
from deid_stream.wire.decode import decode
from deid_stream.wire.limits import Limits
from deid_stream.wire.notes import METADATA, SUBJECT
from deid_stream.wire.partitions import partition_of
from deid_stream.wire.providers.base import Fields
from deid_stream.wire.segments import Identity
from deid_stream.wire.structured import PREFIX
from deid_stream.wire.transcript import read_drafts, read_own

_KIND_OF_TYPE: Final = {
    ce.AUDIO_V1: AUDIO_KIND,
    ce.TRANSCRIPT_V1: TRANSCRIPTS_KIND,
    ce.STARTED_V1: EVENTS_KIND,
    ce.ENDED_V1: EVENTS_KIND,
}
_NAME_CHARS: Final = 64
_KINDS: Final = (AUDIO_KIND, TRANSCRIPTS_KIND, EVENTS_KIND)


_UNDECLARED: Final = ("left out: its value is none of the declared ones", "see the settings directions, regions ...")
_LEFT_OUT: Final = {
    METADATA: ("left out: it is no JSON object", "send an object, not text that holds one"),
    SUBJECT: ("left out: it is no text of 1 to 256 characters, nor a number", "send text"),
}
"""Message and mend by the field's name, where they are not ``_UNDECLARED``."""


class Finding(NamedTuple):
    """One fault. ``code`` is the error's code (docs/reference/errors.md), ``path`` the JSON path or the header's name,
    ``mend`` what to do about it."""

    code: str
    path: str
    message: str
    mend: str


class Checked(NamedTuple):
    """The result for a file, or for a document in it. ``what`` says what it was taken to be ("call file", "policy"
    ...), ``segments`` how many segments it holds."""

    what: str
    segments: int
    findings: tuple[Finding, ...]
    """Empty: nothing is wrong."""
    notes: tuple[Finding, ...] = ()
    """What is right and costs something all the same: words without times have to be found in the sound."""


def finding(error: DecodeError) -> Finding:
    """The finding of a DecodeError. Its message is given without the mend, which has a field of its own."""
    return Finding(error.code, error.at, str(error).removesuffix(f"; {error.mend}"), error.mend)


def check_file(path: Path, provider: str | None, limits: Limits, *, transcript: bool = False) -> list[Checked]:
    """Check a recording, or every document of a JSON file: call file, provider's document, policy, CloudEvent in
    structured mode, or a record as ``kcat -J`` prints it. ``provider``: name of the recogniser; None: found by the
    document's form. ``transcript``: True where the user named a transcript, so that none must lie beside the
    recording. Raises OSError where the file cannot be opened, UnknownProviderError is a finding."""
    if path.suffix.lower() in SUFFIXES:
        try:
            read_sound(path)
        except DecodeError as error:
            return [Checked("recording", 0, (_of_file(path, error),))]
        missing = Finding("missing", "", "no transcript lies beside it", "give NAME.call.json or a document")
        return [Checked("recording", 0, () if transcript or transcript_beside(path) else (missing,))]
    try:
        documents = read_documents(path)
    except DecodeError as error:
        return [Checked("file", 0, (_of_file(path, error),))]
    return list(_check_documents(documents, provider, limits, _channels_beside(path)))


def _of_file(path: Path, error: DecodeError) -> Finding:
    """The finding of an error that names its file, without the name: it stands above the findings."""
    found = finding(error)
    return found._replace(message=found.message.removeprefix(path.name).removeprefix(":").lstrip())


def _channels_beside(path: Path) -> int:
    """How many channels the recording beside a call file has; 0 where there is none, or it cannot be read."""
    name = path.name.removesuffix(JSON_SUFFIX)
    for sound in (path.with_name(name + suffix) for suffix in SUFFIXES):
        if sound.is_file():
            try:
                return read_sound(sound).format.channels
            except DecodeError:
                return 0
    return 0


def _check_documents(
    documents: Sequence[Fields], provider: str | None, limits: Limits, channels: int
) -> Iterator[Checked]:
    rest: list[Fields] = []
    for document in documents:
        if provider is not None:
            rest.append(document)
        elif is_call_file(document):
            yield _check_call(document, channels)
        elif "specversion" in document:
            yield _check_event(document, limits)
        elif {"topic", "payload"} <= document.keys():
            yield _check_printed(document, limits)
        elif {"customer_id", "version"} <= document.keys():
            yield _check_policy(document)
        else:
            rest.append(document)
    if rest:
        yield _check_provider(rest, provider)


def _check_call(document: Fields, channels: int) -> Checked:
    segments = document.get("segments")
    count = len(segments) if isinstance(segments, list) else 0
    faults = tuple(map(finding, check_call_file(msgspec.json.encode(document), channels)))
    checked = WordCheck()
    if not faults:  # every segment has been read, so each is an object
        for index, segment in enumerate(segments if isinstance(segments, list) else ()):
            own = read_own(msgspec.json.encode({"segment_id": "s", **segment}))
            checked.add(own.words, f"$.segments[{index}]", own.start_ms)
    return Checked("call file", count, (*_mistyped(document), *faults, *checked.findings), checked.notes())


def _mistyped(document: Fields) -> Iterator[Finding]:
    """Fields of a call file that nobody reads and that look like one that is not there. Others are the user's own."""
    absent = [name for name in CallHeader.__struct_fields__ if name not in document]
    for name in document.keys() - set(CallHeader.__struct_fields__):
        for near in difflib.get_close_matches(name[:_NAME_CHARS], absent, 1, 0.8):
            shown = f"$.{name}" if re.fullmatch(r"\w{1,64}", name, re.ASCII) else "$"
            yield Finding("undecodable", shown, "no field of a call file: it is not read", f"did you mean {near}?")


def _check_policy(document: Fields) -> Checked:
    try:
        compile_policy(msgspec.json.encode(document), strict=True)
    except PolicyError as error:
        return Checked("policy", 0, (Finding(error.code, "$", str(error), ""),))
    return Checked("policy", 0, ())


def _check_event(document: Fields, limits: Limits) -> Checked:
    kind = _KIND_OF_TYPE.get(str(document.get("type")), EVENTS_KIND)
    subject = document.get("subject")
    key = subject.encode("utf-8", "replace") if isinstance(subject, str) else None
    headers = ((ce.CONTENT_TYPE, PREFIX + b"+json"),)
    return check_record(kind, key, msgspec.json.encode(document), headers, limits)


def _check_printed(document: Fields, limits: Limits) -> Checked:
    """``kcat -J``: headers are a flat list of names and values, the payload is text."""
    topic, key, payload = (document.get(name) for name in ("topic", "key", "payload"))
    kind = next((kind for kind in _KINDS if isinstance(topic, str) and topic.endswith(f"calls.{kind}")), None)
    if kind is None:
        message = "a record of a topic that nobody reads as input"
        return Checked("record", 0, (Finding("unknown_type", "$.topic", message, "validate records of calls.*"),))
    listed = document.get("headers")
    flat = [str(part).encode("utf-8", "replace") for part in listed] if isinstance(listed, list) else []
    headers = [(name.decode("utf-8", "replace"), value) for name, value in zip(flat[::2], flat[1::2], strict=False)]
    value = payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else None
    return check_record(kind, key.encode("utf-8", "replace") if isinstance(key, str) else None, value, headers, limits)


def check_record(
    kind: str,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    limits: Limits,
    *,
    place: tuple[int, int] = (0, 0),
) -> Checked:
    """Check a record of the topic ``calls.KIND``. ``place``: its partition and the topic's partition count; (0, 0): not
    known, so the partition is not checked."""
    left_out: list[str] = []
    decoded = decode(kind, key, value, headers, 0, 0, limits, left_out.append)
    found = [finding(fault) for fault in decoded.faults]
    found += [Finding("left_out", name, *_LEFT_OUT.get(name, _UNDECLARED)) for name in left_out]
    checked = WordCheck()
    for event in decoded.events:
        if isinstance(event, Segment):
            checked.add(event.words, "$", event.start_ms)
    found += checked.findings
    partition, partitions = place
    if key and partitions and partition_of(key, partitions) != partition:
        mend = "set the producer's partitioner to murmur2 (librdkafka: partitioner=murmur2_random)"
        found.append(Finding("wrong_partition", "key", "the record lies in another partition than its key's", mend))
    return Checked(f"{kind} record", len(decoded.events) if kind == TRANSCRIPTS_KIND else 0, tuple(found))


def _check_provider(documents: Sequence[Fields], name: str | None) -> Checked:
    try:
        provider = provider_for(documents, name)
    except DecodeError as error:
        return Checked("document", 0, (finding(error),))
    identity = Identity("call", "customer", None, 0, 0)
    segments = 0
    found: list[Finding] = []
    checked = WordCheck()
    for index, document in enumerate(documents):
        place = f"document {index + 1} " if len(documents) > 1 else ""
        try:
            drafts = list(provider.read(document))
            reading = read_drafts(drafts, provider, identity)
        except DecodeError as error:
            found.append(finding(error)._replace(path=f"{place}{error.at}"))
            continue
        segments += len(reading.segments)
        found += [finding(fault)._replace(path=f"{place}{fault.at}") for fault in reading.faults]
        for draft in drafts:
            checked.add(draft.words, f"{place}{draft.at}", draft.start_ms)
    return Checked(f"{provider.title} document", segments, (*found, *checked.findings), checked.notes())


class WordCheck:
    """The words of one file or record: a word without text is a fault; words without times are counted, since some
    recognisers leave out the times of words that they cannot align (WhisperX, of numbers)."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._words = self._untimed = 0
        self._first_untimed = ""

    def add(self, words: Sequence[Word], path: str, start_ms: float | None) -> None:
        """Check the words of the segment at ``path``. A provider's list of words may have been cut into several
        segments at one path, so a word's place is told with the segment's start (``start_ms``, media time)."""
        began = min((w.start_ms for w in words if w.start_ms is not None), default=0) if start_ms is None else start_ms
        self._words += len(words)
        for number, word in enumerate(words, 1):
            if not word.text.strip():
                message = f"word {number} of the segment from {began:.0f} ms has no text"
                self.findings.append(Finding("missing", path, message, "send each word's text, or leave the word out"))
            elif word.start_ms is None or word.end_ms is None:
                self._untimed += 1
                self._first_untimed = self._first_untimed or path

    def notes(self) -> tuple[Finding, ...]:
        """How many words have no times, and in which segment the first one stands."""
        if not self._untimed:
            return ()
        message = f"{self._untimed} of {counted(self._words, 'word')} without start or end, the first one here"
        mend = "these words are looked for in the sound; where they are not found, more than a value is silenced"
        return (Finding("no_times", self._first_untimed, message, mend),)


def as_json(checked: Checked) -> JsonObject:
    """One row of ``deid-stream validate --json``."""
    return {
        "kind": checked.what,
        "segments": checked.segments,
        "findings": [found._asdict() for found in checked.findings],
        "notes": [note._asdict() for note in checked.notes],
    }

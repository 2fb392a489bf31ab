"""Reads call files (``NAME.wav`` or ``NAME.opus`` with ``NAME.call.json``, and ``NAME.truth.json`` where the truth is
known), and makes of one the Kafka records that a telephone system and a recogniser would have sent."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec
import numpy as np

from deid_stream.audio.codec.pcm import content_type
from deid_stream.datasets.documents import (
    Transcript,
    call_id_for,
    is_call_file,
    no_such_channel,
    provider_for,
    read_documents,
    transcript_of,
)
from deid_stream.datasets.sound import SUFFIXES, read_sound
from deid_stream.datasets.wav import WavFile
from deid_stream.errors import DecodeError, counted
from deid_stream.model.events import AudioFormat
from deid_stream.model.json import JsonObject
from deid_stream.model.outputs import SanitizedSegment
from deid_stream.units import Ms, ms_to_samples
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.json import read_json
from deid_stream.wire.limits import MAX_MEDIA_MS
from deid_stream.wire.providers.base import Fields
from deid_stream.wire.published import PublishedSegment
from deid_stream.wire.segments import Identity, finish
from deid_stream.wire.transcript import read_own

Value = TypeVar("Value")

SOURCE: Final = b"callfile"
JSON_SUFFIX: Final = ".call.json"

Kind = Literal["events", "transcripts", "audio"]


class CallHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``NAME.call.json``. ``segments`` are kept as written: ``wire`` decodes each as it decodes the
    value of a record in ``calls.transcripts``."""

    call_id: str
    customer_id: str
    segments: list[JsonObject] = []
    language: str = "en"
    channels: list[str] | int = 0
    minor: bool = False
    complete: bool = True
    """False: the call broke off, so ``records`` makes no ``call.ended``."""
    metadata: JsonObject = {}

    def __repr__(self) -> str:
        return "<CallHeader>"


class Truth(msgspec.Struct, frozen=True):
    """One entry of ``NAME.truth.json``: a value (``text``) that must be neither heard between ``start_ms`` and
    ``end_ms`` of ``channel`` nor read in any output."""

    entity_type: str
    channel: int
    segment_id: str
    start_ms: Ms
    end_ms: Ms
    text: str

    def __repr__(self) -> str:
        return f"<Truth {self.entity_type}>"


class SourceRecord(NamedTuple):
    """One Kafka record as a producer sends it to the topic ``calls.KIND``. ``time_ms`` is its record time, counted from
    the start of the call."""

    time_ms: Ms
    kind: Kind
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class CallFile(msgspec.Struct, frozen=True):
    """A recording with its transcript, as ``read_call`` gives it. ``name`` is the file name without suffixes."""

    name: str
    header: CallHeader
    wav: WavFile
    truth: tuple[Truth, ...] = ()
    timing: str = ""
    """Name of the recogniser's timing profile (``audio.align.profiles``); empty: not known."""
    notes: tuple[str, ...] = ()
    """One sentence for the user per decision or omission when the transcript was read. They hold nothing that was
    said."""

    def __repr__(self) -> str:
        return f"<CallFile {self.name}>"

    @property
    def final_segments(self) -> list[JsonObject]:
        """The final segments; the others were still interims when the call ended."""
        return [segment for segment in self.header.segments if segment.get("is_final") is not False]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How ``records`` cuts and times a call's records."""

    chunk_ms: Ms = 100
    """Length of an audio record."""
    transcript_delay_ms: Ms = 600
    """How long after the end of a segment its record comes."""
    interim_delay_ms: Ms | None = None
    """How long after the first half of a segment's words an interim with these words comes; None: no interims."""
    interleaved: bool = False
    """True: an audio record holds every channel; False: each channel has records of its own."""


_header = msgspec.json.Decoder(CallHeader)
_truth = msgspec.json.Decoder(tuple[Truth, ...])
_encode = msgspec.json.encode


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a recogniser's own document does not say, for ``read_call``."""

    format: str | None = None
    """Name of the provider; None: found by the form of the document."""
    roles: tuple[str, ...] = ()
    """The party on each channel, for example ``("agent", "customer")``; empty: found by comparing the sound with the
    times of the segments."""
    customer_id: str = "local"
    """The customer to whom the call belongs."""


def read_call(wav_path: Path, json_path: Path, reading: Reading | None = None) -> CallFile:
    """Read a recording with its transcript: a call file, or a recogniser's own document. ``NAME.truth.json`` is read
    as well where it lies beside a call file.

    Raises DecodeError (AudioFormatError for the recording) with the file's name and the faulty field, UnknownFormError
    or UnknownProviderError where the document's provider cannot be told, OSError where a file cannot be opened.
    """
    reading = reading or Reading()
    sound = read_sound(wav_path)
    found = read_documents(json_path)
    if reading.format is not None or len(found) != 1 or not is_call_file(found[0]):
        return _from_document(wav_path, json_path, found, sound, reading)
    name = json_path.name.removesuffix(JSON_SUFFIX).removesuffix(".json")
    header: CallHeader = _read(json_path, _header)
    for fault in _faults(header, sound.format.channels):
        raise fault.within(json_path.name)
    truth_path = json_path.with_name(f"{name}.truth.json")
    return CallFile(
        name=name,
        header=header,
        wav=sound,
        truth=_read(truth_path, _truth) if truth_path.exists() else (),
        notes=tuple(_doubts(header.segments, sound))
        if header.segments
        else ("the call file has no segments, so all speech is silenced",),
    )


def _from_document(
    wav_path: Path, json_path: Path, documents: Sequence[Fields], sound: WavFile, reading: Reading
) -> CallFile:
    try:
        provider = provider_for(documents, reading.format)
        transcript = transcript_of(documents, provider, sound, reading.roles)
    except DecodeError as error:
        raise error.within(json_path.name) from None
    return from_transcript(wav_path.stem, transcript, sound, reading.customer_id)


def from_transcript(name: str, transcript: Transcript, sound: WavFile, customer_id: str) -> CallFile:
    """The call of a recording and its transcript. The call id is made of ``name``; the language is the one that most
    segments are in."""
    languages = [segment["language"] for segment in transcript.segments]
    return CallFile(
        name=name,
        header=CallHeader(
            call_id=call_id_for(name),
            customer_id=customer_id,
            segments=transcript.segments,
            language=max(set(languages), key=languages.count) if languages else "en",
        ),
        wav=sound,
        timing=transcript.timing,
        notes=(*transcript.notes, *_doubts(transcript.segments, sound)),
    )


def _doubts(segments: Sequence[JsonObject], sound: WavFile) -> Iterator[str]:
    """A note where the transcript goes on behind the recording: the file was cut off, or is another call's."""
    behind = sum((segment.get("start_ms") or 0) > sound.duration_ms for segment in segments)
    if behind:
        count = f"{behind} of {counted(len(segments), 'segment')}"
        end_s = sound.duration_ms / 1000
        yield f"{count} begin after the recording ends, at {end_s:.1f} s: was it cut off, or is it another call's?"


def check_call_file(raw: bytes, channels: int = 0) -> Iterator[DecodeError]:
    """Every fault in the bytes of a ``NAME.call.json``. ``channels``: how many its recording has; 0: not known."""
    try:
        header = read_json(raw, _header.decode)
    except DecodeError as error:
        yield error
        return
    yield from _faults(header, channels)


def _faults(header: CallHeader, channels: int) -> Iterator[DecodeError]:
    """The faults of the ids and of each segment, each with its JSON path. A segment must be valid in a record of
    ``calls.transcripts`` and lie on one of the recording's ``channels`` (0: not known; 1: mixed down, so that each
    speaker may have a channel number)."""
    for field in ("call_id", "customer_id"):
        try:
            ce.identifier_at(getattr(header, field).encode("utf-8", "replace"), f"$.{field}")
        except DecodeError as error:
            yield error
            return
    identity = Identity(header.call_id, header.customer_id, None, 0, -1)
    for index, segment in enumerate(header.segments):
        own = {"segment_id": "s", **segment, "call_id": header.call_id, "customer_id": header.customer_id}
        try:
            channel = finish(read_own(_encode(own)), identity).channel
        except DecodeError as error:
            place = f"$.segments[{index}]"
            fault = error.within(place)
            fault.at = error.at.replace("$", place, 1)
            yield fault
            continue
        if 1 < channels <= channel:
            yield no_such_channel(f"segment {index}", channel, channels)


def find_calls(folder: Path) -> list[tuple[Path, Path]]:
    """The recordings (``.wav``, ``.opus``, ``.ogg``) of a folder that have a transcript, sorted, each with the path of
    its transcript (``transcript_beside``). Raises OSError where the folder cannot be read."""
    sounds = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return [(sound, found) for sound in sounds if (found := transcript_beside(sound)) is not None]


def transcript_beside(sound: Path) -> Path | None:
    """The transcript of a recording that lies in its folder: ``NAME.call.json``, else ``NAME.json``."""
    beside = (sound.with_name(sound.stem + suffix) for suffix in (JSON_SUFFIX, ".json"))
    return next((path for path in beside if path.is_file()), None)


def _read(path: Path, decoder: "msgspec.json.Decoder[Value]") -> Value:
    try:
        return read_json(path.read_bytes(), decoder.decode)
    except DecodeError as error:
        raise error.within(path.name) from None


def records(call: CallFile, pace: Pace) -> list[SourceRecord]:
    """The records of a call for all three ``calls.*`` topics, sorted by ``time_ms``."""
    found = [*_events(call), *_chunks(call, pace), *_transcripts(call, pace)]
    return sorted(found, key=lambda record: record.time_ms)


def _events(call: CallFile) -> Iterator[SourceRecord]:
    header = call.header
    key = header.call_id.encode()
    started = {
        "call_id": header.call_id,
        "customer_id": header.customer_id,
        "channels": call.wav.format.channels,
        "minor": header.minor,
        "metadata": header.metadata,
    }
    yield SourceRecord(0, "events", key, _encode(started), _attributes(call, ce.STARTED_V1, "started"))
    if header.complete:
        duration_ms = call.wav.duration_ms
        ended = {"call_id": header.call_id, "customer_id": header.customer_id, "duration_ms": duration_ms}
        last_ms = max([duration_ms, *(_end_ms(segment) for segment in header.segments)])
        yield SourceRecord(last_ms + 1000, "events", key, _encode(ended), _attributes(call, ce.ENDED_V1, "ended"))


def _chunks(call: CallFile, pace: Pace) -> Iterator[SourceRecord]:
    key = call.header.call_id.encode()
    for channel, fmt, data in _streams(call.wav, pace.interleaved):
        step = ms_to_samples(pace.chunk_ms, fmt.rate_hz) * fmt.frame_bytes
        for seq, at in enumerate(range(0, len(data), step)):
            offset_ms = seq * pace.chunk_ms
            headers = _attributes(call, ce.AUDIO_V1, f"{'x' if channel is None else channel}/{seq}")
            headers[-1] = (ce.CONTENT_TYPE, content_type(fmt).encode())
            headers += [(ce.SEQ, b"%d" % seq), (ce.OFFSET_MS, b"%d" % offset_ms)]
            if channel is not None:
                headers.append((ce.CHANNEL, b"%d" % channel))
            yield SourceRecord(offset_ms + pace.chunk_ms, "audio", key, data[at : at + step], headers)


def _streams(wav: WavFile, interleaved: bool) -> Iterator[tuple[int | None, AudioFormat, bytes]]:
    if interleaved or wav.format.channels == 1:
        yield (None if interleaved else 0), wav.format, wav.data
        return
    fmt = msgspec.structs.replace(wav.format, channels=1)
    samples = np.frombuffer(wav.data, np.dtype(f"V{fmt.sample_bytes}")).reshape(-1, wav.format.channels)
    for channel in range(wav.format.channels):
        yield channel, fmt, samples[:, channel].tobytes()


def _transcripts(call: CallFile, pace: Pace) -> Iterator[SourceRecord]:
    header = call.header
    key = header.call_id.encode()
    for number, segment in enumerate(header.segments):
        own = {"call_id": header.call_id, "customer_id": header.customer_id}
        final: JsonObject = {"segment_id": f"s{number:03d}", "language": header.language, **segment, **own}
        segment_id = final["segment_id"]
        words = segment.get("words") or []
        half = words[: len(words) // 2]
        is_final = segment.get("is_final") is not False
        if is_final and pace.interim_delay_ms is not None and half and half[-1].get("end_ms"):
            text = " ".join(str(word.get("text", "")) for word in half)
            interim = final | {"is_final": False, "words": half, "text": text, "end_ms": half[-1].get("end_ms")}
            final["revision"] = (interim.get("revision") or 0) + 1
            attributes = _attributes(call, ce.TRANSCRIPT_V1, f"{segment_id}/interim")
            time_ms = _end_ms(interim) + pace.interim_delay_ms
            yield SourceRecord(time_ms, "transcripts", key, _encode(interim), attributes)
        attributes = _attributes(call, ce.TRANSCRIPT_V1, f"{segment_id}/final")
        time_ms = _end_ms(segment) + pace.transcript_delay_ms
        yield SourceRecord(time_ms, "transcripts", key, _encode(final), attributes)


def _end_ms(segment: JsonObject) -> Ms:
    """The segment's ``end_ms``; 0 where it has none, or one that is no media time."""
    end_ms = segment.get("end_ms")
    return int(end_ms) if isinstance(end_ms, int | float) and 0 <= end_ms <= MAX_MEDIA_MS else 0


def _attributes(call: CallFile, event_type: str, event_id: str) -> list[tuple[str, bytes]]:
    call_id = call.header.call_id
    headers = ce.own_headers(event_type, f"{call_id}/{event_id}", call_id, call.header.customer_id)
    return [(name, SOURCE if name == ce.SOURCE else value) for name, value in headers]


def sanitized_segment(segment: SanitizedSegment | PublishedSegment) -> JsonObject:
    """A final segment in the form of ``segments`` of a sanitized call file: offsets of ``entities`` count characters of
    the sanitized ``text``."""
    return {
        "segment_id": segment.segment_id,
        "revision": segment.revision,
        "is_final": True,
        "channel": segment.channel,
        "language": segment.language,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "text": segment.text,
        "words": msgspec.to_builtins(segment.words),
        "entities": msgspec.to_builtins(segment.entities),
    }


def join_channels(streams: Sequence[bytes], fmt: AudioFormat) -> bytes:
    """Interleave streams of one channel each, all of the same length, to frames. ``fmt``: the format of the result."""
    if len(streams) == 1:
        return streams[0]
    dtype = np.dtype(f"V{fmt.sample_bytes}")
    return np.stack([np.frombuffer(stream, dtype) for stream in streams], axis=1).tobytes()

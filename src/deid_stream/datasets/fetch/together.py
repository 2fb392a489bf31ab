"""Makes a call file and a recording of one call's decoded source records. Reads nothing by itself."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from deid_stream.audio.codec.pcm import SILENCE
from deid_stream.datasets.replay import Piece, compose
from deid_stream.datasets.wav import WavFile
from deid_stream.errors import AudioFormatError, counted
from deid_stream.model.events import AudioChunk, AudioFormat, CallEnded, CallStarted, Encoding, Event, Segment
from deid_stream.model.json import JsonObject
from deid_stream.units import Interval, Ms, merge, ms_to_samples, samples_to_ms

LONGEST_MS: Final[Ms] = 12 * 3600 * 1000
"""Audio with a later ``ce_offsetms`` is left out, since the whole recording is held in memory. A larger value allows a
longer recording and needs the memory for it."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A call, ready to be written as files. ``sound`` is None where no audio was found."""

    call_id: str
    customer_id: str
    sound: WavFile | None
    call: JsonObject
    """The content of ``NAME.call.json``."""
    records: dict[str, int]
    """Number of records found, by kind (``events``, ``segments``, ``audio``)."""
    notes: tuple[str, ...] = ()
    """One sentence for the user per thing that is missing or was left out. They hold nothing that was said."""

    def __repr__(self) -> str:
        return "<Fetched>"


class SourceCall:
    """Collects a call's decoded source records, in the order of their topics.

    As the service does, it takes the call to belong to the customer of its ``call.started``, else to the one who sent
    most of its records, and leaves the others' records out.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._faults: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._events) + self._faults.total()

    def add(self, event: Event) -> None:
        """Take in an event under the call's id, of whatever customer."""
        self._events.append(event)

    def refuse(self, code: str) -> None:
        """Count a record that cannot be decoded, and so is a dead letter of the service; ``code``: the error's."""
        self._faults[code] += 1

    def put_together(self) -> Fetched | None:
        """The call as its files; None where no event has come. Raises AudioFormatError where its audio has more than
        one format."""
        customer_id = self._owner()
        if customer_id is None:
            return None
        own = [event for event in self._events if event.customer_id == customer_id]
        started = [event for event in own if isinstance(event, CallStarted)]
        segments = [event for event in own if isinstance(event, Segment)]
        chunks = [event for event in own if isinstance(event, AudioChunk)]
        declared = max((event.channels for event in started), default=0)
        sound, notes = recording(chunks, declared)
        ended = any(isinstance(event, CallEnded) for event in own)
        call: JsonObject = {
            "call_id": own[0].call_id,
            "customer_id": customer_id,
            "language": _commonest(segment.language for segment in segments),
            **_of_sound(sound, declared),
            "minor": any(event.minor for event in started),
            "complete": ended,
            "metadata": {**started[-1].metadata, **started[-1].free_text} if started else {},
            "segments": [_as_file(segment) for segment in latest(segments)],
        }
        others = len(self._events) - len(own)
        return Fetched(
            call_id=own[0].call_id,
            customer_id=customer_id,
            sound=sound,
            call=call,
            records={"events": len(own) - len(segments) - len(chunks), "segments": len(segments), "audio": len(chunks)},
            notes=(*self._notes(started, ended=ended, others=others), *notes),
        )

    def _owner(self) -> str | None:
        for event in self._events:
            if isinstance(event, CallStarted):
                return event.customer_id
        counts = Counter(event.customer_id for event in self._events)
        return counts.most_common(1)[0][0] if counts else None

    def _notes(self, started: Sequence[CallStarted], *, ended: bool, others: int) -> Iterable[str]:
        if not started:
            yield "there is no call.started: the channels are those of the audio"
        if not ended:
            yield "there is no call.ended: the call is written as one that broke off"
        if others:
            refused = counted(others, "record")
            yield f"left out, as the service does, too: {refused} of another customer under this call's id"
        for code, count in sorted(self._faults.items()):
            yield f"{counted(count, 'record')} cannot be read ({code}); `deid-stream validate --topic` names the field"


def recording(chunks: Sequence[AudioChunk], declared: int) -> tuple[WavFile | None, list[str]]:
    """The chunks as one recording in their own codec, with notes for the user; None where there is no audio. It is
    silent where no chunk lies. Of two chunks with one ``seq`` the first counts, as in the service. The recording has at
    least ``declared`` channels, unless a chunk interleaves all of them.

    Raises AudioFormatError where the chunks have more than one format.
    """
    inside = [chunk for chunk in chunks if chunk.offset_ms <= LONGEST_MS]
    beyond = len(chunks) - len(inside)
    notes = [f"left out: {counted(beyond, 'chunk')} behind 12 hours"] if beyond else []
    if not inside:
        return None, [*notes, "there is no audio"]
    formats = {(chunk.format, chunk.channel is None) for chunk in inside}
    if len(formats) > 1:
        raise AudioFormatError(f"the call's audio has {len(formats)} formats; one recording has one")
    ((fmt, interleaved),) = formats
    numbered: dict[tuple[int | None, int], AudioChunk] = {}
    for chunk in inside:
        numbered.setdefault((chunk.channel, chunk.seq), chunk)
    if len(numbered) < len(inside):
        notes.append(f"left out: {counted(len(inside) - len(numbered), 'repeated chunk')}")
    if not interleaved:
        seen = 1 + max(chunk.channel or 0 for chunk in inside)
        fmt = msgspec.structs.replace(fmt, channels=max(seen, declared))
    held: dict[int | None, list[Interval]] = {}
    frames = 0
    pieces = []
    for chunk in numbered.values():
        start = ms_to_samples(chunk.offset_ms, fmt.rate_hz)
        end = start + len(chunk.data) // chunk.format.frame_bytes
        frames = max(frames, end)
        held.setdefault(chunk.channel, []).append(Interval(start, end))
        pieces.append(Piece(chunk.channel, chunk.offset_ms, _little_endian(chunk.data, fmt)))
    for channel, found in sorted(held.items(), key=lambda item: item[0] or 0):
        missing = frames - sum(span.end - span.start for span in merge(found))
        if missing > 0:
            name = "all channels" if channel is None else f"channel {channel}"
            notes.append(f"{name} lacks {samples_to_ms(missing, fmt.rate_hz)} ms of audio: silence stands there")
    fmt = msgspec.structs.replace(fmt, encoding=Encoding.PCM16LE) if fmt.encoding is Encoding.PCM16BE else fmt
    return compose(WavFile(fmt, SILENCE[fmt.encoding] * frames * fmt.channels), pieces), notes


def _little_endian(data: bytes, fmt: AudioFormat) -> bytes:
    """16-bit samples in the byte order of WAV; other codecs as they are."""
    return np.frombuffer(data, np.uint16).byteswap().tobytes() if fmt.encoding is Encoding.PCM16BE else data


def latest(segments: Iterable[Segment]) -> list[Segment]:
    """The last revision of each segment, sorted by ``end_ms`` and channel. An interim stays where no final came."""
    found: dict[tuple[int, str], Segment] = {}
    for segment in segments:
        known = found.get((segment.channel, segment.segment_id))
        if known is None or segment.revision >= known.revision:
            found[segment.channel, segment.segment_id] = segment
    return sorted(found.values(), key=lambda segment: (segment.end_ms, segment.channel))


def _of_sound(sound: WavFile | None, declared: int) -> JsonObject:
    if sound is None:
        return {"channels": declared}
    fmt = sound.format
    return {
        "sample_rate_hz": fmt.rate_hz,
        "encoding": str(fmt.encoding),
        "channels": fmt.channels,
        "duration_ms": sound.duration_ms,
    }


def _commonest(languages: Iterable[str]) -> str:
    counts = Counter(languages)
    return counts.most_common(1)[0][0] if counts else "und"


def _as_file(segment: Segment) -> JsonObject:
    found: JsonObject = {
        "segment_id": segment.segment_id,
        "revision": segment.revision,
        "is_final": segment.is_final,
        "channel": segment.channel,
        "language": segment.language,
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "text": segment.text,
        "words": msgspec.to_builtins(segment.words),
    }
    if segment.transcribed_until_ms is not None:
        found["transcribed_until_ms"] = segment.transcribed_until_ms
    return found | {"speaker": segment.speaker} if segment.speaker else found

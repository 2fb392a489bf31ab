"""One call, fed by method calls instead of records; the session behind it is the worker's own.

    call = live.call("c-17", "acme", channels=2)
    call.audio(samples, channel=0)                  # as it is heard
    call.segment({"text": ..., "start_ms": ..., "end_ms": ..., "words": [...]}, channel=0)
    call.document("deepgram", message, channel=0)   # or a recogniser's message as it is
    for clean in call.take(): ...                   # several times per second, whatever has come
    call.end(); call.take()

Media time of a channel is the sound fed in so far. Each method takes the time now from the clock it was opened with;
nothing else here looks at the world.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.errors import AudioFormatError, DecodeError
from deid_stream.live.cleaned import Clean, CleanAudio, CleanText, cleaned
from deid_stream.model.events import AudioChunk, AudioFormat, CallEnded, CallStarted, Encoding, Segment
from deid_stream.model.outputs import CallSummary
from deid_stream.session.call import CallSession
from deid_stream.units import FOREVER_MS, Ms
from deid_stream.wire.limits import MAX_MEDIA_MS, check_channel
from deid_stream.wire.providers import named
from deid_stream.wire.providers.base import Fields
from deid_stream.wire.segments import Identity, finish
from deid_stream.wire.transcript import read_any, read_document, read_own

Sound = bytes | NDArray[np.int16] | NDArray[np.float32]
"""Samples of one channel: 16-bit little-endian bytes, an array of 16-bit integers, or an array of floats within -1 to
1."""

MIN_HZ: Final = 8_000
MAX_HZ: Final = 48_000
BEHIND_MS: Final = 30_000
AHEAD_MS: Final = 5_000
BACK_MS: Final = 3_000
"""A final that ends more than ``BEHIND_MS`` behind or ``AHEAD_MS`` ahead of the sound that is being fed in, or more
than ``BACK_MS`` before the last final of its channel, has another clock, as after a recogniser's reconnect. Larger
values believe more of such clocks; smaller ones believe fewer of slow recognisers."""
_encode: Final = msgspec.json.encode
_one_at_a_time: Final = threading.Lock()
"""Held by the call that is working. Calls on several threads share one detector and one aligner, and the aligner holds
one utterance at a time: two calls in it at once would end the process."""


class LiveCall:
    """One call; ``Live.call`` makes it. Use it from one thread at a time; other calls may run on other threads.
    ``BackgroundCall`` puts it on a thread of its own."""

    def __init__(
        self,
        session: CallSession,
        *,
        rate_hz: int,
        channels: int,
        now_ms: Callable[[], Ms],
        minor: bool = False,
        analytics: bool = True,
    ) -> None:
        """The call begins now. With ``analytics`` False nothing leaves but the audit, as the customer's policy says.
        Raises AudioFormatError for a rate that is not supported."""
        if not MIN_HZ <= rate_hz <= MAX_HZ:
            raise AudioFormatError(f"a sample rate of {rate_hz} Hz is outside {MIN_HZ} to {MAX_HZ}")
        self._session = session
        self._format = AudioFormat(Encoding.PCM16LE, rate_hz)
        self._channels = channels
        self._now_ms = now_ms
        self._analytics = analytics
        self._samples: dict[int, int] = {}
        self._seq: dict[int, int] = {}
        self._firsts: dict[tuple[int, int], int] = {}
        """Index of the first sample of each chunk that has not left, by channel and number of the chunk."""
        self._segments = 0
        self._last_final_ms: dict[int, Ms] = {}
        self._stray: set[int] = set()
        self._began_ms = now_ms()
        self._failed = False
        self._receive(
            CallStarted(
                call_id=session.call_id,
                customer_id=session.customer_id,
                time_ms=self._began_ms,
                channels=channels,
                minor=minor,
            )
        )

    def __repr__(self) -> str:
        return "<LiveCall>"

    @property
    def call_id(self) -> str:
        return self._session.call_id

    @property
    def rate_hz(self) -> int:
        """The sample rate of every channel, in Hz."""
        return self._format.rate_hz

    @property
    def channels(self) -> int:
        """How many channels the call was opened with."""
        return self._channels

    @property
    def closed(self) -> bool:
        """Whether ``take`` has handed out everything that could leave."""
        return self._session.closed

    def media_ms(self, channel: int | None = None) -> Ms:
        """How many ms of sound have been fed in: of a channel, or with None of the channel that is furthest."""
        samples = max(self._samples.values(), default=0) if channel is None else self._samples.get(channel, 0)
        return samples * 1000 // self.rate_hz

    def audio(self, sound: Sound, *, channel: int = 0, first_sample: int | None = None) -> None:
        """The next sound of a channel; it follows the one before it. ``first_sample`` says where it begins instead
        (samples since the call began), after a gap. Raises AudioFormatError for bytes that are no whole samples, or a
        channel that the call does not have."""
        check_channel(channel, self._channels)
        data = pcm16(sound)
        if not data:
            return
        first = self._samples.get(channel, 0) if first_sample is None else first_sample
        if not 0 <= first <= MAX_MEDIA_MS * self.rate_hz // 1000:
            raise AudioFormatError("first_sample is no sample of a call")
        seq = self._seq.get(channel, 0)
        self._samples[channel] = first + len(data) // 2
        self._seq[channel] = seq + 1
        self._firsts[channel, seq] = first
        self._receive(
            AudioChunk(
                call_id=self._session.call_id,
                customer_id=self._session.customer_id,
                seq=seq,
                offset_ms=round(first * 1000 / self.rate_hz),
                format=self._format,
                data=data,
                channel=channel,
                time_ms=self._now_ms(),
            )
        )

    def segment(self, segment: Mapping[str, object], *, channel: int = 0) -> None:
        """A transcript segment in the form of ``calls.transcripts`` (docs/asyncapi.yaml). ``segment_id`` may be left
        out where no later revision follows. Times may be left out where nobody knows them: the words are then looked
        for in the sound that was fed in last. Raises DecodeError naming the field."""
        self._segments += 1
        fields: dict[str, object] = {"segment_id": f"live-{self._segments}", "channel": channel, **segment}
        draft = read_own(_encode(fields))
        draft.timed = fields.get("start_ms") is not None or any(word.start_ms is not None for word in draft.words)
        self._hear(finish(draft, self._identity(channel)))

    def document(self, provider: str, document: object, *, channel: int | None = None, clock_began_ms: Ms = 0) -> None:
        """A recogniser's message as it is: JSON text, bytes or an object. ``channel`` where the recogniser hears one
        only; ``clock_began_ms``: the media time at which its own clock began. Raises DecodeError where it cannot be
        read."""
        raw = document.encode() if isinstance(document, str) else document
        fields: Fields = read_any(raw if isinstance(raw, bytes) else _encode(raw))
        reading = read_document(fields, named(provider), self._identity(channel, clock_began_ms))
        for segment in reading.segments:
            self._hear(segment)
        for fault in reading.faults:
            self._session.refuse()
            raise fault

    def end(self, *, now: bool = False) -> None:
        """Say that no more sound will come. Transcripts may still come for some seconds; with ``now`` nothing is waited
        for, and sound that no transcript has accounted for is silenced."""
        session = self._session
        if not session.closed:
            self._receive(
                CallEnded(
                    call_id=session.call_id,
                    customer_id=session.customer_id,
                    time_ms=self._now_ms(),
                    duration_ms=self.media_ms(),
                )
            )
        if now:
            self._guarded(lambda: self._session.advance(FOREVER_MS))

    def take(self) -> list[Clean]:
        """What may leave now, in order. Call it several times per second, also when nothing has come: deadlines are
        looked at here."""
        self._guarded(lambda: self._session.advance(self._now_ms()))
        if self._failed:
            return []
        found = [cleaned(output, lambda *chunk: self._firsts.pop(chunk)) for output in self._session.outputs()]
        if not self._analytics:
            found = [clean for clean in found if not isinstance(clean, CleanAudio | CleanText | CallSummary)]
        return found

    # -- inside

    def _identity(self, channel: int | None, shift_ms: Ms = 0) -> Identity:
        session = self._session
        return Identity(
            session.call_id, session.customer_id, channel, self._now_ms(), self._segments, shift_ms=shift_ms
        )

    def _hear(self, segment: Segment) -> None:
        heard_ms = self.media_ms(segment.channel)
        if segment.timed and heard_ms and self._strays(segment, heard_ms):
            # the words are right and their times are not: they end with the sound that has been heard
            untimed = tuple(msgspec.structs.replace(word, start_ms=None, end_ms=None) for word in segment.words)
            length_ms = segment.end_ms - segment.start_ms
            segment = msgspec.structs.replace(segment, words=untimed, start_ms=0, end_ms=length_ms, timed=False)
        if not segment.timed:
            # as if it came when the sound has got so far: a muted microphone sends none
            segment = msgspec.structs.replace(segment, time_ms=self._began_ms + heard_ms)
        self._receive(segment)

    def _strays(self, segment: Segment, heard_ms: Ms) -> bool:
        """Whether the recogniser's clock is not the call's. Once this was so, its times are not believed again."""
        channel = segment.channel
        earliest_ms = max(heard_ms - BEHIND_MS, self._last_final_ms.get(channel, 0) - BACK_MS)
        if not earliest_ms <= segment.end_ms <= heard_ms + AHEAD_MS:
            self._stray.add(channel)
        elif segment.is_final and channel not in self._stray:
            self._last_final_ms[channel] = segment.start_ms
        return channel in self._stray

    def _receive(self, event: AudioChunk | Segment | CallStarted | CallEnded) -> None:
        self._guarded(lambda: self._session.receive(event))

    def _guarded(self, step: Callable[[], None]) -> None:
        """Fail closed: after an exception that no code expects, nothing of the call leaves any more."""
        with _one_at_a_time:
            if self._failed:
                return
            try:
                step()
            except DecodeError:
                self._session.refuse()
                raise
            except BaseException:
                self._failed = True
                raise


def pcm16(sound: Sound) -> bytes:
    """The sound as 16-bit little-endian bytes. Raises AudioFormatError for anything else than ``Sound``."""
    if isinstance(sound, bytes | bytearray | memoryview):
        if len(sound) % 2:
            raise AudioFormatError(f"{len(sound)} bytes are not whole 16-bit samples")
        return bytes(sound)
    if sound.ndim != 1:
        raise AudioFormatError("an array of sound has one dimension: the samples of one channel")
    if sound.dtype == np.int16:
        return sound.astype("<i2").tobytes()
    if not np.issubdtype(sound.dtype, np.floating) or not np.isfinite(sound).all():
        raise AudioFormatError("an array of sound holds 16-bit integers, or finite floats within -1 to 1")
    scaled: NDArray[np.int16] = np.clip(np.rint(sound * 32768.0), -32768, 32767).astype("<i2")
    return scaled.tobytes()

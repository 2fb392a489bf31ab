"""The audio of one call: held until judged, then released in order with the holes cut.

What no transcript explains is judged in the VAD's own cells of media time, each once and whole, so that neither the
cut into chunks nor the order of topics changes what is heard (law 1).
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import has_sound
from deid_stream.audio.cut import silence
from deid_stream.audio.hear import keys, unheard
from deid_stream.audio.hear.vad import CELL_MS
from deid_stream.audio.hear.within import SYLLABLE_MS
from deid_stream.audio.hold.line import ORDINARY, LineLevel
from deid_stream.audio.hold.reader import MAX_READ_MS
from deid_stream.audio.hold.timeline import Placement, Timeline
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioChunk
from deid_stream.model.outputs import SanitizedAudio
from deid_stream.model.spans import AudioSpan
from deid_stream.session.heard import HeardCells
from deid_stream.session.streams import Stream, StreamState, sanitize
from deid_stream.units import FOREVER_MS, Interval, Ms, merge, ms_to_samples, subtract

STEP_MS = 400
"""Media time of new audio after which a call is asked again what may leave."""
_KEPT_WITHOUT_AUDIO = 64
"""Stretches of a channel that are remembered while none of the call's audio has come. Should it come after all, what
lies before the oldest of them is silenced. A larger value takes more memory for calls of text alone."""
_LEVEL_MS = 10_000
"""The level of a span is measured on its first part, up to this length."""
_PATIENCE_MS = 2_000
"""Media time that sound waits for its transcript before the VAD judges it. Most sound is covered by then."""
_TAIL_PATIENCE_MS = 5_000
"""Record time that the sound just after a word waits for a transcript; only then it counts as the end of that word. A
recogniser that works while people speak has sent a word of its own by then."""
_SOFT_PATIENCE_MS = 5_000
"""Record time that soft speech waits for a transcript; then it is silenced. Larger: a voice in the background delays a
call for longer; smaller: more of what slow recognisers would still read is silenced."""

_UNSURE_MS = 2
"""The next chunk may overlap the last one by so much, as offsets are rounded."""
_INTERLEAVED = -1


class SoundState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Positions and decisions; the audio itself is read again."""

    streams: tuple[StreamState, ...] = ()
    holes: tuple[AudioSpan, ...] = ()
    explained: dict[int, tuple[Interval, ...]] = {}
    lost_until_ms: Ms = 0
    """Audio before this is silenced should it ever come: what was said there is no longer known."""


class Sound:
    """All audio streams of a call (one per channel, or one interleaved). Also the reader that alignment needs:
    ``pcm(channel, start_ms, end_ms)`` and ``rate_hz``."""

    def __init__(self) -> None:
        self._streams: dict[int, Stream] = {}
        self._restored: dict[int, StreamState] = {}
        self._by_channel: dict[int, Stream] = {}
        self._channels: tuple[int, ...] = ()
        self._heard: defaultdict[int, HeardCells] = defaultdict(HeardCells)
        self._stopped: dict[int, tuple[tuple[Ms, Ms, int], Ms]] = {}
        """By channel: where ``silent_until_ms`` last came upon speech, after the state from which it had started."""
        self._waits = False
        """Whether the answer of ``silent_until_ms`` will change by itself when a transcript is overdue."""
        self._holes: dict[int, list[AudioSpan]] = {}
        self._explained: dict[int, list[Interval]] = {}
        self._lost_until_ms: Ms = 0
        self.held_bytes = 0
        self.tail_due_ms: Ms | None = None
        """Earliest stream time at which ``silent_until_ms`` can answer otherwise; None if it cannot."""

    @property
    def channels(self) -> Sequence[int]:
        """Channels heard so far, sorted."""
        return self._channels

    @property
    def rate_hz(self) -> int:
        return next(iter(self._streams.values())).timeline.format.rate_hz if self._streams else 8_000

    @property
    def end_ms(self) -> Ms:
        """End of the last audio that has arrived, over all streams."""
        return max((stream.timeline.end_ms for stream in self._streams.values()), default=0)

    @property
    def chunks(self) -> int:
        return sum(stream.chunks for stream in self._streams.values())

    def first_offset(self) -> int:
        """Smallest source offset among held chunks; -1 when nothing is held."""
        offsets = [o for stream in self._streams.values() if (o := stream.timeline.first_offset) >= 0]
        return min(offsets) if offsets else -1

    def add(self, chunk: AudioChunk) -> Placement:
        """Hold a chunk. Raises AudioFormatError when it cannot be part of its stream."""
        name = _INTERLEAVED if chunk.channel is None else chunk.channel
        stream = self._streams.get(name)
        if stream is None:
            stream = self._open(name, chunk)
        placement = stream.timeline.add(chunk)
        if placement is Placement.HELD:
            self.held_bytes += len(chunk.data)
        return placement

    def _open(self, name: int, chunk: AudioChunk) -> Stream:
        if self._streams and chunk.format.rate_hz != self.rate_hz:
            raise AudioFormatError("the channels of a call must have one sample rate")
        channels = tuple(range(chunk.format.channels)) if name == _INTERLEAVED else (name,)
        if not self._by_channel.keys().isdisjoint(channels):
            raise AudioFormatError("a call sends each channel either alone or interleaved, not both")
        stream = Stream(Timeline(chunk.format), channels)
        stream.begin_ms = chunk.offset_ms
        known = self._restored.pop(name, None)
        if known is not None:
            stream.judged_ms, stream.chunks = known.judged_until_ms, known.chunks
            if known.chunks:
                stream.begin_ms = known.begin_ms
                stream.released_bytes = known.released_ms * chunk.format.rate_hz // 1000 * chunk.format.frame_bytes
            if known.released_until_ms:
                stream.timeline.resume(known.released_until_ms, known.lines)
        self._streams[name] = stream
        for channel in channels:
            self._by_channel[channel] = stream
            self._channels = tuple(sorted(self._by_channel))
            if self._lost_until_ms:
                insort(self._holes.setdefault(channel, []), AudioSpan(0, self._lost_until_ms, channel, "WITHHELD"))
        return stream

    def pcm(self, channel: int, start_ms: Ms, end_ms: Ms) -> NDArray[np.int16]:
        """Samples of one channel, zeros where nothing is held."""
        stream = self._by_channel.get(channel)
        if stream is None:
            length_ms = min(MAX_READ_MS, end_ms - start_ms)
            return np.zeros(max(0, ms_to_samples(length_ms, self.rate_hz)), dtype=np.int16)
        inner = channel if len(stream.channels) > 1 else 0
        return stream.timeline.pcm(inner, start_ms, end_ms)

    def line(self, channel: int, at_ms: Ms) -> LineLevel:
        """How loud a channel's speech and steady noise are."""
        stream = self._by_channel.get(channel)
        if stream is None:
            return ORDINARY
        return stream.timeline.line(channel if len(stream.channels) > 1 else 0, at_ms)

    def held(self, channel: int) -> Interval:
        """Media time of the held audio of a channel."""
        stream = self._by_channel.get(channel)
        return Interval(0, 0) if stream is None else Interval(stream.timeline.begin_ms, stream.timeline.end_ms)

    def missing(self, channel: int, part: Interval) -> list[Interval]:
        """See ``Reader.missing``."""
        stream = self._by_channel.get(channel)
        return [] if stream is None else stream.timeline.missing(part)

    def silent_until_ms(
        self, channel: int, from_ms: Ms, *, now_ms: Ms = 0, ended: bool = False, enough_ms: Ms = FOREVER_MS
    ) -> Ms:
        """How far from ``from_ms`` nobody speaks on a channel, as far as its audio has arrived, ``enough_ms`` at most.
        Sound that is not quiet is judged by whole VAD cells. What goes on for less than a syllable belongs to the word
        before, as does speech that soon dies away (``unheard.tail_ms``) once its transcript is overdue.
        ``now_ms``: stream time; ``ended``: no more audio will come."""
        stream = self._by_channel.get(channel)
        if stream is None:
            return from_ms
        # while a transcript is awaited the same is asked again and again
        asked = (from_ms, stream.timeline.begin_ms, stream.timeline.inserted)
        stopped = self._stopped.get(channel)
        if stopped is not None and stopped[0] == asked:
            return stopped[1]
        self._stopped.pop(channel, None)
        self._waits = False
        # before the first held chunk there is nothing left to wait for
        at_ms = max(from_ms, stream.timeline.begin_ms)
        tail_ms = from_ms + unheard.EDGE_MS
        looked = at_ms > from_ms  # what has left already was judged when it was here
        while at_ms < enough_ms:
            quiet_ms = stream.timeline.quiet_until(channel, at_ms)
            if quiet_ms > at_ms:
                at_ms = quiet_ms
                continue
            cell_ms = at_ms - at_ms % CELL_MS
            arrived_ms = stream.timeline.arrived_until_ms
            if arrived_ms < cell_ms + CELL_MS + _PATIENCE_MS and (not ended or at_ms >= arrived_ms):
                return at_ms
            if not looked and cell_ms < tail_ms:
                tail_ms, looked = from_ms + self._tail_ms(stream, channel, from_ms, now_ms), True
            for heard in self._heard[channel].speech(self, channel, cell_ms, stream.timeline.inserted):
                if heard.end > max(at_ms, tail_ms) and not self._given_up(stream, channel, heard, now_ms):
                    stops_ms = max(at_ms, heard.start) if heard.start > tail_ms else at_ms
                    if not self._waits:
                        self._stopped[channel] = (asked, stops_ms)
                    return stops_ms
            at_ms = cell_ms + CELL_MS
        return at_ms

    def stopped(self, channel: int) -> bool:
        """Whether ``silent_until_ms``, when it was last asked, came upon speech that only a transcript can account for:
        whatever more of the channel's sound arrives in order, its answer stays."""
        known, stream = self._stopped.get(channel), self._by_channel.get(channel)
        return bool(known and stream and known[0][1:] == (stream.timeline.begin_ms, stream.timeline.inserted))

    def _tail_ms(self, stream: Stream, channel: int, from_ms: Ms, now_ms: Ms) -> Ms:
        """How long the sound from ``from_ms`` on counts as the end of what was said before."""
        due_ms = stream.timeline.heard_ms(from_ms + unheard.EDGE_MS) + _TAIL_PATIENCE_MS
        if now_ms >= due_ms:
            return unheard.tail_ms(self, channel, from_ms)
        self._look_again(due_ms)
        return SYLLABLE_MS

    def _given_up(self, stream: Stream, channel: int, heard: Interval, now_ms: Ms) -> bool:
        """Whether speech is soft and has waited long enough for its transcript: it will be silenced."""
        soft_peak = self.line(channel, heard.end).soft_peak
        if has_sound(self.pcm(channel, heard.start, heard.end), soft_peak):
            return False
        due_ms = stream.timeline.heard_ms(heard.end) + _SOFT_PATIENCE_MS
        if now_ms >= due_ms:
            return True
        self._look_again(due_ms)
        return False

    def _look_again(self, due_ms: Ms) -> None:
        self._waits = True
        self.tail_due_ms = due_ms if self.tail_due_ms is None else min(self.tail_due_ms, due_ms)

    def arrived_ms(self, channel: int | None) -> Ms:
        """Media time up to which the channel's audio is here without a gap; 0 for none, and for interleaved audio."""
        stream = None if channel is None else self._by_channel.get(channel)
        return 0 if stream is None else stream.timeline.arrived_until_ms

    def targets(self, channel: int) -> Sequence[int]:
        """Audio channels on which a transcript channel is heard: itself, or all of a mixed-down call."""
        return (channel,) if channel in self._by_channel or not self._by_channel else self.channels

    def cut(self, span: AudioSpan) -> None:
        """Decide that a span must not be heard; what has left already stays as it is."""
        if not span.level and self._streams:
            start_ms, end_ms = Interval(span.start_ms, span.end_ms).intersect(self.held(span.channel))
            level = silence.level(self.pcm(span.channel, start_ms, min(end_ms, start_ms + _LEVEL_MS)))
            span = msgspec.structs.replace(span, level=round(level, 1))
        insort(self._holes.setdefault(span.channel, []), span)

    def explain(self, channel: int, intervals: Sequence[Interval]) -> None:
        """Say what a transcript accounts for on a channel."""
        self._explained[channel] = merge([*self._explained.get(channel, ()), *intervals])

    def explained_until_ms(self, channel: int, at_ms: Ms) -> Ms:
        """Where what transcripts account for on a channel ends before ``at_ms``; 0 for nothing."""
        return max((part.end for part in self._explained.get(channel, ()) if part.start < at_ms), default=0)

    def release(
        self, limit_ms: Ms, *, gap_limit_ms: Ms, final: bool, operator: silence.Operator, allowed_ms: Ms, disguise: bool
    ) -> Iterator[SanitizedAudio | AudioSpan]:
        """Judge and release the audio before ``limit_ms``, or all of it when ``final``. At a gap, release waits until
        ``gap_limit_ms`` has passed the gap. Yields the untranscribed spans that it cuts, then the chunks."""
        for stream in self._streams.values():
            if final or stream.judged_ms < limit_ms:
                yield from self._judge_until(stream, limit_ms, gap_limit_ms, final=final)
            released = stream.timeline.pop_until(stream.judged_ms)
            if not released:
                continue
            size = sum([len(chunk.data) for chunk in released])
            stream.chunks += len(released)
            stream.released_bytes += size
            self.held_bytes -= size
            holes = stream.holes(self._holes)
            for chunk in released:
                sanitized = sanitize(chunk, holes, operator, allowed_ms)
                yield stream.disguised(sanitized) if disguise else sanitized
        self._prune()

    def _judge_until(self, stream: Stream, limit_ms: Ms, gap_limit_ms: Ms, *, final: bool) -> Iterator[AudioSpan]:
        """Judge a stream's sound as far as ``release`` may."""
        end_ms = stream.timeline.end_ms
        arrived_ms = max(stream.timeline.arrived_until_ms, min(gap_limit_ms, end_ms))
        limit = end_ms if final else min(limit_ms, arrived_ms)
        if stream.inserted != stream.timeline.inserted:
            stream.inserted = stream.timeline.inserted
            for tones in stream.tones:
                tones.forget()
        while stream.judged_ms < limit:
            held_ms = stream.timeline.held_from(stream.judged_ms)
            if held_ms is None or held_ms >= stream.judged_ms + CELL_MS:
                # nobody speaks in a gap, however long it is
                reached_ms = limit if held_ms is None else min(limit, held_ms)
                stream.judged_ms = max(stream.judged_ms, reached_ms - reached_ms % CELL_MS)
                if held_ms is None:
                    break
            window = Interval(stream.judged_ms, stream.judged_ms - stream.judged_ms % CELL_MS + CELL_MS)
            if window.end > limit and not final:
                break
            for channel, tones in zip(stream.channels, stream.tones, strict=True):
                yield from self._judge(stream, channel, window, tones)
            stream.judged_ms = window.end

    def _is_quiet(self, channel: int, part: Interval) -> bool:
        return self._by_channel[channel].timeline.quiet_until(channel, part.start) >= part.end

    def _judge(self, stream: Stream, channel: int, window: Interval, tones: keys.Windows) -> Iterator[AudioSpan]:
        """Cut the tones of keys in a cell, and the speech that no transcript explains."""
        if self._is_quiet(channel, window):
            return
        until_ms = stream.timeline.arrived_until_ms - _UNSURE_MS
        for tone in tones.pressed(self, channel, window, until_ms, lambda part: self._is_quiet(channel, part)):
            span = AudioSpan(tone.start, tone.end, channel, keys.KEY_TONES)
            self.cut(span)
            yield span
        explained = self._explained.get(channel, ())
        if all(self._is_quiet(channel, part) for part in subtract(window, explained)):
            return
        for span in unheard.unexplained(explained, window, self, channel, self._holes.get(channel, ())):
            self.cut(span)
            yield span

    def _prune(self) -> None:
        if not self._streams:
            # a call of text alone: keep the latest, should its audio still come
            for kept in self._holes.values():
                if gone := kept[:-_KEPT_WITHOUT_AUDIO]:
                    self.lose(max(hole.end_ms for hole in gone))
                    del kept[: len(gone)]
            self._explained = {channel: kept[-_KEPT_WITHOUT_AUDIO:] for channel, kept in self._explained.items()}
        for channel, stream in self._by_channel.items():
            holes, explained = self._holes.get(channel), self._explained.get(channel)
            if not holes and not explained:
                continue
            frontier_ms = min(stream.judged_ms, stream.timeline.frontier_ms)
            if holes:
                self._holes[channel] = [hole for hole in holes if hole.end_ms > frontier_ms]
            if explained and explained[0].end <= frontier_ms:  # they are sorted and apart
                self._explained[channel] = [known for known in explained if known.end > frontier_ms]

    def lose(self, until_ms: Ms) -> None:
        """Note that the text before ``until_ms`` is no longer known: audio of that time is silenced if it still
        comes."""
        self._lost_until_ms = max(self._lost_until_ms, until_ms)

    def incomplete(self, duration_ms: Ms | None) -> bool:
        """Some of the call's audio is missing, now that everything has been released: a stream has gaps, or is shorter
        than the call, whose ``duration_ms`` is None where it was not said. False for a call without audio."""
        return any(stream.missing(duration_ms) for stream in self._streams.values())

    def state(self) -> SoundState:
        """For the checkpoint."""
        streams = [
            StreamState(
                name,
                stream.timeline.frontier_ms,
                stream.judged_ms,
                stream.chunks,
                stream.begin_ms,
                stream.released_ms,
                stream.timeline.line_states(),
            )
            for name, stream in self._streams.items()
        ]
        return SoundState(
            streams=(*streams, *self._restored.values()),
            holes=tuple(sorted(hole for holes in self._holes.values() for hole in holes)),
            explained={channel: tuple(known) for channel, known in self._explained.items()},
            lost_until_ms=self._lost_until_ms,
        )

    def restore(self, state: SoundState) -> None:
        """Take up the positions of a checkpoint; the audio itself is read again."""
        self._restored = {stream.channel: stream for stream in state.streams}
        self._lost_until_ms = state.lost_until_ms
        for hole in state.holes:
            insort(self._holes.setdefault(hole.channel, []), hole)
        self._explained = {channel: list(known) for channel, known in state.explained.items()}

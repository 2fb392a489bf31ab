"""The held chunks of one audio stream, kept by media time.

A stream is what one content type carries: one channel, or several interleaved. A chunk is placed where its
``offset_ms`` says, whatever the order of arrival; gaps stay gaps and nothing is ever shifted to close one.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import numpy as np

from deid_stream.audio.codec import pcm
from deid_stream.audio.hold.line import LOOK_MS, LineLevel, LineState
from deid_stream.audio.hold.looks import Looks
from deid_stream.audio.hold.reader import MAX_READ_MS
from deid_stream.audio.hold.spacing import Spacing
from deid_stream.errors import AudioFormatError
from deid_stream.model.events import AudioChunk, AudioFormat
from deid_stream.units import Interval, Ms, SampleIndex, ms_to_samples, samples_to_ms

_PROBED: Final = 50
"""Where the middle of a chunk may be quiet, one sample in so many is read before all are. With a larger value all
samples are read of more chunks that are not quiet; a smaller one makes each quiet chunk slower."""


class Placement(StrEnum):
    """The result of adding a chunk."""

    HELD = "held"
    REPEAT = "repeat"
    """The same ``seq`` or the same media interval was taken before; drop it."""
    LATE = "late"
    """It begins before audio that was already released; drop it."""


class Timeline:
    """Chunks of one stream between arrival and release.

    ``add`` of the next chunk in order is the hot path (thousands per second in one process): it appends and compares,
    and never decodes. Samples are decoded by ``pcm`` only where somebody must look at the sound.
    """

    def __init__(self, fmt: AudioFormat) -> None:
        self.format = fmt
        self.rate_hz = fmt.rate_hz
        self._frame_bytes = fmt.frame_bytes
        # producers give offsets in whole ms; what does not fall on one is rounded either way
        self._slack = fmt.rate_hz * 3 // 2000
        self._chunks: list[AudioChunk] = []
        # arrays: eight bytes each where a list would hold an object of 32 as well
        self._starts: array[SampleIndex] = array("q")
        self._ends: array[SampleIndex] = array("q")
        self._quiet: list[int] = []
        self._quiet_runs: list[tuple[list[SampleIndex], list[SampleIndex]]] = [([], []) for _ in range(fmt.channels)]
        """Starts and ends, by channel."""
        self._looks = Looks(fmt)
        self._seqs: list[list[int]] = []
        self._frontier: SampleIndex | None = None
        self._arrived: SampleIndex = 0
        self._end: SampleIndex = 0
        self._longest = 0
        self._offsets_ascend = True
        self._spacing = Spacing(fmt.rate_hz)
        self.inserted = 0
        """Chunks that came out of order: what was known of the sound before them may have changed."""

    def add(self, chunk: AudioChunk) -> Placement:
        """Hold a chunk.

        Raises AudioFormatError for empty data, partial frames, another format, a negative time, and once the spacing of
        chunks shows that their header names the wrong rate: holes would be cut at the wrong place.
        """
        fmt = self.format
        if chunk.format is not fmt and chunk.format != fmt:
            raise AudioFormatError("the format changed within a stream: send each channel of a call in one format")
        data = chunk.data
        frames, partial = divmod(len(data), self._frame_bytes)
        if partial or not frames:
            pcm.check(data, fmt)
        if chunk.offset_ms < 0:
            raise AudioFormatError("a chunk begins before the call")
        start = (chunk.offset_ms * self.rate_hz + 500) // 1000
        end = start + frames
        follows = start == self._end and self._chunks and self._seqs[-1][1] == chunk.seq and not self._spacing.wrong
        if follows:
            self._seqs[-1][1] += 1
        elif (placement := self._unforeseen(chunk, start, end)) is not Placement.HELD:
            return placement
        looks = self._looks
        if looks.always_quiet is None:
            quiet = self._quiet_channels(data)
        elif data[frames >> 1] not in looks.sometimes_quiet or data[::_PROBED].strip(looks.sometimes_quiet):
            quiet = 0  # as in nearly all that sounds
        else:
            quiet = self._quiet_channels(data) if data.translate(None, looks.always_quiet) else 1
        if frames > self._longest:
            self._longest = frames
        if self._chunks and chunk.offset < self._chunks[-1].offset:
            self._offsets_ascend = False
        if not follows and not self._in_order(start):
            self._insert(chunk, start, end, quiet)
            return Placement.HELD
        self._chunks.append(chunk)
        self._starts.append(start)
        self._ends.append(end)
        self._quiet.append(quiet)
        if start <= self._arrived + self._slack:
            self._arrived = end
        if quiet:
            ends = self._quiet_runs[0][1]
            if quiet == 1 and ends and ends[-1] == start:
                ends[-1] = end
            else:
                self._extend_quiet(quiet, start, end)
        self._end = end
        if end >= looks.next and looks.complete(start, end, self._starts[0]):
            self._take_looks()
        return Placement.HELD

    def _unforeseen(self, chunk: AudioChunk, start: SampleIndex, end: SampleIndex) -> Placement:
        """What becomes of a chunk that is not the next one right behind the last."""
        if self._frontier is not None and start < self._frontier - self._slack:
            return Placement.REPEAT if self._seen(chunk.seq) else Placement.LATE
        if self._spacing.wrong or (abs(start - self._end) > self._slack and self._chunks):
            last = (self._starts[-1], self._ends[-1]) if self._chunks else (start, start)
            self._spacing.check(chunk.seq, start, *last)
        if not self._note(chunk.seq) or (not self._in_order(start) and self._holds(start, end)):
            return Placement.REPEAT
        if start < self._end:  # it changes what was held
            self._take_looks()
        return Placement.HELD

    def _in_order(self, start: SampleIndex) -> bool:
        return bool(self._chunks) and start - self._end >= -self._slack

    def _insert(self, chunk: AudioChunk, start: SampleIndex, end: SampleIndex, quiet: int) -> None:
        self.inserted += 1
        at = bisect_right(self._starts, start)
        if at < len(self._chunks) and self._chunks[at].offset < chunk.offset:
            self._offsets_ascend = False
        self._chunks.insert(at, chunk)
        self._starts.insert(at, start)
        self._ends.insert(at, end)
        self._quiet.insert(at, quiet)
        self._end = max(self._end, end)
        self._arrived = self._starts[0] if self._frontier is None else self._frontier
        self._quiet_runs = [([], []) for _ in self._quiet_runs]
        for held_start, held_end, held_quiet in zip(self._starts, self._ends, self._quiet, strict=True):
            if held_start <= self._arrived + self._slack:
                self._arrived = max(self._arrived, held_end)
            for channel, (_, ends) in enumerate(self._quiet_runs):
                if not held_quiet >> channel & 1 and ends and ends[-1] > held_start:
                    ends[-1] = held_start
            self._extend_quiet(held_quiet, held_start, held_end)

    def _quiet_channels(self, data: bytes) -> int:
        looks = self._looks
        if not looks.settled and not looks.surely_loud(data):
            self._take_looks()
        return looks.quiet(data)

    def _take_looks(self) -> None:
        self._looks.take(self._look_sounds)

    def _look_sounds(self, starts_ms: Sequence[Ms]) -> pcm.Samples:
        """See ``Looks.take``."""
        size, channels = self._frame_bytes, range(self.format.channels)
        edges = [(ms_to_samples(ms, self.rate_hz), ms_to_samples(ms + LOOK_MS, self.rate_hz)) for ms in starts_ms]
        begin, end = edges[0][0], edges[-1][1]
        _, held = self._held(begin, end)
        if held is None or len(held) < (end - begin) * size:
            columns = [[self.pcm(channel, ms, ms + LOOK_MS) for ms in starts_ms] for channel in channels]
            return np.stack([np.stack(column) for column in columns], axis=2)
        parts = [held[(start - begin) * size : (stop - begin) * size] for start, stop in edges]
        return pcm.decode(b"".join(parts), self.format).reshape(len(starts_ms), -1, len(channels))

    def line(self, channel: int, at_ms: Ms) -> LineLevel:
        """What the line is like, from what came before ``at_ms``; ``channel`` as in ``pcm``."""
        if self._looks.waits_before(at_ms - LOOK_MS + 1):
            self._take_looks()
        return self._looks.line(channel if self.format.channels > 1 else 0, at_ms)

    def _extend_quiet(self, quiet: int, start: SampleIndex, end: SampleIndex) -> None:
        for channel, (starts, ends) in enumerate(self._quiet_runs):
            if not quiet >> channel & 1:
                continue
            if ends and abs(ends[-1] - start) <= self._slack:
                ends[-1] = end
            else:
                starts.append(start)
                ends.append(end)

    def _holds(self, start: SampleIndex, end: SampleIndex) -> bool:
        at = bisect_left(self._starts, start)
        while at < len(self._starts) and self._starts[at] == start:
            if self._ends[at] == end:
                return True
            at += 1
        return False

    def _seen(self, seq: int) -> bool:
        at = bisect_right(self._seqs, [seq, seq]) - 1
        near = self._seqs[max(at, 0) : at + 2]
        return any(first <= seq < stop for first, stop in near)

    def _note(self, seq: int) -> bool:
        """Remember a sequence number as runs of numbers; False when it was there already."""
        if self._seen(seq):
            return False
        at = bisect_left(self._seqs, [seq, seq])
        joins_before = at > 0 and self._seqs[at - 1][1] == seq
        joins_after = at < len(self._seqs) and self._seqs[at][0] == seq + 1
        if joins_before and joins_after:
            self._seqs[at - 1][1] = self._seqs.pop(at)[1]
        elif joins_before:
            self._seqs[at - 1][1] = seq + 1
        elif joins_after:
            self._seqs[at][0] = seq
        else:
            self._seqs.insert(at, [seq, seq + 1])
        return True

    @property
    def arrived_until_ms(self) -> Ms:
        """Media time up to which audio has arrived without a gap, counted from what was last released."""
        return samples_to_ms(self._arrived, self.rate_hz)

    @property
    def end_ms(self) -> Ms:
        """End of the last audio seen, gaps or not; 0 before any."""
        return samples_to_ms(self._end, self.rate_hz)

    def held_from(self, at_ms: Ms) -> Ms | None:
        """The first media time from ``at_ms`` on of which audio is held; None where none is."""
        at = bisect_right(self._ends, ms_to_samples(at_ms, self.rate_hz))
        return max(at_ms, samples_to_ms(self._starts[at], self.rate_hz)) if at < len(self._starts) else None

    @property
    def begin_ms(self) -> Ms:
        """Start of the first held chunk; where nothing is held, of what was last released."""
        first = self._starts[0] if self._starts else self._frontier or 0
        return samples_to_ms(first, self.rate_hz)

    @property
    def frontier_ms(self) -> Ms:
        """End of what was released; 0 before anything was."""
        return samples_to_ms(self._frontier or 0, self.rate_hz)

    def line_states(self) -> tuple[LineState | None, ...]:
        """By channel: what the looks at audio that will not be read again have heard; empty where there were none."""
        if self._looks.waits_before(self.begin_ms):
            self._take_looks()
        return self._looks.states(self.begin_ms)

    def resume(self, frontier_ms: Ms, lines: Sequence[LineState | None]) -> None:
        """Begin where an earlier timeline of this stream had released up to ``frontier_ms``. ``lines``: its
        ``line_states``."""
        self._frontier = self._arrived = self._end = ms_to_samples(frontier_ms, self.rate_hz)
        self._looks.restore(lines, frontier_ms)

    @property
    def first_offset(self) -> int:
        """Smallest source offset among the held chunks; -1 when none is held."""
        if not self._chunks:
            return -1
        return self._chunks[0].offset if self._offsets_ascend else min(chunk.offset for chunk in self._chunks)

    def __len__(self) -> int:
        return len(self._chunks)

    def pop_until(self, until_ms: Ms) -> list[AudioChunk]:
        """Release, in media order, the leading chunks that end by ``until_ms``."""
        until = until_ms * self.rate_hz // 1000
        count = 0
        for end in self._ends:
            if end > until:
                break
            count += 1
        if not count:
            return []
        released = self._chunks[:count]
        frontier = max(self._ends[:count])
        if self._looks.waits_before(samples_to_ms(frontier, self.rate_hz) + 1):
            self._take_looks()
        self._frontier = frontier if self._frontier is None else max(self._frontier, frontier)
        for column in (self._chunks, self._starts, self._ends, self._quiet):
            del column[:count]
        for starts, ends in self._quiet_runs:
            gone = bisect_right(ends, self._frontier)
            del starts[:gone], ends[:gone]
        self._looks.forget(until_ms)
        self._offsets_ascend = self._offsets_ascend or not self._chunks
        self._advance_arrival()
        return released

    def _advance_arrival(self) -> None:
        """Releasing over a gap moves the frontier past it, so arrival counts on from there."""
        assert self._frontier is not None  # noqa: S101 - set by the caller
        if self._arrived >= self._frontier:
            return
        self._arrived = self._frontier
        for start, end in zip(self._starts, self._ends, strict=True):
            if start > self._arrived + self._slack:
                break
            self._arrived = max(self._arrived, end)

    def quiet_until(self, channel: int, from_ms: Ms) -> Ms:
        """How far from ``from_ms`` a channel's held audio is quiet without a break (``from_ms`` itself when it is not).

        ``channel`` as in ``pcm``.
        """
        starts, ends = self._quiet_runs[channel if self.format.channels > 1 else 0]
        start = ms_to_samples(from_ms, self.rate_hz)
        at = bisect_right(starts, start + self._slack) - 1
        if at < 0 or ends[at] <= start:
            return from_ms
        return max(from_ms, samples_to_ms(ends[at], self.rate_hz))

    def heard_ms(self, at_ms: Ms) -> Ms:
        """Record time of the first held chunk that goes on after ``at_ms`` (media time), else of the last; 0 where
        nothing is held."""
        if not self._chunks:
            return 0
        at = bisect_right(self._ends, ms_to_samples(at_ms, self.rate_hz))
        return self._chunks[min(at, len(self._chunks) - 1)].time_ms

    def pcm(self, channel: int, start_ms: Ms, end_ms: Ms) -> pcm.Samples:
        """Samples of ``[start_ms, end_ms)`` of one channel, int16 at ``rate_hz``; zeros where nothing is held. At most
        ``MAX_READ_MS`` of them.

        ``channel`` counts within an interleaved stream and is ignored for a stream of one channel.
        """
        end_ms = min(end_ms, start_ms + MAX_READ_MS)
        start, stop = ms_to_samples(start_ms, self.rate_hz), ms_to_samples(end_ms, self.rate_hz)
        column = channel if self.format.channels > 1 else 0
        first, part = self._held(start, stop)
        if part is not None:
            held = pcm.decode(part, self.format)[:, column]
            if len(held) == stop - start:
                return held
            samples = np.zeros(max(0, stop - start), np.int16)
            samples[first - start :][: len(held)] = held
            return samples
        samples = np.zeros(max(0, stop - start), np.int16)
        for at in range(*self._touching(start, stop)):
            first, last = self._starts[at], self._ends[at]
            if last <= start:
                continue
            chunk = pcm.decode(self._chunks[at].data, self.format)[:, column]
            low, high = max(first, start), min(last, stop)
            samples[low - start : high - start] = chunk[low - first : high - first]
        return samples

    def missing(self, part: Interval) -> list[Interval]:
        """Of ``part`` (ms), what lies between two held chunks and never came."""
        start, stop = ms_to_samples(part.start, self.rate_hz), ms_to_samples(part.end, self.rate_hz)
        first = max(1, bisect_right(self._starts, start))
        last = min(bisect_left(self._starts, stop) + 1, len(self._starts))
        if self._ends[first - 1 : last - 1] == self._starts[first:last]:
            return []  # as nearly always
        gaps = []
        for at in range(first, last):
            begin, end = max(start, self._ends[at - 1]), min(stop, self._starts[at])
            if end - begin > self._slack:
                gaps.append(Interval(samples_to_ms(begin, self.rate_hz), samples_to_ms(end, self.rate_hz)))
        return gaps

    def _touching(self, start: SampleIndex, stop: SampleIndex) -> tuple[int, int]:
        """Half-open: the chunks among which all are that hold something of ``[start, stop)``; the first of them does,
        if any."""
        begin, end = bisect_left(self._starts, start - self._longest), bisect_left(self._starts, stop)
        while begin < end and self._ends[begin] <= start:
            begin += 1
        return begin, end

    def _held(self, start: SampleIndex, stop: SampleIndex) -> tuple[SampleIndex, bytes | None]:
        """The bytes of what is held of ``[start, stop)``, and where it begins; None for nothing, and where chunks do
        not follow each other without a gap, as nearly all do."""
        begin, end = self._touching(start, stop)
        if begin >= end:
            return start, None
        if end - begin == 1:
            joined = self._chunks[begin].data
        elif self._ends[begin : end - 1] == self._starts[begin + 1 : end]:
            joined = b"".join([chunk.data for chunk in self._chunks[begin:end]])
        else:
            return start, None
        held_start, size = self._starts[begin], self._frame_bytes
        return max(start, held_start), joined[max(0, start - held_start) * size : max(0, stop - held_start) * size]

"""One audio stream of a call: its timeline, the channels it carries, how far it has been judged."""

from collections.abc import Mapping, Sequence

import msgspec

from deid_stream.audio.cut import silence
from deid_stream.audio.hear import keys
from deid_stream.audio.hold.line import LineState
from deid_stream.audio.hold.timeline import Timeline
from deid_stream.model.events import AudioChunk
from deid_stream.model.outputs import SanitizedAudio
from deid_stream.model.spans import AudioSpan
from deid_stream.session.disguise import StreamDisguise
from deid_stream.units import Interval, Ms, merge, ms_to_samples, samples_to_ms

_GAP_MS = 200
"""A stream may lack this much media time before its audio counts as incomplete, since offsets are rounded."""
END_SLACK_MS = 1_000
"""How much shorter than the stated duration of the call a stream may be: producers measure either differently."""


class StreamState(msgspec.Struct, frozen=True, array_like=True):
    """One audio stream: a channel, or -1 for the interleaved set."""

    channel: int
    released_until_ms: Ms
    judged_until_ms: Ms
    """Media time up to which speech without a transcript has been looked for."""
    chunks: int
    begin_ms: Ms = -1
    """Media time of the first chunk; -1: not known."""
    released_ms: Ms = 0
    """Media time of all released chunks together."""
    lines: tuple[LineState | None, ...] = ()
    """By channel of the stream: how loud the line is; empty where nothing was heard yet that will not be read again."""


class Stream:
    """One timeline with the channels it carries and how far it has been judged."""

    def __init__(self, timeline: Timeline, channels: tuple[int, ...]) -> None:
        self.timeline = timeline
        self.channels = channels
        self.judged_ms: Ms = 0
        self.chunks = 0
        self.begin_ms: Ms = -1
        self.released_bytes = 0
        self.disguise = StreamDisguise(timeline.format)
        self.tones = [keys.Windows() for _ in channels]
        self.inserted = 0
        """``Timeline.inserted`` when ``tones`` looked."""

    @property
    def released_ms(self) -> Ms:
        """Media time of all released chunks together."""
        fmt = self.timeline.format
        return samples_to_ms(self.released_bytes // fmt.frame_bytes, fmt.rate_hz)

    def missing(self, duration_ms: Ms | None) -> bool:
        """Whether the stream has gaps or ends before the call. ``duration_ms``: the stated length of the call; None:
        not stated."""
        end_ms = self.timeline.end_ms
        if duration_ms is not None and end_ms + END_SLACK_MS < duration_ms:
            return True
        return self.begin_ms >= 0 and end_ms - self.begin_ms - self.released_ms > _GAP_MS

    def holes(self, spans: Mapping[int, Sequence[AudioSpan]]) -> list[silence.Hole]:
        """Those ``spans`` (by channel, as the call counts them) of the stream's channels that begin before its released
        sound ends, in samples."""
        rate_hz, until_ms = self.timeline.rate_hz, self.timeline.frontier_ms
        return [
            silence.Hole(
                inner,
                Interval(ms_to_samples(span.start_ms, rate_hz), ms_to_samples(span.end_ms, rate_hz)),
                span.level or silence.DEFAULT_LEVEL,
            )
            for inner, channel in enumerate(self.channels)
            for span in spans.get(channel, ())
            if span.start_ms <= until_ms
        ]

    def disguised(self, audio: SanitizedAudio) -> SanitizedAudio:
        """The chunk with the disguised form of its sound added. Chunks must be given in order."""
        start = ms_to_samples(audio.chunk.offset_ms, audio.chunk.format.rate_hz)
        return msgspec.structs.replace(audio, disguised=self.disguise.process(audio.data, start))


def sanitize(
    chunk: AudioChunk, holes: Sequence[silence.Hole], operator: silence.Operator, allowed_ms: Ms
) -> SanitizedAudio:
    """The chunk as it may leave: with those ``holes`` of its stream cut that touch it."""
    data = chunk.data
    if not holes:
        return SanitizedAudio(chunk=chunk, data=data, redacted_ms=0, allowed_ms=allowed_ms)
    fmt = chunk.format
    start = ms_to_samples(chunk.offset_ms, fmt.rate_hz)
    whole = Interval(start, start + len(data) // fmt.frame_bytes)
    touching = [hole for hole in holes if hole.samples.start < whole.end and start < hole.samples.end]
    redacted = 0
    for channel in {hole.channel for hole in touching}:
        parts = merge(hole.samples.intersect(whole) for hole in touching if hole.channel == channel)
        redacted += sum(part.length for part in parts)
    if touching:
        data = silence.redact(data, fmt, start, touching, operator)
    redacted_ms = samples_to_ms(redacted, fmt.rate_hz) if redacted else 0
    return SanitizedAudio(chunk=chunk, data=data, redacted_ms=redacted_ms, allowed_ms=allowed_ms)

"""From final segments to turns: the unit of detection, however the recogniser cut the speech.

A turn is a run of final segments of one channel whose pauses are shorter than the context window. Once its channel is
known up to its close time, it can no longer grow. Turns are detected in the order of their ends, each when every
channel is known up to its end, so the order in which the records of different topics arrive cannot matter (law 1). Who
answers before the close time does not keep the turn waiting for the end of the answer.

A few digits alone may be an answer ("two") or the first piece of a number that is read out piece by piece. Such a turn
waits longer for its next piece, so that the first digit is judged with the others.
"""

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from deid_stream.audio.align.believable import SEGMENT_SLACK_MS
from deid_stream.detect.rules.pieces import begins_number, continues, goes_on, only_carried
from deid_stream.model.events import Segment
from deid_stream.session.settings import SessionSettings
from deid_stream.text.languages import lexicon_of
from deid_stream.text.normalise import normalise
from deid_stream.text.tokens import Tokens
from deid_stream.units import FOREVER_MS, NEVER_MS, CharIndex, Interval, Ms

_ANSWER_WORDS: Final = 4
"""A turn of fewer words may be half an answer ("daniel"), so it waits the whole context window. A larger value delays
more turns."""
_SHORT_LETTERS: Final = 3
"""A turn whose last word has at most so many letters ("is", "my", "at", "um") may go on with a value, so it waits the
whole context window. A larger value delays more turns; a smaller one may part a value from the words before it."""
_ONE_LINE_MS: Final = 400
"""Short segments are one line of words where at most this much lies between them. A larger value takes more segments
whose times are off by different lengths for one, and silences more about their values; a smaller one judges a word by
itself whose times show to be off only beside its neighbours'."""
_SHORT_WORDS: Final = 4
"""A segment of fewer words is short: nobody can tell from it alone whether its times are off. A larger value widens the
cuts of a segment whose times are right for the sake of a neighbour's; a smaller one judges segments of few words by
themselves."""
Known = Callable[[int, Ms], bool]
"""Whether a channel is known up to a media time."""
_ENDINGS: Final = " .,;:?!…"
"""Signs that a recogniser puts after an unfinished text and removes in the next revision: that removes nothing said."""


class Turn(NamedTuple):
    """Final segments of one channel in media order, which are detected together. ``close_ms``: the media time up to
    which the channel must be known before the turn is detected."""

    close_ms: Ms
    channel: int
    segments: tuple[Segment, ...]

    @property
    def start_ms(self) -> Ms:
        return self.segments[0].start_ms

    @property
    def text(self) -> str:
        return " ".join([segment.text for segment in self.segments])

    @property
    def end_ms(self) -> Ms:
        return max([segment.end_ms for segment in self.segments])

    def joined(self) -> "Turn":
        """The turn with its segments made one, so that its cut cannot matter to alignment; as it is where word times
        are missing or come from several providers."""
        first = self.segments[0]
        if len(self.segments) == 1 or not all(s.words and s.provider == first.provider for s in self.segments):
            return self
        words = tuple(word for segment in self.segments for word in segment.words)
        whole = msgspec.structs.replace(first, text=self.text, end_ms=self.end_ms, words=words)
        return self._replace(segments=(whole,))

    def lines(self) -> Iterator[Interval]:
        """The segments (half-open ranges of indices) that are one line of words: of two neighbours one is short, all
        words have times, and the later ones begin within ``_ONE_LINE_MS`` after the others have ended."""
        first = 0
        for at in range(1, len(self.segments) + 1):
            if at == len(self.segments) or not _goes_straight_on(*self.segments[at - 1 : at + 1]):
                yield Interval(first, at)
                first = at

    def apart(self, others: Iterable[Segment]) -> list[Segment]:
        """Those of ``others`` that are in no line of words with a segment of the turn."""
        together = self._replace(segments=tuple(sorted((*self.segments, *others), key=_media_order)))
        lines = [together.segments[slice(*line)] for line in together.lines()]
        return [segment for line in lines if not any(own in line for own in self.segments) for segment in line]

    def starts(self) -> list[CharIndex]:
        """Where each segment's text begins in ``text``."""
        starts = []
        at = 0
        for segment in self.segments:
            starts.append(at)
            at += len(segment.text) + 1
        return starts


def _goes_straight_on(before: Segment, after: Segment) -> bool:
    """Whether two segments, one of them short, are one line of words. A segment whose words are stated outside it is
    off by itself."""
    ended, begins = _words_in(before), _words_in(after)
    if before.provider != after.provider or ended is None or begins is None:
        return False
    pause_ms, words = begins.start - ended.end, (len(before.words), len(after.words))
    # where the words of longer segments lie about each other, they are two readings, or what two people say at once
    return pause_ms < _ONE_LINE_MS and (max(words) if pause_ms < 0 else min(words)) < _SHORT_WORDS


def _words_in(segment: Segment) -> Interval | None:
    """From the first word's start to the last one's end; None where a word has no times, or they lie outside the
    segment."""
    times = [(word.start_ms, word.end_ms) for word in segment.words]
    starts, ends = [start for start, _ in times if start is not None], [end for _, end in times if end is not None]
    if not times or len(starts) < len(times) or len(ends) < len(times):
        return None
    said = Interval(min(starts), max(ends))
    inside = segment.start_ms - SEGMENT_SLACK_MS <= said.start and said.end <= segment.end_ms + SEGMENT_SLACK_MS
    return said if inside else None


def following(turn: Turn, pending: Iterable[Segment], turns: Iterable[Turn]) -> Ms:
    """Media time at which what is known to come after ``turn`` on its channel begins; far off where nothing is."""
    starts = [segment.start_ms for segment in pending if segment.channel == turn.channel]
    starts += [other.start_ms for other in turns if other.channel == turn.channel]
    last_ms = turn.segments[-1].start_ms  # a turn of some of its segments begins within it, and comes not after
    return min((start_ms for start_ms in starts if start_ms > last_ms), default=FOREVER_MS)


def may_go_on(text: str, language: str) -> bool:
    """Whether what is said next could complete a value that ``text`` has begun: it ends in a number, a letter, a symbol
    or a short word, or is short altogether."""
    tokens = Tokens(text, lexicon_of(language.partition("-")[0].lower()))
    words = [at for at, low in enumerate(tokens.lows) if low[0].isalnum()]
    if len(words) < _ANSWER_WORDS:
        return True
    last = tokens.lows[words[-1]]
    return bool(tokens.classes[words[-1]]) or len(last) <= _SHORT_LETTERS or any(char.isdigit() for char in last)


def _goes_on_from(before: str, after: str) -> bool:
    """Whether a text says all that an earlier revision of it said, and more after that at most: it takes nothing back.
    Beside what is said next, the earlier text would be a sentence that nobody has said."""
    return before == after or after.startswith(before.rstrip(_ENDINGS))


def _media_order(segment: Segment) -> tuple[Ms, Ms, str]:
    return (segment.start_ms, segment.end_ms, segment.segment_id)


class PendingTurns:
    """Final segments that have not been detected yet, by channel, in media order."""

    def __init__(
        self, context_window_ms: Ms, max_turn_ms: Ms, piece_window_ms: Ms = 0, *, settled_ms: Ms | None = None
    ) -> None:
        """``piece_window_ms``: a pause that does not end a turn between the first digits of a number and the next.
        ``settled_ms``: the pause that ends a turn which cannot go on with a value; None: as every other."""
        self._context_ms = context_window_ms
        self._settled_ms = context_window_ms if settled_ms is None else min(settled_ms, context_window_ms)
        self._max_turn_ms = max_turn_ms
        self._piece_ms = max(piece_window_ms, context_window_ms)
        self._channels: dict[int, list[Segment]] = {}
        self._replaced: dict[tuple[int, str], Segment] = {}
        """Of pending segments, the first revision where a later one took something of it back."""

    @classmethod
    def of(cls, settings: SessionSettings) -> "PendingTurns":
        """With the times of the session's settings."""
        return cls(
            settings.context_window_ms, settings.max_turn_ms, settings.piece_window_ms, settled_ms=settings.settled_ms
        )

    def __iter__(self) -> Iterator[Segment]:
        for segments in self._channels.values():
            yield from segments

    def get(self, channel: int, segment_id: str) -> Segment | None:
        """The pending segment of that channel and id; None where there is none."""
        return next((s for s in self._channels.get(channel, ()) if s.segment_id == segment_id), None)

    def put(self, segment: Segment) -> None:
        """Hold a segment; it takes the place of an earlier revision."""
        segments = self._channels.setdefault(segment.channel, [])
        key = (segment.channel, segment.segment_id)
        before = self.get(*key)
        if before is not None and not _goes_on_from(before.text, segment.text):
            self._replaced.setdefault(key, before)
        segments[:] = [held for held in segments if held.segment_id != segment.segment_id]
        insort(segments, segment, key=_media_order)

    def sources(self) -> list[Segment]:
        """The pending segments and the earlier revisions that they replaced: all that must be read again after a
        restart."""
        return [*self, *self._replaced.values()]

    def offsets(self) -> list[int]:
        """Source offsets of ``sources``."""
        return [segment.offset for segment in self.sources()]

    def earliest_start_ms(self) -> Ms | None:
        """Media time at which the first pending segment starts; None where none is pending."""
        starts = [segments[0].start_ms for segments in self._channels.values() if segments]
        return min(starts) if starts else None

    def pop_closed(self, watermark_ms: Ms, known: Known | None = None) -> Turn | None:
        """The turn that ends first, if the watermark has reached its end and its channel is known up to its close
        time; without ``known``, channels are known up to the watermark."""
        # asked after every step of sound, and no turn ends before its first segment
        ends = [item for item in self._channels.items() if item[1] and item[1][0].end_ms <= watermark_ms]
        if not ends:
            return None
        turn = min([self._first(*item, watermark_ms) for item in ends], key=lambda one: (one.end_ms, one.channel))
        if turn.end_ms > watermark_ms:
            return None
        reached = known or (lambda _, at_ms: at_ms <= watermark_ms)
        if not reached(turn.channel, turn.close_ms) or self._waits(turn, reached):
            return None
        del self._channels[turn.channel][: len(turn.segments)]
        return turn

    def take_replaced(self, turn: Turn) -> Turn | None:
        """The turn, which ``pop_closed`` has given, with the first revisions of its segments in place of the last; None
        where no revision removed anything."""
        first = [self._replaced.pop((s.channel, s.segment_id), None) for s in turn.segments]
        if not any(first):
            return None
        return turn._replace(segments=tuple(old or new for old, new in zip(first, turn.segments, strict=True)))

    def _waits(self, turn: Turn, reached: Known) -> bool:
        """Whether the turn may be the first piece of a number and so waits for the next one. It does not where somebody
        has spoken about something else since."""
        end_ms = turn.end_ms
        if len(self._channels[turn.channel]) > len(turn.segments) or not begins_number(turn.text):
            return False
        if reached(turn.channel, end_ms + self._piece_ms):
            return False
        # a piece that begins before the other speaks belongs to the number still
        other_ms = self._other_spoke_ms(turn.channel, end_ms)
        return other_ms is None or not reached(turn.channel, other_ms + 1)

    def _other_spoke_ms(self, channel: int, after_ms: Ms) -> Ms | None:
        """When somebody on another channel began to speak about something else, the first time that this ended after
        ``after_ms``; None where nobody is known to have."""
        others = [segment for other, held in self._channels.items() if other != channel for segment in held]
        starts = [other.start_ms for other in others if other.end_ms > after_ms and not _is_aside(other.text)]
        return min(starts, default=None)

    def _first(self, channel: int, segments: list[Segment], watermark_ms: Ms) -> Turn:
        start_ms = segments[0].start_ms
        end_ms = segments[0].end_ms
        for index in range(1, len(segments)):
            following = segments[index]
            pause_ms, window_ms = following.start_ms - end_ms, self._window_ms(segments[index - 1])
            piece = pause_ms < self._piece_ms and self._is_piece(segments[:index], following)
            if piece and following.start_ms > watermark_ms:
                # somebody else may have spoken before it
                return Turn(NEVER_MS, channel, tuple(segments[:index]))
            if pause_ms >= window_ms and not piece:
                return Turn(end_ms + window_ms, channel, tuple(segments[:index]))
            length_ms, twice_ms = max(end_ms, following.end_ms) - start_ms, 2 * self._max_turn_ms
            if length_ms > (twice_ms if piece else self._max_turn_ms):
                kept = _before_number(segments[: index + 1])
                if kept or length_ms > twice_ms:
                    return Turn(max(end_ms, following.start_ms), channel, tuple(segments[: kept or index]))
            end_ms = max(end_ms, following.end_ms)
        return Turn(end_ms + self._window_ms(segments[-1]), channel, tuple(segments))

    def _window_ms(self, last: Segment) -> Ms:
        """How long a turn that ends with this segment waits for more."""
        if self._settled_ms >= self._context_ms or may_go_on(last.text, last.language):
            return self._context_ms
        return self._settled_ms

    def _is_piece(self, before: Sequence[Segment], following: Segment) -> bool:
        """Whether ``following`` goes on with the number that the segments ``before`` begin; only a pause or a length
        that would end the turn is worth the question."""
        last = max(segment.end_ms for segment in before)
        ends = following.start_ms - last >= self._context_ms
        if not ends and max(last, following.end_ms) - before[0].start_ms <= self._max_turn_ms:
            return False
        if not begins_number(" ".join(segment.text for segment in before)) or not goes_on(following.text):
            return False
        other_ms = self._other_spoke_ms(following.channel, last)
        return other_ms is None or other_ms >= following.start_ms


def _before_number(segments: Sequence[Segment]) -> int:
    """How many of the segments a turn keeps that must end before the last of them: where a number goes on from the ones
    before into that, all before the number and what is said about it; 0 where there is nothing before it."""
    ends = [at for at in range(1, len(segments)) if not continues(segments[at - 1].text, segments[at].text)]
    last = ends[-1] if ends else 0
    if last == len(segments) - 1:
        return last
    about = [at for at in ends if sum(len(s.text.split()) for s in segments[at:last]) >= _ANSWER_WORDS]
    return about[-1] if about else last


def _is_aside(text: str) -> bool:
    """Somebody listens, or says the digits again."""
    return only_carried(normalise(text).text.lower())

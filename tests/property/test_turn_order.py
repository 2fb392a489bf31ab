"""Law 1 for turns: whether the sound comes with the transcripts or long after them, the same turns are detected in the
same order."""

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.model.events import Segment
from deid_stream.session.turns import PendingTurns

SETTLED_MS = 200
STEP_MS = 100
TOLD_AFTER_MS = 300
SAID = [
    "four",
    "four five",
    "it is nine",
    "and then seven two",
    "okay",
    "yes",
    "four so far",
    "what is the name on the account please",
    "that is all i know about it",
    "my card is four one one one",
    "sorry",
]


@dataclass(frozen=True)
class Spoken:
    channel: int
    segment_id: str
    text: str
    start_ms: int
    end_ms: int

    def final(self) -> Segment:
        return Segment(
            call_id="c",
            customer_id="k",
            segment_id=self.segment_id,
            text=self.text,
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            channel=self.channel,
        )


@st.composite
def calls(draw: st.DrawFn) -> list[Spoken]:
    """Two people, each in pauses of his own: they answer, wait and talk at once."""
    spoken = []
    for channel in (0, 1):
        at_ms = draw(st.integers(0, 30)) * 100
        for number in range(draw(st.integers(1, 6))):
            length_ms = draw(st.integers(2, 20)) * 100
            text = draw(st.sampled_from(SAID))
            spoken.append(Spoken(channel, f"{channel}-{number}", text, at_ms, at_ms + length_ms))
            at_ms += length_ms + draw(st.integers(1, 60)) * 100
    return sorted(spoken, key=lambda one: (one.end_ms, one.channel))


def known_ms(own: list[Spoken], heard_ms: int, now_ms: int) -> int:
    """How far a channel is known where sound has come up to ``heard_ms`` and transcripts up to ``now_ms``.

    ``own``: what is said there, in the order of time, which is that of starts and of ends."""
    until_ms = 0
    for one in own:
        if one.end_ms + TOLD_AFTER_MS > now_ms:
            return max(until_ms, min(heard_ms, one.start_ms))
        until_ms = one.end_ms
    return max(until_ms, heard_ms)


def detected(spoken: list[Spoken], settled_ms: int, sound_late_ms: int) -> Iterator[tuple[str, ...]]:
    pending = PendingTurns(1_500, 12_000, 5_000, settled_ms=settled_ms)
    waiting = list(spoken)
    apart = [[one for one in spoken if one.channel == channel] for channel in (0, 1)]
    asked: list[int] = []
    for now_ms in range(0, max(one.end_ms for one in spoken) + 20_000 + sound_late_ms, STEP_MS):
        while waiting and waiting[0].end_ms + TOLD_AFTER_MS <= now_ms:
            pending.put(waiting.pop(0).final())
        until_ms = [known_ms(own, max(0, now_ms - sound_late_ms), now_ms) for own in apart]
        # asked again with nothing new, the turns give the same answer: none
        if asked == (asked := [len(waiting), *until_ms]):
            continue
        while turn := pending.pop_closed(min(until_ms), lambda channel, at_ms: at_ms <= until_ms[channel]):  # noqa: B023
            yield tuple(segment.segment_id for segment in turn.segments)
    assert pending.earliest_start_ms() is None


@settings(max_examples=100)
@given(calls(), st.sampled_from([SETTLED_MS, 1_500]))
def test_the_same_turns_come_in_the_same_order_however_late_the_sound_is(spoken: list[Spoken], settled_ms: int) -> None:
    live = list(detected(spoken, settled_ms, 0))
    assert list(detected(spoken, settled_ms, 2_000)) == live
    assert list(detected(spoken, settled_ms, 90_000)) == live

"""When a turn ends: after the context window, or sooner where nothing that follows could complete a value."""

import msgspec
import pytest

from deid_stream.model.events import Segment, Word
from deid_stream.session.turns import PendingTurns, Turn, following, may_go_on
from deid_stream.units import FOREVER_MS

WINDOW_MS, SETTLED_MS, LONGEST_MS = 1_500, 200, 12_000

GOES_ON = [
    ("my card is four one one one", "en", True),
    ("it is 4111", "en", True),
    ("my postcode is s w one a", "en", True),
    ("my email is rohan dot", "en", True),
    ("you can reach me at", "en", True),
    ("the number on the back is", "en", True),
    ("daniel", "en", True),
    ("rohan de souza", "en", True),
    ("", "en", True),
    ("mein code ist sieben", "de", True),
    ("I would like my money back please", "en", False),
    ("what can I do for you today?", "en", False),
    ("my name is Daniel Savage.", "en", False),
    ("ich rufe wegen der Rechnung", "de", False),
]


@pytest.mark.parametrize(("text", "language", "expected"), GOES_ON)
def test_what_could_be_half_a_value_may_go_on(text: str, language: str, expected: bool) -> None:
    assert may_go_on(text, language) is expected


def segment(name: str, start_ms: int, end_ms: int, text: str) -> Segment:
    return Segment(call_id="c", customer_id="k", segment_id=name, text=text, start_ms=start_ms, end_ms=end_ms)


def turns(settled_ms: int, *segments: Segment) -> list[tuple[int, list[str]]]:
    """(close time, segment ids) of every turn."""
    pending = PendingTurns(WINDOW_MS, LONGEST_MS, settled_ms=settled_ms)
    for one in segments:
        pending.put(one)
    found = []
    while (turn := pending.pop_closed(FOREVER_MS)) is not None:
        found.append((turn.close_ms, [one.segment_id for one in turn.segments]))
    return found


PLAIN = segment("plain", 0, 2_000, "I would like to pay my bill please")
DIGITS = segment("digits", 2_600, 4_000, "the card is four one one one")
MORE = segment("more", 4_900, 6_000, "two two two two")
THANKS = segment("thanks", 8_000, 9_000, "that is all thank you kindly")

CUTS = [
    (WINDOW_MS, [(7_500, ["plain", "digits", "more"]), (10_500, ["thanks"])]),
    (SETTLED_MS, [(2_200, ["plain"]), (7_500, ["digits", "more"]), (9_200, ["thanks"])]),
    (WINDOW_MS + 5_000, [(7_500, ["plain", "digits", "more"]), (10_500, ["thanks"])]),
]


@pytest.mark.parametrize(("settled_ms", "expected"), CUTS)
def test_a_settled_turn_does_not_wait_for_what_follows(settled_ms: int, expected: list[tuple[int, list[str]]]) -> None:
    assert turns(settled_ms, PLAIN, DIGITS, MORE, THANKS) == expected


def test_the_order_of_arrival_does_not_matter() -> None:
    in_order = turns(SETTLED_MS, PLAIN, DIGITS, MORE, THANKS)
    assert turns(SETTLED_MS, THANKS, MORE, DIGITS, PLAIN) == in_order


ASKED = segment("asked", 0, 2_000, "what is the number on your card please")
ANSWERED = msgspec.structs.replace(segment("answered", 2_300, 3_000, "one moment please i have it here"), channel=1)
HUMMED = msgspec.structs.replace(segment("hummed", 1_200, 1_500, "mhm"), channel=1)
"""Of the other channel; it may go on until 3,000."""

CLOSED = [
    ([ASKED], 2_100, {0: 3_500, 1: 2_100}, "asked"),
    ([ASKED], 2_100, {0: 3_400, 1: 2_100}, None),
    ([ASKED], 1_900, {0: 3_500, 1: 1_900}, None),
    ([ASKED], 9_000, {0: 9_000, 1: 9_000}, "asked"),
    ([ANSWERED, ASKED], 3_000, {0: 9_000, 1: 3_000}, "asked"),
    ([ANSWERED, ASKED], 3_000, {0: 3_400, 1: 9_000}, None),
    ([ASKED, HUMMED], 2_100, {0: 3_500, 1: 2_100}, None),
    ([ASKED, HUMMED], 3_000, {0: 3_500, 1: 3_000}, "hummed"),
]


@pytest.mark.parametrize(("held", "watermark_ms", "until_ms", "expected"), CLOSED)
def test_a_turn_waits_for_its_own_channel_and_for_what_ended_before_it(
    held: list[Segment], watermark_ms: int, until_ms: dict[int, int], expected: str | None
) -> None:
    pending = PendingTurns(WINDOW_MS, LONGEST_MS)
    for one in held:
        pending.put(one)
    turn = pending.pop_closed(watermark_ms, lambda channel, at_ms: at_ms <= until_ms[channel])
    assert (turn and turn.segments[0].segment_id) == expected


TAKEN_BACK = [
    (["it is four", "it is for"], "it is four"),
    (["it is four", "it is for", "it is far"], "it is four"),
    (["it is four five", "it is four"], "it is four five"),
    (["Anna Bell", "anna bell and more"], "Anna Bell"),
    (["it is", "it is four"], None),
    (["It is.", "It is four.", "It is fourteen."], None),
    (["it is", "it is four", "it is for"], "it is four"),
    (["it is four", "it is four"], None),
]


@pytest.mark.parametrize(("revisions", "expected"), TAKEN_BACK)
def test_an_earlier_text_counts_where_a_revision_takes_something_of_it_back(
    revisions: list[str], expected: str | None
) -> None:
    pending = PendingTurns(WINDOW_MS, LONGEST_MS)
    for text in revisions:
        pending.put(segment("s", 0, 1_000, text))
    read_again = {one.text for one in pending.sources()}
    assert read_again == {revisions[-1], expected or revisions[-1]}
    turn = pending.pop_closed(FOREVER_MS)
    assert turn is not None
    replaced = pending.take_replaced(turn)
    assert (replaced and replaced.text) == expected
    assert pending.sources() == []


@pytest.mark.parametrize(
    ("pending", "others", "until_ms"),
    [
        ([THANKS], [], 8_000),
        ([MORE, THANKS], [], 8_000),
        ([], [Turn(4_000, 0, (DIGITS,))], FOREVER_MS),
        ([], [Turn(6_000, 0, (MORE,)), Turn(9_000, 0, (THANKS,))], 8_000),
        ([segment("elsewhere", 4_200, 5_000, "yes")], [Turn(9_000, 1, (THANKS,))], 4_200),
    ],
    ids=["what comes", "its own last segment", "a part of it", "its last and what comes", "beside its last"],
)
def test_what_comes_after_a_turn_comes_after_its_last_segment(
    pending: list[Segment], others: list[Turn], until_ms: int
) -> None:
    """A segment that is placed again stands among the others as a turn of its own."""
    turn = Turn(7_500, 0, (PLAIN, DIGITS) if until_ms == 4_200 else (PLAIN, DIGITS, MORE))
    assert following(turn, pending, others) == until_ms


def test_segments_of_one_line_of_words_are_not_apart() -> None:
    """A recogniser that gives every word as a segment: where one is late, its neighbours are, and bound it nowhere."""
    words = {name: (Word(name, start, start + 300),) for name, start in (("call", 0), ("four", 400), ("now", 5_000))}
    call, four, now = (
        msgspec.structs.replace(segment(name, said[0].start_ms or 0, said[0].end_ms or 0, name), words=said)
        for name, said in words.items()
    )
    assert Turn(0, 0, (four,)).apart([call, now]) == [now]
    assert Turn(0, 0, (PLAIN,)).apart([DIGITS, THANKS]) == [DIGITS, THANKS]

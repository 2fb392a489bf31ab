"""What one of two readings of the same speech shows as a value goes in the other, too, and nothing said before or
after it."""

import pytest

from deid_stream.model.entities import EntityType
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import Span
from deid_stream.session.released import ReleasedSegment, covers_of, words_of
from deid_stream.session.twins import Twins

FIRST = "yes that is me it is daniel quillfeather"


def segment(name: str, channel: int, said: str, every_ms: int | None = 400) -> Segment:
    """Word after word, each ``every_ms`` after the one before; a number alone is a pause in ms."""
    words: list[Word] = []
    at_ms = 1_000
    for token in said.split():
        if token.startswith("+"):
            at_ms += int(token[1:])
            continue
        words.append(Word(token, at_ms, at_ms + 300) if every_ms else Word(token))
        at_ms += every_ms or 0
    text = " ".join(word.text for word in words)
    return Segment(
        call_id="c",
        customer_id="k",
        segment_id=name,
        text=text,
        start_ms=1_000,
        end_ms=max(3_000, at_ms),
        channel=channel,
        words=tuple(words),
    )


def twins_of(*held: tuple[Segment, list[Span]]) -> Twins:
    keys = [(one.channel, one.segment_id) for one, _ in held]
    released = {
        key: ReleasedSegment(
            one.segment_id, 0, one.channel, 0, one.end_ms, len(words_of(one.text)), covers_of(one.text, spans)
        )
        for key, (one, spans) in zip(keys, held, strict=True)
    }
    return Twins(dict(zip(keys, [one for one, _ in held], strict=True)), released)


def value_in(text: str, value: str) -> list[Span]:
    at = text.index(value)
    return [Span(at, at + len(value), EntityType.PERSON, 1.0, "test")]


@pytest.mark.parametrize(
    ("said", "every_ms", "gone"),
    [
        ("yes that is me it is the annual quill feather", 300, "the annual quill feather"),
        ("yes that is me it is the annual feather +900 can you read me the card", 400, "the annual feather"),
        # nobody knows when it was said
        ("yes that is me it is the annual feather can you read me", None, "the annual feather can you read me"),
        # nothing is stated when the value was said: the times are off
        ("+9000 yes that is me it is the annual feather", 400, "the annual feather"),
    ],
    ids=["other words", "somebody else's words next", "no times", "other times"],
)
def test_what_stands_for_a_value_in_the_other_reading_goes_where_it_was_said(said, every_ms, gone):
    value = (first := segment("a", 0, FIRST)), value_in(FIRST, "daniel quillfeather")
    other = segment("b", 1, said, every_ms)
    earlier = twins_of(value).spans_of(other)
    assert " ".join(other.text[span.start : span.end] for span in earlier) == gone
    later = twins_of((other, [])).showing(first, value[1])
    assert [(held.segment_id, spans) for held, spans in later] == [("b", earlier)]


def test_where_the_value_states_no_times_all_that_stands_for_it_goes():
    value = segment("a", 0, FIRST, None), value_in(FIRST, "daniel quillfeather")
    other = segment("b", 1, "yes that is me it is the annual feather +900 can you read me")
    assert [other.text[span.start : span.end] for span in twins_of(value).spans_of(other)] == [
        "the annual feather can you read me"
    ]


def test_the_digits_of_a_number_go_wherever_the_other_reading_has_them():
    text = "the number of my card is 4539 1488"
    value = segment("a", 0, text), [Span(25, 34, EntityType.CREDIT_CARD, 1.0, "test")]
    other = segment("b", 1, "the number of my card is four +2000 5 39 14 and then")
    assert [other.text[span.start : span.end] for span in twins_of(value).spans_of(other)] == ["four 5 39 14"]

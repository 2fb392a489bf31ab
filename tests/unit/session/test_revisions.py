"""A revision after release may add to what was redacted, never take from it: with the real detector."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.datasets.callfile import CallFile, CallHeader, Pace
from deid_stream.datasets.replay import replay
from deid_stream.datasets.wav import WavFile
from deid_stream.detect.detector import Detector
from deid_stream.keys import KeyRing
from deid_stream.model.entities import EntityType
from deid_stream.model.events import CallStarted, Segment, Word
from deid_stream.model.spans import Span
from deid_stream.policy.policy import UNKNOWN
from deid_stream.session.call import CallSession, Positions
from deid_stream.session.ports import ConversationFactory
from deid_stream.session.settings import SessionSettings
from tests.support.made_calls import EPOCH_MS, MULAW, SecretDetector
from tests.support.run_session import KEY, Left, feed

DIGITS = "four five three nine one four eight eight oh three four three six four six seven".split()
CARD = ["my card number is", *DIGITS]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


def opened(detector: ConversationFactory) -> CallSession:
    return CallSession("c", "acme", detector=detector, key=KEY, settings=SessionSettings(), policy=UNKNOWN)


def said(texts: Sequence[str], *, channel: int = 1, from_ms: int = 500, revision: int = 0) -> list[Segment]:
    """One segment per text, close together, each word 200 ms long."""
    made = []
    at_ms = from_ms
    for number, text in enumerate(texts):
        words = []
        for word in text.split():
            words.append(Word(word, at_ms, at_ms + 200, 0.9))
            at_ms += 200
        made.append(
            Segment(
                call_id="c", customer_id="acme", segment_id=f"s{number}", channel=channel, revision=revision,
                text=text, words=tuple(words), start_ms=words[0].start_ms or 0, end_ms=at_ms,
                time_ms=EPOCH_MS + at_ms, offset=number,
            )
        )  # fmt: skip
        at_ms += 100
    return made


def revised(segment: Segment, text: str) -> Segment:
    """The same stretch of sound with other words: without times, as a formatter leaves them."""
    words = tuple(Word(word) for word in text.split())
    return msgspec.structs.replace(segment, text=text, words=words, revision=segment.revision + 1)


def passed(session: CallSession, channel: int, until_ms: int) -> Left:
    """The recogniser says that it has finished with a channel."""
    done = Segment(
        call_id="c", customer_id="acme", segment_id=f"done-{until_ms}", channel=channel, is_final=False, text="",
        start_ms=until_ms, end_ms=until_ms, transcribed_until_ms=until_ms, time_ms=EPOCH_MS + until_ms, offset=999,
    )  # fmt: skip
    return feed(session, [done], close=False)


def released(detector: ConversationFactory, texts: Sequence[str]) -> tuple[CallSession, list[Segment], Left]:
    """A session from which these segments have left."""
    session = opened(detector)
    segments = said(texts)
    begun = CallStarted(call_id="c", customer_id="acme", time_ms=EPOCH_MS)
    left = feed(session, [begun, *segments], close=False)
    left.take(passed(session, 1, 60_000).order)
    assert len(left.segments) == len(texts)
    return session, segments, left


def read(left: Left) -> str:
    """All that can be read: texts and words, in the order of the record ids."""
    records = [left.segments[key] for key in sorted(left.segments)]
    return " | ".join(record.text + " # " + " ".join(word.text for word in record.words) for record in records)


def digits_in(text: str) -> int:
    folded = text.lower()
    return sum(character.isdigit() for character in _without_labels(folded)) + sum(
        folded.split().count(word) for word in set(DIGITS)
    )


def _without_labels(text: str) -> str:
    return "".join(part.split("]")[-1] for part in text.split("["))


def test_a_card_given_digit_by_digit_and_then_formatted_stays_hidden(detector: Detector) -> None:
    session, segments, left = released(detector, CARD)
    assert digits_in(read(left)) == 0
    for segment in segments[1:]:
        left.take(feed(session, [revised(segment, segment.text.capitalize() + ".")], close=False).order)
    assert {record.revision for record in left.segments.values()} == {0, 1}
    assert digits_in(read(left).replace(".", " ")) == 0


def test_so_does_one_that_is_formatted_as_a_number(detector: Detector) -> None:
    session, segments, left = released(detector, ["my card number is " + " ".join(DIGITS)])
    left.take(feed(session, [revised(segments[0], "My card number is 4539 1488 0343 6467.")], close=False).order)
    assert digits_in(read(left)) == 0
    assert left.segments[1, 0].text.startswith("My card number is [")


def test_an_address_over_two_segments_stays_hidden_when_its_second_half_is_formatted(detector: Detector) -> None:
    session, segments, left = released(detector, ["i live at twelve", "rose hill gardens london"])
    hidden = [word for word in ("rose", "hill", "gardens") if word not in read(left)]
    assert hidden
    left.take(feed(session, [revised(segments[1], "Rose Hill Gardens, London.")], close=False).order)
    assert left.segments[1, 1].revision == 1
    assert not [word for word in hidden if word in read(left).lower()]


@pytest.mark.parametrize(
    ("texts", "changes"),
    [
        # the whole turn in its first segment, the second left empty
        (["my card is four five three nine", "one four eight eight oh three"],
         {0: "My card is 4539 1488 03.", 1: "."}),
        # cut elsewhere
        (["my card is four five three nine", "one four eight eight oh three"],
         {0: "my card is four five", 1: "three nine one four eight eight oh three"}),
        # other words in their place
        (["my name is anna bell", "and i need help"], {0: "My name is Hannah Bell."}),
    ],
)  # fmt: skip
def test_revisions_that_cut_and_merge_show_nothing(detector: Detector, texts: list[str], changes: dict) -> None:
    session, segments, left = released(detector, texts)
    for number, text in changes.items():
        left.take(feed(session, [revised(segments[number], text)], close=False).order)
    seen = read(left).replace(".", " ").lower()
    assert digits_in(seen) == 0
    assert not [name for name in ("anna", "bell") if name in seen]


def test_a_revision_that_adds_a_value_hides_it(detector: Detector) -> None:
    session, segments, left = released(detector, ["the number is", "thank you"])
    text = "the number is oh seven seven double oh nine hundred one two three"
    left.take(feed(session, [revised(segments[0], text)], close=False).order)
    assert digits_in(read(left)) == 0
    assert ("corrected", "revision") in left.reasons()


class PhraseDetector(SecretDetector):
    """Finds ``north star``, wherever the segments are cut."""

    def turn(
        self, text: str, speaker: int | str, prev: str | None = None, *, language: str | None = None
    ) -> list[Span]:
        at = text.find("north star")
        return [] if at < 0 else [Span(at, at + 10, EntityType.ADDRESS, 0.9, "phrase", 1)]


def test_a_neighbour_that_has_more_to_hide_now_goes_out_again() -> None:
    session, segments, left = released(PhraseDetector(), ["we go", "star and back", "and on"])
    assert [left.segments[1, seq].text for seq in range(3)] == ["we go", "star and back", "and on"]
    left.take(feed(session, [revised(segments[0], "we go north")], close=False).order)
    texts = [left.segments[1, seq].text for seq in range(3)]
    assert texts == ["we go [ADDRESS_1]", "[ADDRESS_1] and back", "and on"]
    assert ("corrected", "neighbour_revised") in left.reasons()
    left.take(feed(session, [msgspec.structs.replace(segments[0], revision=2)], close=False).order)
    assert left.segments[1, 1].text == texts[1], "what went stays away"


def test_a_revision_before_release_is_judged_as_if_it_had_come_first(detector: Detector) -> None:
    session = opened(detector)
    segments = said(["my card is", "four five three nine one four eight eight"])
    changed = revised(segments[1], "4539 1488")
    left = feed(session, [*segments, changed], close=False)
    left.take(passed(session, 1, 60_000).order)
    assert left.segments[1, 1].revision == 1
    assert digits_in(read(left)) == 0


@pytest.mark.parametrize("restarted", [False, True])
def test_what_a_revision_takes_back_before_release_is_judged_after_a_restart_too(
    detector: Detector, *, restarted: bool
) -> None:
    """Three digits are a number only beside the one that was heard at first."""
    first, second = said(["it is four", "five three nine"])
    reheard = msgspec.structs.replace(revised(first, "it is for"), offset=2)
    begun = CallStarted(call_id="c", customer_id="acme", time_ms=EPOCH_MS)
    session = opened(detector)
    left = feed(session, [begun, first, second, reheard], close=False)
    if restarted:
        assert session.needed_offsets().transcripts == 0
        session = CallSession.restore(
            session.snapshot(), Positions(transcripts=3, audio=0), detector=detector, key=KEY,
            settings=SessionSettings(), policy=UNKNOWN,
        )  # fmt: skip
        left.take(feed(session, [first, second, reheard], close=False).order)
    left.take(passed(session, 1, 60_000).order)
    assert len(left.segments) == 2
    assert digits_in(read(left)) == 0


def test_what_is_not_a_value_is_corrected_in_clear(detector: Detector) -> None:
    session, segments, left = released(detector, ["the parcel has not arrive yet"])
    left.take(feed(session, [revised(segments[0], "The parcel has not arrived yet.")], close=False).order)
    assert left.segments[1, 0].text == "The parcel has not arrived yet."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My card number is 4539 1488 0343 6467.", "** **** ****** ** **** **** **** ****."),
        ("My card number is " + " ".join(word.capitalize() for word in DIGITS), None),
    ],
)
def test_after_a_restart_what_cannot_be_compared_is_masked(detector: Detector, text: str, expected: str | None) -> None:
    session, segments, left = released(detector, ["my card number is " + " ".join(DIGITS)])
    again = CallSession.restore(
        session.snapshot(), Positions(transcripts=1, audio=0), detector=detector, key=KEY,
        settings=SessionSettings(), policy=UNKNOWN,
    )  # fmt: skip
    left.take(feed(again, [msgspec.structs.replace(revised(segments[0], text), offset=7)], close=False).order)
    corrected = left.segments[1, 0]
    assert corrected.revision == 1
    assert digits_in(read(left)) == 0
    assert expected is None or (corrected.text, corrected.words) == (expected, ())
    assert (("corrected", "revision_masked") in left.reasons()) is (expected is not None)


def test_a_revision_that_the_detector_fails_at_is_not_shown(detector: Detector) -> None:
    class Failing:
        def __init__(self, inner: object) -> None:
            self.inner = inner
            self.fails = False

        def conversation(self, *args: object, **kwargs: object) -> object:
            if self.fails:
                raise ZeroDivisionError
            return self.inner.conversation(*args, **kwargs)  # type: ignore[attr-defined]

    failing = Failing(detector)
    session, segments, left = released(failing, ["all is well here"])  # type: ignore[arg-type]
    failing.fails = True
    left.take(feed(session, [revised(segments[0], "All is well, Anna Bell.")], close=False).order)
    assert left.segments[1, 0].revision == 0
    assert ("withheld", "detector") in left.reasons()


@pytest.mark.parametrize(
    ("texts", "revisions"),
    [
        (CARD, {n: word.capitalize() + "." for n, word in enumerate(DIGITS, start=1)}),
        (["my card number is " + " ".join(DIGITS)], {0: "My card number is 4539 1488 0343 6467."}),
        (["i live at twelve", "rose hill gardens london"], {1: "Rose Hill Gardens, London."}),
    ],
)
def test_replay_shows_nothing_of_what_a_formatter_sends_after_release(
    detector: Detector, texts: list[str], revisions: dict[int, str]
) -> None:
    segments = said(texts, channel=0)
    length_ms = segments[-1].end_ms + 12_000
    noise = np.random.default_rng(3).integers(-6_000, 6_000, (length_ms * 8, 1)).astype(np.int16)
    noise[segments[-1].end_ms * 8 :] = 0
    finals = [
        {"segment_id": s.segment_id, "start_ms": s.start_ms, "end_ms": s.end_ms, "text": s.text,
         "words": [{"text": w.text, "start_ms": w.start_ms, "end_ms": w.end_ms} for w in s.words],
         "transcribed_until_ms": s.end_ms}
        for s in segments
    ]  # fmt: skip
    # a later end makes it come later: the sound after the words is silent
    later = [
        finals[n] | {"text": text, "words": [], "revision": 1, "end_ms": segments[-1].end_ms + 6_000 + n}
        for n, text in revisions.items()
    ]
    call = CallFile(
        name="made",
        header=CallHeader(call_id="c", customer_id="acme", segments=[*finals, *later]),
        wav=WavFile(MULAW, pcm.encode(noise, MULAW)),
    )
    result = replay(
        call,
        detector=detector,
        keys=KeyRing(KEY),
        policy=UNKNOWN,
        settings=SessionSettings(),
        pace=Pace(),
        pipeline_version="t",
    )
    after = {s["segment_id"]: s for s in result.call["segments"]}
    assert {after[f"s{n}"]["revision"] for n in revisions} == {1}
    seen = " ".join(s["text"] + " " + " ".join(w["text"] for w in s["words"]) for s in after.values())
    assert digits_in(seen.replace(".", " ")) == 0
    assert not [word for word in ("rose", "gardens") if word in seen.lower()]

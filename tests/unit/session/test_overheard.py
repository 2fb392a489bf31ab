"""A recogniser makes one segment of two questions; the answer to the first lies in its pause and was misheard."""

import msgspec
import pytest

from deid_stream.detect.detector import Detector
from deid_stream.model.entities import EntityType
from deid_stream.model.events import CallStarted, Segment, Word
from deid_stream.policy import UNKNOWN
from deid_stream.session.asking import Overheard
from deid_stream.session.call import CallSession
from deid_stream.session.judging import Judge
from deid_stream.session.ports import Positions
from deid_stream.session.settings import SessionSettings
from deid_stream.session.turns import Turn
from tests.support.made_calls import EPOCH_MS
from tests.support.run_session import KEY, feed, new_session
from tests.support.spoken import IDS, final, hear, spoken

ANSWER_AT_MS, REST_AT_MS = 4_600, 7_600


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


def questions(lag_ms: int) -> tuple[list, Segment]:
    """Channel 0 asks for a name, and for another thing after 3 s."""
    said = [*spoken("could i take your full name please", 600), *spoken("and how can i help you today", REST_AT_MS)]
    return said, final(said, segment_id="both", lag_ms=lag_ms)


def answer(lag_ms: int) -> tuple[list, Segment]:
    """Channel 1 says a name, which comes out as other words that the recogniser doubts."""
    said = spoken("sure it is always in the gaming", ANSWER_AT_MS, channel=1)
    words = [Word(one.text, one.start_ms, one.end_ms, 0.9 if one.text in "sure it is" else 0.3) for one in said]
    return said, final(said, words=words, segment_id="name", lag_ms=lag_ms)


@pytest.mark.parametrize("lags_ms", [(300, 300), (300, 6_000), (6_000, 300)], ids=["at once", "answer late", "late"])
def test_an_answer_is_judged_by_the_question_in_a_segment_that_lasts_beyond_it(detector, lags_ms) -> None:
    (asked, both), (said, name) = questions(lags_ms[0]), answer(lags_ms[1])
    heard = hear([*asked, *said], [both, name], detector=detector, channels=2)
    assert heard.audible_ms(*said[3:]) == 0
    assert "gaming" not in heard.text
    assert heard.audible_ms(*asked) == sum(one.end_ms - one.start_ms for one in asked)


def test_where_nothing_was_asked_before_it_the_same_words_stay(detector) -> None:
    (asked, both), (said, name) = questions(300), answer(300)
    other = {one.text: word for one, word in zip(asked, "the bill for this month is high".split(), strict=False)}
    texts = [other.get(one.text, one.text) if one.start_ms < ANSWER_AT_MS else one.text for one in asked]
    words = tuple(Word(text, one.start_ms, one.end_ms, 0.9) for text, one in zip(texts, asked, strict=True))
    plain = msgspec.structs.replace(both, text=" ".join(texts), words=words)
    heard = hear([*asked, *said], [plain, name], detector=detector, channels=2)
    assert "always in the gaming" in heard.text


@pytest.mark.parametrize(
    ("before", "left"),
    [("what is your address please", ["ADDRESS"]), ("thank you for calling", [])],
    ids=["another question is open", "none is"],
)
def test_a_question_that_is_open_stays_so_beside_one_that_is_overheard(detector, before, left) -> None:
    judge = Judge(UNKNOWN, detector=detector, key=KEY)
    asked, said = final(spoken(before)), final(spoken("it is daniel savage", 7_000, channel=1))
    judge.turn(Turn(0, 0, (asked,)))
    judge.turn(Turn(0, 1, (said,)), overheard=Overheard("0", (EntityType.PERSON,), 5_000))
    open_ = judge.state().asked
    assert ([str(kind) for kind in open_.types] if open_ else []) == left
    assert judge.answerable.start == (600 if left else 5_000)


@pytest.mark.parametrize("restart_after", [None, 1, 2, 3])
def test_a_restart_within_the_call_changes_nothing(detector, restart_after) -> None:
    """The answer comes first; it is judged once the question has come and more of its own channel is known."""
    later = final(spoken("okay then", 12_000, channel=1), segment_id="later")
    sent = [answer(300)[1], questions(300)[1], later]
    sent = [msgspec.structs.replace(segment, offset=offset) for offset, segment in enumerate(sent)]
    session = new_session(detector=detector)
    left = feed(session, [CallStarted(**IDS, time_ms=EPOCH_MS, channels=2), *sent[:restart_after]], close=False)
    if restart_after is not None:
        again_from = session.needed_offsets().transcripts
        session = CallSession.restore(
            session.snapshot(), Positions(transcripts=restart_after, audio=0), detector=detector, key=KEY,
            settings=SessionSettings(), policy=UNKNOWN,
        )  # fmt: skip
        again = sent[again_from:restart_after] if again_from >= 0 else []
        left.take(feed(session, [*again, *sent[restart_after:]], close=False).order)
    left.take(feed(session, []).order)
    texts = {segment.segment_id: segment.text for segment in left.segments.values()}
    assert texts["both"] == questions(0)[1].text
    assert texts["name"].startswith("sure it is [")
    assert "gaming" not in texts["name"]

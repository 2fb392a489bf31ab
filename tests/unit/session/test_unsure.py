"""An answer that was asked for and badly understood counts as what was asked for; words in doubt are silenced."""

import pytest

from deid_stream.detect.conversation.state import Asked, ConversationState
from deid_stream.model.entities import EntityType
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import Span
from deid_stream.policy import UNKNOWN
from deid_stream.session.judging import Judge
from deid_stream.session.turns import Turn
from tests.support.made_calls import SecretDetector


class Asking(SecretDetector):
    """A conversation in which channel 0 has asked for a name."""

    def state(self):
        return ConversationState(asked=Asked("0", [EntityType.PERSON], 2))


def segment_of(text, words, *, end_ms=2_000, channel=1, language=None):
    return Segment(
        call_id="c",
        customer_id="k",
        segment_id="s",
        text=text,
        start_ms=0,
        end_ms=end_ms,
        channel=channel,
        words=words,
        language=language,
    )


def judged(channel, confidence, detector):
    words = tuple(
        Word(name, 100 * n, 100 * n + 90, c)
        for n, (name, c) in enumerate((("oh", 0.9), ("yes", 0.9), ("curgy", confidence)))
    )
    segment = segment_of("oh yes curgy", words, end_ms=300, channel=channel)
    return Judge(UNKNOWN, detector=detector, key=bytes(32)).turn(Turn(300, channel, (segment,)))


@pytest.mark.parametrize(
    ("channel", "confidence", "detector", "spans"),
    [
        (1, 0.3, Asking(), [(7, 12, "unsure_answer")]),
        (1, 0.9, Asking(), []),
        (1, None, Asking(), []),
        (0, 0.3, Asking(), []),
        (1, 0.3, SecretDetector(), []),
    ],
    ids=["doubted", "certain", "no confidence", "who asked", "nothing asked"],
)
def test_an_answer_in_doubt_counts_as_what_was_asked_for(channel, confidence, detector, spans):
    found = judged(channel, confidence, detector)
    assert [(span.start, span.end, span.detector) for span in found.spans] == spans


class Finding(Asking):
    """Knows "zorblax" for the name that was asked for."""

    def turn(self, text, speaker, prev=None, *, language=None):
        at = text.find("zorblax")
        return [Span(at, at + 7, EntityType.PERSON, 1.0, "test")] if at >= 0 else []


@pytest.mark.parametrize(
    ("text", "doubted"),
    [
        ("it is zorblax ?quux and i live here", ["quux"]),
        ("it is ?quux zorblax and i live here", ["quux"]),
        ("it is zorblax and so ?quux i live here", ["quux"]),
        ("it is zorblax and i live ?hear ?your all", []),
        ("for ?six years it was then zorblax and i live", []),
        ("it is zorblax ?quux and so ?it ?was then ?all", ["quux"]),
        ("it is and i live ?hear all", ["hear"]),
    ],
    ids=[
        "right after it",
        "right before it",
        "two words on",
        "apart from it",
        "apart before it",
        "a chain",
        "not found",
    ],
)
def test_where_the_answer_is_found_what_is_doubted_apart_from_it_is_no_part_of_it(text, doubted):
    said = [(token.lstrip("?"), 0.45 if token[0] == "?" else 0.95) for token in text.split()]
    words = tuple(Word(token, 100 * n, 100 * n + 90, sure) for n, (token, sure) in enumerate(said))
    plain = " ".join(token for token, _ in said)
    segment = segment_of(plain, words, end_ms=900)
    found = Judge(UNKNOWN, detector=Finding(), key=bytes(32)).turn(Turn(900, 1, (segment,)))
    assert [plain[s.start : s.end] for s in found.spans if s.detector == "unsure_answer"] == doubted


def read(text: str, confidence: float = 0.97) -> Segment:
    """A word after "?" is doubted."""
    said = [(token.lstrip("?"), 0.45 if token[0] == "?" else confidence) for token in text.split()]
    words = tuple(Word(token, 100 * n, 100 * n + 90, sure) for n, (token, sure) in enumerate(said))
    plain = " ".join(token for token, _ in said)
    return segment_of(plain, words)


class AskingFor(SecretDetector):
    """A conversation in which channel 0 has asked for something."""

    def __init__(self, *wanted):
        super().__init__()
        self.wanted = list(wanted)

    def state(self):
        return ConversationState(asked=Asked("0", self.wanted, 2))


@pytest.mark.parametrize(
    ("wanted", "text", "gone"),
    [
        (EntityType.ID_NUMBER, "it says ?3 .69, 2 .849 on the letter", "3 .69, 2 .849"),
        (
            EntityType.EMAIL_ADDRESS,
            "that would be all the way ?from ?.ademy, at example.com",
            "all the way from .ademy",
        ),
        (EntityType.EMAIL_ADDRESS, "that would be fine and then ?you ?write", "you write"),
    ],
    ids=["the whole number", "from where it is announced", "not over another sentence"],
)
def test_what_is_doubted_of_an_answer_goes_with_what_belongs_to_it(wanted, text, gone):
    segment = read(text)
    found = Judge(UNKNOWN, detector=AskingFor(wanted), key=bytes(32)).turn(Turn(2_000, 1, (segment,)))
    assert found is not None
    assert segment.text[found.spans[0].start : found.spans[-1].end] == gone


def test_each_thing_that_was_asked_for_may_be_in_doubt():
    """ "you have asked for a number and a name": it is the name that was misheard."""
    segment = read("sure it is the teema alpha ?aid")
    both = AskingFor(EntityType.PHONE_NUMBER, EntityType.PERSON)
    found = Judge(UNKNOWN, detector=both, key=bytes(32)).turn(Turn(2_000, 1, (segment,)))
    assert found is not None
    gone = {segment.text[span.start : span.end].strip(): span.entity_type for span in found.spans}
    assert " ".join(gone) == "the teema alpha aid"
    number = AskingFor(EntityType.PHONE_NUMBER)
    (only,) = Judge(UNKNOWN, detector=number, key=bytes(32)).turn(Turn(2_000, 1, (segment,))).spans
    assert segment.text[only.start : only.end] == "aid"


def test_a_misheard_address_goes_where_nothing_was_asked():
    segment = read("that would be samuel dot what tilde example dot com")
    (found,) = Judge(UNKNOWN, detector=SecretDetector(), key=bytes(32)).turn(Turn(2_000, 1, (segment,))).spans
    assert found.entity_type is EntityType.EMAIL_ADDRESS
    assert segment.text[found.start : found.end] == "samuel dot what tilde example dot com"


@pytest.mark.parametrize(
    ("confidence", "language", "told"),
    [(0.97, None, ["lock me"]), (0.97, "en-IN", ["lock me"]), (None, None, []), (0.97, "hi-IN", [])],
    ids=["read by a recogniser", "in English", "not by one that doubts", "another language"],
)
def test_where_a_name_is_told_a_recogniser_is_not_believed_however_sure_it_is(confidence, language, told):
    text = "you are through to lock me"
    words = tuple(Word(token, 100 * n, 100 * n + 90, confidence) for n, token in enumerate(text.split()))
    segment = segment_of(text, words, end_ms=600, channel=0, language=language)
    judge = Judge(UNKNOWN, detector=SecretDetector(), key=bytes(32))
    found = judge.turn(Turn(600, 0, (segment,)))
    assert found is not None
    assert [text[s.start : s.end] for s in found.spans] == told


class FindingNames(AskingFor):
    """Knows "quill" for a name."""

    def turn(self, text, speaker, prev=None, *, language=None):
        at = text.find("quill")
        return [Span(at, at + 5, EntityType.PERSON, 1.0, "test")] if at >= 0 else []


@pytest.mark.parametrize(
    ("wanted", "gone"),
    [(EntityType.EMAIL_ADDRESS, ["mark tea ", "quill"]), (EntityType.CREDIT_CARD, ["quill"])],
    ids=["said in words", "a number"],
)
def test_a_name_in_an_answer_that_is_said_in_words_is_part_of_it(wanted, gone):
    segment = read("that would be mark tea quill at work")
    found = Judge(UNKNOWN, detector=FindingNames(wanted), key=bytes(32)).turn(Turn(2_000, 1, (segment,)))
    assert found is not None
    assert [segment.text[span.start : span.end] for span in found.spans] == gone


@pytest.mark.parametrize(
    ("text", "pause_ms", "gone"),
    [
        ("My name is Margaret. This is what I have been", 240, "Margaret This is what"),
        ("It is Margaret. This is what?", 240, "Margaret This is what"),
        ("It is Margaret. This is what?", 600, "Margaret"),
        ("It is Margaret. I have been a customer", 240, "Margaret"),
        ("It is Margaret. Can you tell me more?", 240, "Margaret"),
        ("It is Margaret Hill. This is what?", 240, "Margaret Hill"),
        ("It is Margaret", 240, "Margaret"),
    ],
    ids=["before a sentence", "at the end", "after a pause", "speaks on", "many words", "two names", "nothing"],
)
def test_a_short_sentence_right_after_a_name_is_its_surname(text, pause_ms, gone):
    tokens = text.split()
    stop = next((at for at, token in enumerate(tokens) if token.endswith(".")), len(tokens))
    words = tuple(
        Word(token, at, at + 90, 0.95)
        for n, token in enumerate(tokens)
        for at in [100 * n + (pause_ms if n > stop else 0)]
    )
    segment = segment_of(text, words)
    found = Judge(UNKNOWN, detector=AskingFor(EntityType.PERSON), key=bytes(32)).turn(Turn(2_000, 1, (segment,)))
    assert found is not None
    assert " ".join(text[span.start : span.end].strip() for span in found.spans) == gone


class FindingPieces(AskingFor):
    """Knows "quill" and "lane" for parts of an address."""

    def turn(self, text, speaker, prev=None, *, language=None):
        places = [(text.find(part), len(part)) for part in ("quill", "lane")]
        return [Span(at, at + size, EntityType.ADDRESS, 1.0, "test") for at, size in places if at >= 0]


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("at quill approaching the lane", "quill approaching the lane"),
        ("at quill, laying near the old lane", "quill , laying near the old lane"),
        ("at quill and then i moved to the lane", "quill lane"),
    ],
    ids=["a few words", "a few words and a comma", "a sentence"],
)
@pytest.mark.parametrize("confidence", [0.97, None])
def test_an_address_that_is_found_in_pieces_is_one_answer(said, gone, confidence):
    segment = read(said, confidence)
    found = Judge(UNKNOWN, detector=FindingPieces(EntityType.ADDRESS), key=bytes(32)).turn(Turn(2_000, 1, (segment,)))
    assert found is not None
    pieces = [segment.text[span.start : span.end].strip() for span in found.spans]
    assert " ".join(pieces) == (gone if confidence else "quill lane")


class Addressed(SecretDetector):
    """Finds the street, and the e-mail address that was asked for."""

    def state(self):
        return ConversationState(asked=Asked("0", [EntityType.EMAIL_ADDRESS], 2))

    def turn(self, text, speaker, prev=None, *, language=None):
        kinds = (("5 palm lane", EntityType.ADDRESS), ("ann at example dot com", EntityType.EMAIL_ADDRESS))
        places = [(text.find(value), value, kind) for value, kind in kinds]
        return [Span(at, at + len(value), kind, 1.0, "test") for at, value, kind in places if at >= 0]


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("i live at 5 palm lane near the old mill", ["near the old mill"]),
        ("i live at 5 palm lane and my sister does", []),
        ("it is ann at example dot com ?all ?in lower case", []),
        ("it is ann at example dot com ?zorblax in lower case", ["zorblax"]),
        ("it is ?too ann at example dot com", ["too"]),
        ("?Zorblax is your email address? it is ?quux", ["quux"]),
        ("it is ?quux okay?", ["quux"]),
        ("How will ?quux near the old mill?", ["quux"]),
        ("Thank you, ?say that, that is all", ["say", "that"]),
        ("Thank you, say that, that is all", []),
    ],
    ids=[
        "a landmark",
        "none",
        "everyday words after it",
        "other words after it",
        "everyday words before it",
        "a question is no answer",
        "an unsure answer",
        "an answer taken for a question",
        "who is thanked",
        "who is thanked, for certain",
    ],
)
def test_what_goes_with_an_address_beside_it(text, gone):
    segment = read(text)
    found = Judge(UNKNOWN, detector=Addressed(), key=bytes(32)).turn(Turn(2_000, 1, (segment,)))
    assert [segment.text[s.start : s.end].strip() for s in found.spans if s.detector == "unsure_answer"] == gone


class AskedForName(Addressed):
    """A name was asked for, and an e-mail address is said."""

    def state(self):
        return ConversationState(asked=Asked("0", [EntityType.PERSON], 2))


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("it is ?ann at example dot com ?all in lower case", ""),
        ("it is ?ann at example dot com ?zorblax in lower case", "zorblax"),
        ("?too ann at example dot com ?all in lower case", "too"),
        ("it is ?ann at example dot com. ?all ?in lower case", "all in"),
        ("it is ?all ?in lower case", "all in"),
    ],
    ids=["how it is written", "other words", "before it", "the next sentence", "no address"],
)
def test_the_doubt_about_an_address_says_nothing_of_how_it_is_written(text, gone):
    """Nor may everyday words there be the name that was asked for; in another sentence they may."""
    segment = read(text)
    found = Judge(UNKNOWN, detector=AskedForName(), key=bytes(32)).turn(Turn(2_000, 1, (segment,)))
    assert found is not None
    doubted = [segment.text[s.start : s.end] for s in found.spans if s.detector == "unsure_answer"]
    assert " ".join(doubted).strip(" .") == gone


class FindingMill(AskingFor):
    """Knows "old mill" for a part of an address."""

    def turn(self, text, speaker, prev=None, *, language=None):
        at = text.find("old mill")
        return [Span(at, at + 8, EntityType.ADDRESS, 1.0, "test")] if at >= 0 else []


@pytest.mark.parametrize(
    ("wanted", "text", "confidence", "gone"),
    [
        (EntityType.ADDRESS, "i live at boarding station approach near the old mill", 0.97, "boarding"),
        (EntityType.ADDRESS, "my address is flat nine, station near the old mill", 0.97, "flat"),
        (EntityType.ADDRESS, "i live in town. we went to the old mill", 0.97, "old"),
        (EntityType.ADDRESS, "i live at home and every day i walk to the old mill", 0.97, "old"),
        (EntityType.ADDRESS, "we went to the old mill", 0.97, "old"),
        (EntityType.ADDRESS, "i live at boarding station approach near the old mill", None, "old"),
        (EntityType.PERSON, "i live at boarding station approach near the old mill", 0.97, "old"),
    ],
    ids=["lives", "address", "another sentence", "many words", "nobody lives there", "no recogniser", "not asked"],
)
def test_what_stands_where_somebody_lives_is_the_address_that_was_asked_for(wanted, text, confidence, gone):
    segment = read(text, confidence)
    found = Judge(UNKNOWN, detector=FindingMill(wanted), key=bytes(32)).turn(Turn(2_000, 1, (segment,)))
    assert found is not None
    assert segment.text[found.spans[0].start :].startswith(gone)

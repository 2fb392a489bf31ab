"""A call: what was asked, values over several turns, read-backs and later mentions, and what may be remembered."""

import msgspec
import pytest

from deid_stream.detect.detector import Conversation, ConversationState, Detector, DetectorSettings
from deid_stream.errors import DetectionError, DigestKeyError
from deid_stream.model.entities import OFF_BY_DEFAULT

KEY = b"a key of the tests, 32 bytes long"
RULES = Detector.load(DetectorSettings(model="off"))
AGENT, CALLER = 0, 1


def play(turns: list[tuple[int, str]], conversation: Conversation | None = None) -> list[list[str]]:
    """What goes in each turn: ``TYPE:value``."""
    conversation = conversation or RULES.conversation(KEY)
    played = []
    for who, text in turns:
        spans = [s for s in conversation.turn(text, who) if s.entity_type not in OFF_BY_DEFAULT]
        played.append([f"{s.entity_type}:{text[s.start : s.end]}" for s in spans])
    return played


@pytest.mark.parametrize(("question", "answer", "expected"), [
    ("what is your full name", "ferguson", ["PERSON:ferguson"]),
    ("what is your full name", "yes it's d o m i n i c", ["PERSON:d o m i n i c"]),
    ("may i have your surname please", "field", ["PERSON:field"]),
    ("and your postcode", "s w one a", ["ADDRESS:s w one a"]),
    ("what is your date of birth", "fourteen five nineteen seventy", ["DATE_OF_BIRTH:fourteen five nineteen seventy"]),
    ("can you tell me the last four digits", "2566", ["ID_NUMBER:2566"]),
    ("and the long number on the card", "ten thirty twenty two eleven", ["CREDIT_CARD:ten thirty twenty two eleven"]),
    ("what's the security code on the back", "one two", ["CARD_CVV:one two"]),
    ("could i take your email", "john at example dot com", ["EMAIL_ADDRESS:john at example dot com"]),
])  # fmt: skip
def test_a_bare_answer_goes_by_its_question(question: str, answer: str, expected: list[str]) -> None:
    assert play([(AGENT, question), (CALLER, answer)])[1] == expected


@pytest.mark.parametrize(("question", "answer"), [
    ("what is your full name", "okay"),
    ("what is your full name", "sorry can you repeat that"),
    ("what is your full name", "why do you need that"),
    ("what is your postcode", "yes"),
    ("what is your date of birth", "one moment please"),
    ("how many people", "twelve"),
    ("what time would you like", "ten thirty"),
    ("is there anything else i can help with", "no that is all"),
])  # fmt: skip
def test_what_is_no_answer_stays(question: str, answer: str) -> None:
    assert play([(AGENT, question), (CALLER, answer)])[1] == []


def test_the_same_words_stay_where_nobody_asked() -> None:
    assert play([(AGENT, "good morning"), (CALLER, "ten thirty")])[1] == []


def test_a_question_stays_open_over_a_filler() -> None:
    turns = [(AGENT, "your name please"), (CALLER, "um one moment"), (AGENT, "sure"), (CALLER, "okafor")]
    assert play(turns)[3] == ["PERSON:okafor"]


def test_can_you_spell_that_opens_it_again() -> None:
    turns = [(AGENT, "your name please"), (CALLER, "dominic"), (AGENT, "can you spell that"), (CALLER, "d o m")]
    assert play(turns)[3] == ["PERSON:d o m"]


def test_a_number_split_over_turns_goes_in_every_part() -> None:
    turns = [
        (AGENT, "what is the card number"), (CALLER, "four one one one"), (AGENT, "mm hm"),
        (CALLER, "oh one two"), (AGENT, "go on"), (CALLER, "and then two two"),
    ]  # fmt: skip
    assert play(turns) == [
        [], ["CREDIT_CARD:four one one one"], [], ["CREDIT_CARD:oh one two"], [], ["CREDIT_CARD:two two"],
    ]  # fmt: skip


def test_another_question_ends_the_one_before() -> None:
    turns = [
        (AGENT, "what is your order number"), (CALLER, "five five two"), (AGENT, "how many people"), (CALLER, "twelve"),
        (AGENT, "what time"), (CALLER, "ten thirty"),
    ]  # fmt: skip
    assert play(turns) == [[], ["ID_NUMBER:five five two"], [], [], [], []]


@pytest.mark.parametrize(
    ("between", "open_types"),
    [
        ([], ["DATE_OF_BIRTH", "EMAIL_ADDRESS"]),
        ([(1, "it is mara.quill at example.com")], ["DATE_OF_BIRTH"]),
        ([(1, "one moment")], ["DATE_OF_BIRTH"]),
        ([(0, "so it is mara.quill at example.com, right")], ["DATE_OF_BIRTH", "EMAIL_ADDRESS"]),
    ],
    ids=["two questions", "answered", "somebody spoke", "read out by who asks"],
)
def test_two_questions_before_one_answer_are_both_open(between: list[tuple[int, str]], open_types: list[str]) -> None:
    talk = RULES.conversation(KEY)
    for speaker, text in [(0, "What is your e-mail?"), *between, (0, "And your date of birth?")]:
        talk.turn(text, speaker)
    asked = talk.state().asked
    assert asked is not None
    assert asked.types == open_types


def test_a_question_that_its_own_turn_answers_is_closed_by_the_next_one() -> None:
    """As on a line with an echo, where one channel carries both voices."""
    talk = RULES.conversation(KEY)
    talk.turn("What is your e-mail? It is mara.quill at example.com. Can I take your name?", 0)
    talk.turn("And your date of birth?", 0)
    asked = talk.state().asked
    assert asked is not None
    assert asked.types == ["DATE_OF_BIRTH", "PERSON"]


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("I moved house last week and I need the delivery sent somewhere else", []),
        ("please tell me at which house number you are now that you have moved", ["ADDRESS"]),
        ("you moved house so I need the new house number from you please", ["ADDRESS"]),
    ],
)
def test_who_moved_house_asks_for_no_address(text: str, types: list[str]) -> None:
    talk = RULES.conversation(KEY)
    talk.turn(text, 0)
    asked = talk.state().asked
    assert (asked.types if asked else []) == types


def test_a_broken_off_number_is_not_continued_under_another_question() -> None:
    turns = [
        (AGENT, "the last four of your social"), (CALLER, "six seven eight nine"),
        (AGENT, "and a good phone number"), (CALLER, "five five five"),
    ]  # fmt: skip
    assert play(turns)[3] == ["PHONE_NUMBER:five five five"]


@pytest.mark.parametrize(
    ("answer", "goes_on"),
    [
        ("well you know i live at 14 palm grove lane", False),
        ("well you know i live at flat nine temple street", False),
        ("well you know it is palm grove lane 14", True),
        ("well you know the zip code there is nine four", True),
    ],
)
def test_an_address_that_ends_in_its_street_is_not_broken_off(answer: str, goes_on: bool) -> None:
    """After a number at its end more of it may come."""
    conversation = RULES.conversation(KEY)
    assert play([(AGENT, "what is your address"), (CALLER, answer)], conversation)[1]
    assert bool(conversation.state().broken) is goes_on


def test_the_agents_read_back_and_later_mentions_go() -> None:
    turns = [
        (CALLER, "this is robert miller and the account is two eight zero four four seven one"),
        (AGENT, "thank you so the account ending four four seven one belongs to mister miller"),
        (CALLER, "yes and please call me robert"),
    ]
    played = play(turns)
    assert "ID_NUMBER:four four seven one" in played[1]
    assert "PERSON:miller" in played[1]
    assert played[2] == ["PERSON:robert"]


def test_one_value_has_one_number() -> None:
    conversation = RULES.conversation(KEY)
    first = conversation.turn("my name is robert miller", CALLER)
    other = conversation.turn("my name is susan okafor", AGENT)
    again = conversation.turn("thank you robert", AGENT)
    surname = conversation.turn("mister miller has paid", AGENT)
    assert [first[0].value_id, other[0].value_id, again[0].value_id, surname[0].value_id] == [1, 2, 1, 1]


def test_a_state_goes_on_exactly_where_it_stopped() -> None:
    turns = [
        (AGENT, "what is your name and card number"), (CALLER, "robert miller four one one one"), (AGENT, "go on"),
        (CALLER, "two two"), (AGENT, "thank you robert can you spell that"), (CALLER, "m i l l e r"),
    ]  # fmt: skip
    whole = play(turns)
    for cut in range(len(turns) + 1):
        conversation = RULES.conversation(KEY)
        play(turns[:cut], conversation)
        kept = msgspec.json.decode(msgspec.json.encode(conversation.state()), type=ConversationState)
        assert play(turns[cut:], RULES.conversation(KEY, state=kept)) == whole[cut:]


def test_a_state_holds_nothing_that_was_said() -> None:
    conversation = RULES.conversation(KEY)
    play(
        [(AGENT, "your name"), (CALLER, "robert miller and it's 4111 1111 1111 1111 raju at gmail dot com")],
        conversation,
    )
    kept = msgspec.json.encode(conversation.state()).decode().lower()
    assert not any(word in kept for word in ("robert", "miller", "4111", "1111", "raju", "gmail"))


def test_without_the_key_the_digests_say_nothing() -> None:
    states = []
    for key in (KEY, KEY[::-1]):
        conversation = RULES.conversation(key)
        conversation.turn("this is robert miller", CALLER)
        states.append(set(conversation.state().known.digests))
    assert states[0].isdisjoint(states[1])


def test_prev_counts_only_where_it_was_no_turn() -> None:
    conversation = RULES.conversation(KEY)
    assert conversation.turn("ferguson", CALLER, prev="what is your name")
    conversation = RULES.conversation(KEY)
    conversation.turn("what is your name", AGENT)
    conversation.turn("robert miller", CALLER)
    state = conversation.state()
    conversation.turn("okay", CALLER, prev="what is your name")
    assert (conversation.state().asked is None) == (state.asked is None)


ONE_AT_A_TIME = "four five three nine one four eight eight oh three four three six four six seven".split()


@pytest.mark.parametrize("between", [[], ["mm hm"], ["go on"], ["yes", "okay"]])
def test_one_digit_a_turn_goes_in_every_turn(between: list[str]) -> None:
    turns = [(AGENT, "what is the long number on your card")]
    for digit in ONE_AT_A_TIME:
        turns += [(CALLER, digit), *((AGENT, word) for word in between)]
    played = play(turns)
    assert [found for (who, _), found in zip(turns, played, strict=True) if who == CALLER] == [
        [f"CREDIT_CARD:{digit}"] for digit in ONE_AT_A_TIME
    ]


@pytest.mark.parametrize(("answer", "value"), [
    ("it's barnaby dot quill", "barnaby dot quill"), ("barnaby underscore quill", "barnaby underscore quill"),
    ("so barnaby.quill all lower case", "barnaby.quill"),
])  # fmt: skip
def test_the_local_part_of_an_e_mail_goes_before_its_host_has_come(answer: str, value: str) -> None:
    played = play([(AGENT, "what's your email address"), (CALLER, answer), (CALLER, "at gmail dot com")])
    assert f"EMAIL_ADDRESS:{value}" in played[1]
    assert "gmail dot com" in played[2][0]


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("that would be barnaby.quill, at example.com all lower", "barnaby.quill, at example.com"),
        ("that would be barnaby quill, at example .com", "barnaby quill, at example .com"),
        ("barnaby.quill and example.co.uk", "barnaby.quill and example.co.uk"),
        ("barnaby quill that example.org", "barnaby quill that example.org"),
        ("sam dot quill, at, example.com please", "sam dot quill, at, example.com"),
    ],
    ids=["a comma for the pause", "a blank before com", "and for at", "that for at", "commas all round"],
)
def test_an_e_mail_that_was_asked_for_is_told_by_its_domain(answer: str, value: str) -> None:
    assert f"EMAIL_ADDRESS:{value}" in play([(AGENT, "what's your email address"), (CALLER, answer)])[1]
    assert play([(CALLER, "we looked, and example.com was down")]) == [[]]


def test_a_comma_before_its_sign_ends_no_e_mail_that_is_joined_by_dots() -> None:
    said = "you have barnaby.quill, at example.com, and a phone"
    assert "EMAIL_ADDRESS:barnaby.quill, at example.com" in play([(CALLER, said)])[0]


def test_words_joined_by_signs_are_no_e_mail_unless_asked_for() -> None:
    assert play([(CALLER, "the well_known fix is in node.js")]) == [[]]


@pytest.mark.parametrize("between", [[], ["mm hm"], ["yes", "okay"]])
@pytest.mark.parametrize(("question", "value"), [
    ("spell your last name", "q u i l l a"), ("spell your postcode please", "sierra whiskey one nine papa foxtrot"),
])  # fmt: skip
def test_one_letter_a_turn_goes_in_every_turn(question: str, value: str, between: list[str]) -> None:
    turns = [(AGENT, question)]
    for letter in value.split():
        turns += [(CALLER, letter), *((AGENT, word) for word in between)]
    found = [found for (who, _), found in zip(turns, play(turns), strict=True) if who == CALLER]
    assert [spans[0].split(":")[1] for spans in found if spans] == value.split()


@pytest.mark.parametrize("turns", [
    [(AGENT, "your name please"), (CALLER, "mike"), (CALLER, "hotel")],
    [(AGENT, "spell your last name"), (CALLER, "q"), (AGENT, "how many rooms"), (CALLER, "two")],
    [(AGENT, "spell your last name"), (CALLER, "q"), (CALLER, "i want to see the bill")],
])  # fmt: skip
def test_what_spells_nothing_stays(turns: list[tuple[int, str]]) -> None:
    assert play(turns)[-1] == []


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize(("question", "number"), [
    ("and your phone number please", "zero seven seven zero zero nine zero zero one two three"),
    ("your mobile number", "nine one nine eight four nine zero two two one seven six"),
    ("what is the security code on the card", "three nine one five"),
])  # fmt: skip
def test_the_last_digits_of_a_longer_number_go_too(question: str, number: str, size: int) -> None:
    words = number.split()
    pieces = [" ".join(words[at : at + size]) for at in range(0, len(words), size)]
    played = play([(AGENT, question), *((CALLER, piece) for piece in pieces)])
    assert [found[0].split(":")[1] for found in played[1:] if found] == pieces


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_few_digits_a_turn_go_without_a_question(size: int) -> None:
    pieces = [" ".join(ONE_AT_A_TIME[at : at + size]) for at in range(0, len(ONE_AT_A_TIME), size)]
    played = play([(CALLER, "my card number is"), *((CALLER, piece) for piece in pieces)])
    assert [found[0].split(":")[1] for found in played[1:]] == pieces


@pytest.mark.parametrize("turns", [
    [(AGENT, "how many are you"), (CALLER, "four")],
    [(AGENT, "and the card number"), (CALLER, "four one one one"), (AGENT, "how many people"), (CALLER, "two")],
    [(AGENT, "your phone"), (CALLER, "five five five one two three four five six seven"), (CALLER, "for two of us")],
])  # fmt: skip
def test_a_digit_that_answers_something_else_stays(turns: list[tuple[int, str]]) -> None:
    assert play(turns)[-1] == []


@pytest.mark.parametrize(("correction", "value"), [
    ("no it is one six seven at the end", "one six seven"),
    ("no four two nine", "four two nine"),
    ("sorry it ends four four five", "four four five"),
    ("the last digit is four", "four"),
    ("nahi one nine", "one nine"),
])  # fmt: skip
def test_a_correction_of_a_few_digits_goes(correction: str, value: str) -> None:
    turns = [
        (AGENT, "your phone number"), (CALLER, "nine eight four nine zero double two one seven six"),
        (AGENT, "nine eight four nine zero two two one seven six right"), (CALLER, correction),
    ]  # fmt: skip
    assert [found.split(":")[1] for found in play(turns)[3]] == [value]


@pytest.mark.parametrize(
    "remark", ["no i called two times", "no it costs fifteen dollars", "no that is all", "no at ten thirty"]
)
def test_other_numbers_after_a_read_back_stay(remark: str) -> None:
    turns = [(CALLER, "my account is two eight zero four four seven one"), (AGENT, "thank you"), (CALLER, remark)]
    assert play(turns)[2] == []


def test_the_customers_own_values_stay_and_their_terms_go() -> None:
    conversation = RULES.conversation(KEY, allow=["1800 555 0199"], deny=["Project Falcon"])
    assert play([(AGENT, "call one eight zero zero five five five zero one nine nine")], conversation) == [[]]
    assert play([(AGENT, "about project falcon, yes")], conversation) == [["ID_NUMBER:project falcon"]]


@pytest.mark.parametrize("text", [
    "about project falcon, yes", "PROJECT FALCON", "project  falcon", "project-falcon", "project, falcon",
    "pröject fálcon",
    "projectfalcon", "project\u200bfalcon", "İ project falcon", "ｐｒｏｊｅｃｔ falcon", "pro\u00adject falcon",
])  # fmt: skip
def test_a_denied_term_goes_however_it_is_written(text: str) -> None:
    conversation = RULES.conversation(KEY, deny=["Project Falcon"])
    assert [s.detector for s in conversation.turn(text, CALLER)] == ["deny"]


@pytest.mark.parametrize(("term", "text"), [
    ("Zürich desk", "the zurich desk"), ("zurich desk", "the Zürich desk"), ("Zu\u0308rich", "zürich"),
    ("किताब", "किताब"),
])  # fmt: skip
def test_accents_do_not_tell_denied_terms_apart(term: str, text: str) -> None:
    assert [s.detector for s in RULES.conversation(KEY, deny=[term]).turn(text, CALLER)] == ["deny"]


def test_vowel_signs_do() -> None:
    assert RULES.conversation(KEY, deny=["किताब"]).turn("कताब", CALLER) == []


@pytest.mark.parametrize(
    "text", ["projects falcons", "project of the falcon", "we reproject falcons", "falcon projects"]
)
def test_what_only_looks_like_a_denied_term_stays(text: str) -> None:
    assert play([(CALLER, text)], RULES.conversation(KEY, deny=["Project Falcon"])) == [[]]


@pytest.mark.parametrize("text", [
    "1800 555 0199 1234", "41 1800 555 0199", "one eight zero zero five five five", "800 555 0199",
    "1800 555 0199-77", "0199 is the end", "one eight zero zero five five five zero one nine nine two",
])  # fmt: skip
def test_an_allowed_number_counts_only_in_full(text: str) -> None:
    conversation = RULES.conversation(KEY, allow=["1800 555 0199"])
    assert play([(AGENT, text)], conversation) != [[]]


@pytest.mark.parametrize("text", ["grace plus please", "i want Grace  Plus", "is it grace-plus"])
def test_an_allowed_term_keeps_what_is_inside_it(text: str) -> None:
    assert play([(AGENT, text)], RULES.conversation(KEY, allow=["Grace Plus"])) == [[]]
    assert play([(AGENT, "thank you grace")], RULES.conversation(KEY, allow=["Grace Plus"])) == [["PERSON:grace"]]


def test_what_is_denied_goes_even_where_it_is_allowed() -> None:
    conversation = RULES.conversation(KEY, allow=["project falcon"], deny=["falcon"])
    assert play([(AGENT, "project falcon")], conversation) == [["ID_NUMBER:falcon"]]


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 65])
def test_a_key_that_cannot_key_is_refused(key: bytes) -> None:
    with pytest.raises(DigestKeyError):
        RULES.conversation(key)


@pytest.mark.parametrize("text", [None, b"bytes", 4])
def test_what_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(DetectionError):
        RULES.conversation(KEY).turn(text, CALLER)  # type: ignore[arg-type]


def test_a_recognizer_that_fails_withholds_the_turn_without_its_text() -> None:
    class Broken:
        name = "broken"

        def find(self, view: object) -> list[object]:
            raise ValueError("4111 1111 1111 1111")

    detector = Detector([Broken()])  # type: ignore[list-item]
    with pytest.raises(DetectionError) as caught:
        detector.conversation(KEY).turn("4111 1111 1111 1111", CALLER)
    assert "4111" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_number_read_out_after_the_question_for_a_name_is_no_spelled_name():
    said = "a contact number yes 7 6 1 5 8 6 9 2 9 5 7 in the long number across the front of the card"
    played = play([(AGENT, "could i take your full name"), (CALLER, said)])
    assert played[1] == ["PHONE_NUMBER:7 6 1 5 8 6 9 2 9 5 7"]


def test_a_date_of_birth_ends_with_its_sentence():
    said = "The engineer never came. There are 2 boxes left. I was born on the 22nd of August 1984 in the morning."
    played = play([(AGENT, "and your date of birth"), (CALLER, said)])
    assert played[1] == ["DATE_OF_BIRTH:22nd of August 1984"]

"""The one map between the words of a segment and its text."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.units import Interval
from deid_stream.words import placement
from deid_stream.words.matching import matches
from deid_stream.words.placement import joined, place


def heard(text, spoken, wanted):
    start = text.index(wanted)
    low, high = place(text, spoken.split()).heard(Interval(start, start + len(wanted)))
    return " ".join(spoken.split()[low:high])


@pytest.mark.parametrize(
    ("text", "spoken", "wanted", "expected"),
    [
        ("my name is Grace Hill.", "my name is Grace Hill.", "Grace Hill", "Grace Hill."),
        ("My name is Grace, thanks", "my name is grace thanks", "Grace", "grace"),
        ("call four one one, please", "Call four one one please.", "four one one", "four one one"),
        ("it's O'Brien - yes", "it's O'Brien - yes", "O'Brien", "O'Brien"),
        ("e-mail me", "e mail me", "e-mail", "e mail"),
        ("e mail me", "e-mail me", "mail", "e-mail"),
        ("number 4111 2222 thanks", "number four one one one double two thanks", "2222", "four one one one double two"),
        ("I owe $40, Jane", "I owe forty dollars Jane", "Jane", "Jane"),
        ("straße zehn Müller", "STRASSE zehn müller", "straße", "STRASSE"),
        ("so um it is Anna", "so it is Anna", "Anna", "Anna"),
        ("well it is Anna", "well um it is Anna", "Anna", "Anna"),
        ("well it is Anna Bell ok", "well it is Anna ok", "Bell", "Anna ok"),
        ("well it is Anna Bell", "well it is Anna", "Bell", "Anna"),
        ("मेरा नाम राघवन है", "मेरा नाम राघवन है", "राघवन", "राघवन"),
        ("it is Anna", "it is um Anna", "Anna", "um Anna"),
        ("number 4111 now", "number four one one one one now", "4111", "four one one one one"),
    ],
)
def test_words_in_whose_time_a_span_is_heard(text, spoken, wanted, expected):
    assert heard(text, spoken, wanted) == expected


@pytest.mark.parametrize(("start", "end"), [(0, 0), (2, 3)])
def test_no_letters_no_words(start, end):
    assert place("ab - cd", "ab - cd".split()).heard(Interval(start, end)).length == 0


def test_every_word_of_an_ordinary_segment_has_its_place():
    text = "Yes, it is O'Brien: four-one."
    assert [text[a:b] for a, b in place(text, "yes it is O'BRIEN four one".split()).places] == [
        "Yes", "it", "is", "O'Brien", "four", "one"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("I owe $40.", "i owe forty dollars"),
        ("It was $1,250.50 in all", "it was one thousand two hundred fifty dollars and fifty cents in all"),
        ("at 10:15 a.m. on Monday", "at ten fifteen am on monday"),
        ("come at 10:30", "come at half past ten"),
        ("come at 10:00", "come at ten o'clock"),
        ("Dr. Smith of St. Mary's Rd.", "doctor smith of saint mary's road"),
        ("I can't, it's late, we'll see", "i can not it is late we will see"),
        ("I cannot say", "i can't say"),
        ("May 3rd, 2024", "may third twenty twenty four"),
        ("on 05/03/2024 then", "on may third twenty twenty four then"),
        ("in 1984", "in nineteen eighty four"),
        ("about 3 million", "about three million"),
        ("about 100 people", "about a hundred people"),
        ("up by 2.5%", "up by two point five percent"),
        ("No. 1 & No. 2", "number one and number two"),
        ("write to a.b@gmail.com", "write to a dot b at gmail dot com"),
        ("my e-mail", "my email"),
        ("the USA", "the u s a"),
        ("OK, alright", "okay all right"),
        ("I am here", "i i am here"),
        ("the name", "the the name"),
        ("well it is", "well um it is"),
        ("yes, I see", "yes , i see ."),
        ("wait - what", "wait what"),
        ("café José", "cafe jose"),
        ("call 4 1 1 now", "call four one one now"),
        ("the 21st", "the twenty first"),
        ("मेरा नंबर ४५ है।", "मेरा नंबर चार पांच है"),
        ("मेरा नंबर ४५", "मेरा नंबर 45"),
        ("क्या हाल है?", "क्या हाल है"),
    ],
)
def test_another_way_of_writing_is_no_disagreement(text, spoken):
    assert place(text, spoken.split()).disagreements == []


@pytest.mark.parametrize(
    ("text", "spoken", "said"),
    [
        ("thank you", "thank 4111111111111111 you", "4111111111111111"),
        ("", "my card is 4111", "my card is 4111"),
        ("thank you", "thank anna you", "anna"),
        ("call 4111 and one more", "call four one one one one and one more", "four one one one one"),
        ("it is Anna", "it is Hannah", "Hannah"),
        ("I owe $40", "i owe fifty dollars", "fifty dollars"),
        ("my name is here", "my name is [NAME] here", "[NAME]"),
        ("my number is", "my number is ####", "####"),
        ("call [NAME] now", "call [ NAME ] now", "[ NAME ]"),
        ("say four", "say four four", "four"),
        ("anna can go", "anna anna go", "anna"),
        ("मेरा नंबर ४५", "मेरा नंबर चार छह", "चार छह"),
    ],
)
def test_words_that_say_something_else_disagree(text, spoken, said):
    words = spoken.split()
    assert [" ".join(words[s.words.start : s.words.end]) for s in place(text, words).disagreements] == [said]


def test_a_word_said_again_goes_with_its_value():
    placed = place("I am anna here", "i am anna anna here".split())
    assert placed.disagreements == []
    assert placed.touched(Interval(5, 9)) == [2, 3]


def test_no_word_moves_into_the_text_of_another_segment():
    first, second = place("[NAME] would", ["anna", "would"]), place("Anna can.", ["can", "anna"])
    both = joined([first, second], [0, 13])
    assert both.sure == (False, True, *second.sure)
    assert both.heard(Interval(13, 17)) == Interval(1, 3)


def test_one_after_the_other_is_as_at_once_where_all_agree():
    parts = [("my name is", "my name is"), ("Anna Bell, ok", "anna um bell ok")]
    whole = place(" ".join(text for text, _ in parts), " ".join(words for _, words in parts).split())
    assert joined([place(text, words.split()) for text, words in parts], [0, 11]) == whole


LETTERS = st.text("ab1 -'é", max_size=12)


@given(LETTERS, st.lists(st.text("ab1-'é", max_size=4), max_size=8))
@settings(max_examples=300)
def test_sure_words_are_the_texts_own_letters_and_places_never_cross(text, words):
    placed = place(text, words)
    assert len(placed.places) == len(placed.sure) == len(words)
    cursor = 0
    for word, (start, end), sure in zip(words, placed.places, placed.sure, strict=True):
        assert 0 <= start <= end <= len(text)
        if sure:
            assert start >= cursor
            cursor = end
            assert _plain(text[start:end]) == _plain(word) != ""
    unsure = [n for n, sure in enumerate(placed.sure) if not sure]
    assert [n for stretch in placed.stretches for n in range(*stretch.words)] == unsure


def _plain(text):
    return "".join(c for c in text.replace("é", "e") if c.isalnum())


class Counted:
    """A token that counts how often it is looked at."""

    looks = 0

    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        Counted.looks += 1
        return self.name == other.name

    def __hash__(self):
        Counted.looks += 1
        return hash(self.name)


_SAID = st.lists(
    st.sampled_from("yes it's O'Brien, o brien e-mail a.b@c.com $40 4111 [NAME] - x xx unk müller".split())
)


@given(_SAID, _SAID, st.sampled_from([" ", ", ", "-"]))
def test_segments_placed_word_by_word_are_placed_as_all_others(words, others, between):
    texts = [between.join(words), between.join(words).upper(), between.join(others)]
    quickly = [place(text, words) for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placement, "_word_by_word", lambda text, words: None)
        assert [place(text, words) for text in texts] == quickly


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (lambda n: f"a{n}", lambda n: f"b{n}"),
        (lambda n: "x", lambda n: "y"),
        (lambda n: "xy"[n % 2], lambda n: "yx"[n % 2]),
        (lambda n: f"a{n % 97}", lambda n: f"a{n % 89}"),
        (lambda n: n, lambda n: -n),
        (lambda n: f"a{n // 3}", lambda n: f"a{n // 2}"),
    ],
    ids=["nothing in common", "two words", "alternating", "periods", "backwards", "stretched"],
)
def test_work_grows_with_the_length_and_no_faster(left, right):
    def looks(count):
        Counted.looks = 0
        found = matches([Counted(left(n)) for n in range(count)], [Counted(right(n)) for n in range(count)])
        assert all(a < b and i < j for (a, i), (b, j) in pairwise(found))
        return Counted.looks

    assert looks(20_000) <= 200 * 20_000
    assert looks(20_000) <= 3 * looks(10_000) + 10_000


def test_20_000_words_against_20_000_others():
    text = " ".join(f"w{n}" for n in range(20_000))
    placed = place(text, [f"v{n}" for n in range(20_000)])
    assert not any(placed.sure)
    assert len(placed.disagreements) == 1

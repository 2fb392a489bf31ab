"""Words that are numbers in some turns only: of another language, or heard for a digit."""

import pytest

from deid_stream.text.languages import lexicon_of
from deid_stream.text.normalise import normalise

NUMBERS = {
    "my account is five five ate ate for for won won": "my account is 55884411",
    "my pin is for for won ate": "my pin is 4418",
    "extension is too for niner ate": "extension is 2498",
    "the number is five won too for ate nine oh": "the number is 5124890",
    "fife tree niner fower": "5394",
    "nau sau chauvan, pachpan, athaasi, bees": "954, 55, 88, 20",
    "nau sau aath, do sau teen, bayalis bees": "908, 203, 42 20",
    "ninety eight double one zero pachpan tees bees": "98 110 55 30 20",
    "nau aath saat double do": "98722",
    "मेरा नंबर नौ आठ सात डबल दो": "मेरा नंबर 98722",
    "tres cero cinco cinco": "3055",
    "fourfivethreenine": "4539",
    "four twonine eight": "4 29 8",
    "④⑤❸⁹": "4539",
}  # fmt: skip
WORDS = [
    "i went to two shops", "this is for you", "one for the road", "we won", "i ate two of them", "table for two",
    "from nine to five", "two to one", "do you have a teen char", "i do", "now no one knows", "sat on it", "the bees",
    "sevenoaks", "twofold", "onesies",
    "once upon a time", "cent by cent", "a tree and a tree", "someoneone", "nineteenseventyish", "to be or not to be",
]  # fmt: skip


@pytest.mark.parametrize(("said", "written"), NUMBERS.items())
def test_numbers(said: str, written: str) -> None:
    assert normalise(said).text == written


@pytest.mark.parametrize("said", WORDS)
def test_words_stay_words(said: str) -> None:
    kept = normalise(said).text
    doubtful = {"to", "for", "won", "ate", "do", "char", "teen", "now", "no", "sat", "bees", "once", "cent", "tree"}
    assert [w for w in kept.split() if w in doubtful] == [w for w in said.split() if w in doubtful]


@pytest.mark.parametrize(
    ("said", "written"), [("for to seven", "427"), ("oh", "0"), ("too", "too"), ("for me", "for me")]
)
def test_homophones_are_digits_where_digits_were_asked_for(said: str, written: str) -> None:
    assert normalise(said, expecting=True).text == written
    assert normalise(said).text == said.replace("seven", "7")


@pytest.mark.parametrize(("language", "said", "written"), [
    ("hi", "do char log hain", "24 log hain"), ("en", "do char log hain", "do char log hain"),
    ("hi", "no no no no", "no no no no"), ("es", "once euros", "11 euros"), ("en", "once", "once"),
    ("es", "treinta y cuatro cincuenta y seis", "34 56"), ("es", "seiscientos doce mil", "612,000"),
    ("es", "mil novecientos ochenta y dos", "1,982"), ("es", "mil doscientos euros", "1,200 euros"),
    ("es", "mil gracias", "mil gracias"),
])  # fmt: skip
def test_the_turns_language_decides(language: str, said: str, written: str) -> None:
    assert normalise(said, lexicon_of(language)).text == written

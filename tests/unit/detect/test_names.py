"""Names where a cue shows them, and the same words where nothing does."""

import pytest

from deid_stream.detect.detector import Detector, DetectorSettings

KEY = b"a key of the tests, 32 bytes long"
RULES = Detector.load(DetectorSettings(model="off"))


def persons(text: str, prev: str | None = None) -> list[str]:
    spans = RULES.conversation(KEY).turn(text, "caller", prev)
    return [text[s.start : s.end] for s in spans if s.entity_type == "PERSON"]


NAMES = {
    # the one who speaks
    "this is frank calling": ["frank"],
    "hello this is dawn from billing": ["dawn"],
    "i'm iris by the way": ["iris"],
    "it's reed hobson speaking": ["reed hobson"],
    "rose and violet speaking": ["rose and violet"],
    # named outright, whatever the word is
    "my surname is love": ["love"],
    "my last name is young": ["young"],
    "the name is rich": ["rich"],
    "you can call me bill": ["bill"],
    # called, thanked, asked
    "thank you will": ["will"],
    "thanks grace that is all": ["grace"],
    "sorry summer could you repeat that": ["summer"],
    "okay jack bear with me": ["jack"],
    "okay will and your last name": ["will"],
    "alright hope could you hold": ["hope"],
    "which plan is it amber": ["amber"],
    "june what can i do for you": ["june"],
    # with a verb that takes a person
    "email chase about it": ["chase"],
    "text georgia that i am late": ["georgia"],
    "i will hand you over to chase": ["chase"],
    "let me put you through to hope in accounts": ["hope"],
    "i spoke to rose yesterday": ["rose"],
    "remind holly about the meeting": ["holly"],
    "ask for pat": ["pat"],
    "meet ray at the desk": ["ray"],
    "my son art is six": ["art"],
    # written with a capital in mid-sentence
    "and then Grace told me": ["Grace"],
    # Hindi and Hinglish
    "mera naam deepak chaurasia hai": ["deepak chaurasia"],
    "main pooja bol rahi hoon": ["pooja"],
    "ji main zubeda bol rahi hoon": ["zubeda"],
    "haan main imran ka bhai bol raha hoon": ["imran"],
    "sharma ji ko bata dijiye": ["sharma"],
    "मेरा नाम सुनीता है": ["सुनीता"],
    "मैं राजेश कुमार बोल रहा हूँ": ["राजेश कुमार"],
    # Spanish
    "hola me llamo joaquín herrera y llamo por la factura": ["joaquín herrera"],
    "mi nombre es lucía fernández": ["lucía fernández"],
    # spelled
    "it's nguyen n g u y e n": ["nguyen n g u y e n"],
    "spelled s m y t h e": ["s m y t h e"],
    "b for bravo e for echo l for lima l for lima": ["b for bravo e for echo l for lima l for lima"],
    "d like delta u like uncle n n": ["d like delta u like uncle n n"],
    "m as in mike a as in apple c": ["m as in mike a as in apple c"],
    "that is s for sugar h a for apple": ["s for sugar h a for apple"],
}  # fmt: skip

NOBODY = [
    "i will be in the park", "may i have it by june", "grant me access please", "can you bill me later",
    "the sky was grey",
    "i hope you can", "it was a rich dessert", "we have faith in it", "the amber light is on",
    "i want to chase my refund",
    "a young man", "for the love of it", "this is great", "this is ridiculous", "thanks so much", "thank you very much",
    "thanks again bye", "sorry about that", "okay great", "hi there", "call me later", "call me back",
    "email me please",
    "text me when done", "ask for a refund", "i'm done", "i'm calling about my bill", "it's urgent", "this is billing",
    "you are speaking with the right department", "transfer me to sales", "put me through to accounts",
    "meet at the desk",
    "tell them i called", "my wife is here", "my surname is not on the bill", "my name is spelled wrong",
    "the name is wrong",
    "will you mark it as paid", "what will it be today", "is it may or june", "which one is it right now",
    "Labor Day was busy", "I love the White Stripes", "the Grace period is over", "may i speak to someone",
    "main subah se wait kar raha hoon", "main aapko batata hoon", "haan ji bilkul theek hai", "bhai sahab suniye",
    "aapka order kal tak pahunch jayega", "मेरा बिल ज्यादा आया है", "soy cliente desde hace años", "an a b c of it",
    "okay will do", "okay hope so", "right will you be in", "a for effort", "plan b for business and c for home",
]  # fmt: skip


@pytest.mark.parametrize(("text", "names"), NAMES.items())
def test_a_name_goes_where_its_sentence_shows_it(text: str, names: list[str]) -> None:
    assert persons(text) == names


@pytest.mark.parametrize("text", NOBODY)
def test_the_same_words_stay_elsewhere(text: str) -> None:
    assert persons(text) == []

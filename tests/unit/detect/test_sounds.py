"""Names of the call that a recogniser writes as other words of the same sound; other words stay."""

import msgspec
import pytest

from deid_stream.detect.conversation import sounds
from deid_stream.detect.conversation.state import ConversationState
from deid_stream.detect.detector import Detector, DetectorSettings

KEY = bytes(range(32))
RULES = Detector.load(DetectorSettings(model="off"))


def after(name, text, language=None):
    """What is found in a turn of the caller's that comes after a name was given."""
    conversation = RULES.conversation(KEY)
    conversation.turn("could i take your name please", "agent")
    assert conversation.turn(f"my name is {name}", "caller")
    return [text[span.start : span.end] for span in conversation.turn(text, "caller", language=language)]


@pytest.mark.parametrize(
    ("name", "text", "mention"),
    [
        ("Dipali", "okay dip a lie that is done", "dip a lie"),
        ("Waylon", "right way lan one moment", "way lan"),
        ("Okafor", "lovely ocke for that is all done", "ocke for"),
        ("Gallagher", "so gala ger i have sent it", "gala ger"),
        ("Venkatesan", "okay venka tay son it is done", "venka tay son"),
        ("Whitfield", "okay wit field it is done", "wit field"),
        ("Harlan", "alright har lan it is booked", "har lan"),
        ("Beatrice", "great beatris it is booked", "beatris"),
        ("Deshmukh", "okay desh mook it is booked", "desh mook"),
    ],
)
def test_a_name_of_the_call_is_found_by_its_sound(name, text, mention):
    assert after(name, text) == [mention]
    assert after("Ferguson", text) != [mention]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Colin", "i will call in a moment"),
        ("Callum", "you can call him later"),
        ("Courtney", "the card no is on the back"),
        ("Clayton", "it is free of gluten"),
        ("Deepika", "i want to book a table"),
        ("Theresa", "there is a fee"),
        ("Antoinette", "and i need it today"),
        ("Walter", "will there be a fee"),
        ("Martin", "it was more than that"),
        ("Roberta", "i would report it"),
        ("Parker", "a burger and fries"),
        ("Simon", "is someone there"),
        ("Robin", "that is robbing people"),
        ("Karen", "the car in front"),
    ],
)
def test_ordinary_words_that_sound_a_little_like_a_name_stay(name, text):
    assert after(name, text) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Nikhil", "paisa nikal gaya par order nahi aaya"),
        ("Boris", "baarish mein driver nahi aaya"),
        ("Damien", "do mahine se chal raha hai"),
        ("Bennani", "ghar mein pani nahi aa raha"),
        ("Carina", "aap complaint karo na"),
        ("Shobha", "subah se light nahi hai"),
    ],
)
def test_ordinary_hindi_words_stay_in_a_hindi_turn(name, text):
    assert after(name, text, "hi-Latn") == []


def test_a_name_is_found_by_its_sound_in_a_hindi_turn():
    assert after("Venkatesan", "theek hai venka tay son ji ho gaya", "hi-Latn") == ["venka tay son"]


@pytest.mark.parametrize(("name", "text"), [("Santosh", "only on sundays please"), ("Doris", "i need new tyres")])
def test_a_plural_is_as_ordinary_as_its_word(name, text):
    assert after(name, text) == []


@pytest.mark.parametrize(("text", "found"), [("dip a lie", True), ("dip. a lie", False), ("dip 4 a lie", False)])
def test_words_that_a_sign_parts_are_not_one_name(text, found):
    assert bool(after("Dipali", f"okay {text} is done")) is found


def test_a_short_name_has_no_sound():
    assert [sounds.key(name) for name in ("Amy", "Nadia", "Raju", "Lee")] == [""] * 4


def test_only_keyed_digests_of_sounds_are_kept():
    conversation = RULES.conversation(KEY)
    conversation.turn("my name is Dipali Venkatesan", "caller")
    kept = msgspec.json.encode(conversation.state()).decode()
    assert len(conversation.state().known.sounds) == 2
    assert not any(part in kept for name in ("dipali", "venkatesan") for part in (name, sounds.key(name)))
    again = RULES.conversation(KEY, state=msgspec.json.decode(kept, type=ConversationState))
    assert again.turn("okay dip a lie", "agent")

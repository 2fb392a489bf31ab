"""A recogniser's own placeholder is a value: the sound at its words still holds it."""

import pytest

from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.model.entities import ON_BY_DEFAULT, EntityType
from deid_stream.words.placeholders import placeholders

KEY = b"a key of the tests, 32 bytes long"
RULES = Detector.load(DetectorSettings(model="off"))


def found(text: str) -> list[tuple[str, str]]:
    return [(s.entity_type.value, text[s.start : s.end]) for s in RULES.conversation(KEY).turn(text, 0)]


NAMED = {
    EntityType.PERSON: ["[NAME]", "[PERSON_NAME]", "[NAME_1]", "<PERSON>", "{{NAME}}", "{PERSON}", "[name]",
                        "【NAME】", "⟨NAME⟩", "〔name〕", "《NAME》", "$NAME"],
    EntityType.CREDIT_CARD: ["[CREDIT_CARD_1]", "[CREDIT_DEBIT_NUMBER]", "[CREDIT_CARD_NUMBER]", "<CREDIT_CARD>"],
    EntityType.CARD_CVV: ["[CREDIT_DEBIT_CVV]", "<CVV>"],
    EntityType.CARD_EXPIRY: ["[CREDIT_DEBIT_EXPIRY]", "[CREDIT_CARD_EXPIRATION_1]"],
    EntityType.PHONE_NUMBER: ["[PHONE]", "<PHONE>", "[PHONE_NUMBER_2]", "{{phone_number}}"],
    EntityType.EMAIL_ADDRESS: ["[EMAIL]", "<EMAIL_ADDRESS>"],
    EntityType.US_SSN: ["[SSN]", "[US_SOCIAL_SECURITY_NUMBER]"],
    EntityType.BANK_ACCOUNT: ["[BANK_ACCOUNT_NUMBER]", "[BANK_ROUTING]", "[ACCOUNT_NUMBER]"],
    EntityType.ADDRESS: ["[ADDRESS]", "[LOCATION_ADDRESS_1]", "[ZIP]", "<STREET_ADDRESS>"],
    EntityType.PASSWORD: ["[PIN]", "[PASSWORD]"],
    EntityType.DATE_OF_BIRTH: ["[DATE_OF_BIRTH]", "[DOB]"],
    EntityType.ID_NUMBER: [
        "[PII]", "[REDACTED]", "<redacted>", "(redacted)", "{{PII}}", "[PHI]", "####", "****", "*****", "##",
        "XXXX", "XXXX-XXXX", "xxxxxx", "••••", "████", "<unk>", "[inaudible]", "[unintelligible]", "[beep]", "bleep",
        "[NUMBER_1]", "[DATE]", "[ORGANIZATION]", "[AGE]", "REDACTED", "[***]", "[xxx]",
    ],
}  # fmt: skip

NONE = [
    "press the # key", "star hash 21", "it is (really) slow", "call (415) please", "(my name)", "[laughter]", "[music]",
    "<noise>", "[silence]", "see the XX century", "she said **now**", "a < b and c > d", "it makes a bleep sound",
    "C# and F#", "xx", "(ok)", "5 * 4 * 3", "well_known_thing", "the NHS and HMRC", "i <3 it", "[1]", "50%",
    "$50", "in $USD", "《my name》",
]  # fmt: skip


@pytest.mark.parametrize(
    ("entity_type", "tag"), [(entity_type, tag) for entity_type, tags in NAMED.items() for tag in tags]
)
@pytest.mark.parametrize("frame", ["{}", "well it is {} thanks", "{}, okay."])
def test_a_placeholder_is_one_span_of_the_type_it_names(entity_type: EntityType, tag: str, frame: str) -> None:
    assert found(frame.format(tag)) == [(entity_type.value, tag)]
    assert entity_type in ON_BY_DEFAULT


@pytest.mark.parametrize("text", NONE)
def test_other_signs_stay(text: str) -> None:
    assert found(text) == []


def test_the_digits_left_of_a_masked_number_go_too() -> None:
    assert found("card XXXX XXXX XXXX 1234") == [("ID_NUMBER", "XXXX XXXX XXXX 1234")]
    assert found("it is ****1234") == [("ID_NUMBER", "****1234")]


def test_a_placeholder_is_numbered_by_its_text_and_no_word_of_it_is_recalled() -> None:
    conversation = RULES.conversation(KEY)
    first = conversation.turn("[NAME_1] and [NAME_2]", 0)
    again = conversation.turn("is the name [NAME_1] a person name", 1)
    assert [s.value_id for s in first] == [1, 2]
    assert [(s.value_id, s.detector) for s in again] == [(1, "placeholder")]


@pytest.mark.parametrize(
    "tag", ["［ＮＡＭＥ］", "[\u200bN\u200bA\u200bM\u200bE\u200b]", "＃＃＃＃", "b\u00adl\u00ade\u00ade\u00adp"]
)
def test_a_placeholder_of_another_width_or_with_signs_that_nobody_sees_is_one(tag: str) -> None:
    text = f"well it is {tag} thanks"
    assert [value for _, value in found(text)] == [tag.rstrip("\u200b")]
    assert [text[slice(*place)] for place in placeholders(text)] == [tag]

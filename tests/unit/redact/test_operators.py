"""Operators: what each writes, what it refuses, and that each serves presidio-anonymizer too."""

import re
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.errors import ConfigError
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Span
from deid_stream.redact.operators.base import normalised
from deid_stream.redact.operators.registry import OPERATORS, choose, replacement

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


def write(value, entity_type, written, key=KEY, value_id=0):
    span = Span(0, len(value), EntityType(entity_type), 1.0, "test", value_id)
    return replacement(value, span, written, key)


@pytest.mark.parametrize(
    ("value", "entity_type", "operator", "expected"),
    [
        ("Ann Lee", "PERSON", "label", "[PERSON]"),
        ("Ann Lee", "PERSON", "remove", ""),
        ("Ann Lee", "PERSON", "keep", "Ann Lee"),
        ("Ann Lee", "PERSON", "mask", "*** ***"),
        ("4111 1111 1111 1234", "CREDIT_CARD", "mask", "**** **** **** ****"),
        ("4111 1111 1111 1234", "CREDIT_CARD", "mask:4", "**** **** **** 1234"),
        ("4111-1111-1111-1234", "CREDIT_CARD", "mask:2", "****-****-****-**34"),
        ("12345678", "BANK_ACCOUNT", "mask:4", "****5678"),
        ("1234567", "BANK_ACCOUNT", "mask:4", "*******"),
        ("four one one one", "CREDIT_CARD", "mask:4", "**** *** *** ***"),
        ("Ann Lee", "PERSON", "mask:4", "*** ***"),
        ("GB29 NWBK 6016 1331", "IBAN_CODE", "mask:4", "**** **** **** ****"),
    ],
)
def test_what_each_writes(value, entity_type, operator, expected):
    assert write(value, entity_type, operator) == expected


def test_numbered_has_the_number_of_the_value():
    assert write("Ann", "PERSON", "numbered", value_id=2) == "[PERSON_2]"
    assert write("Ann", "PERSON", "numbered") == "[PERSON]"


@pytest.mark.parametrize(
    ("written", "entity_type"),
    [
        ("mask:5", "CREDIT_CARD"),
        ("mask:99999999999", "CREDIT_CARD"),
        ("mask:", "CREDIT_CARD"),
        ("mask:-1", "CREDIT_CARD"),
        ("mask:x", "CREDIT_CARD"),
        ("mask:1", "CARD_CVV"),
        ("mask:1", "CARD_EXPIRY"),
        ("mask:2", "PASSWORD"),
        ("label:1", "PERSON"),
        ("redact", "PERSON"),
        ("", "PERSON"),
    ],
)
def test_what_may_not_be_asked_for(written, entity_type):
    with pytest.raises(ConfigError):
        choose(written, entity_type)


@pytest.mark.parametrize("operator", ["hash", "pseudonym", "surrogate"])
class TestKeyed:
    def test_spellings_of_one_value_agree(self, operator):
        written = {write(value, "PERSON", operator) for value in ("Robert Miller", "robert miller", "ROBERT  MILLER")}
        assert len(written) == 1

    def test_another_key_gives_another(self, operator):
        values = [f"Robert{letter} Miller{letter}" for letter in "abcdefgh"]
        assert [write(v, "PERSON", operator) for v in values] != [write(v, "PERSON", operator, OTHER) for v in values]

    @pytest.mark.parametrize("params", [None, {}, {"key": b"short"}, {"key": "sixteen letters!"}])
    def test_it_needs_a_key(self, operator, params):
        with pytest.raises(ConfigError, match="key"):
            OPERATORS[operator].operate("Ann", params)


def test_tokens_are_of_their_form():
    assert re.fullmatch(r"\[PERSON:[0-9a-f]{12}\]", write("Ann", "PERSON", "pseudonym"))
    assert re.fullmatch(r"\[PERSON#[0-9a-f]{32}\]", write("Ann", "PERSON", "hash"))


RESERVED = {
    "PHONE_NUMBER": r"\d{3}-555-01\d\d|07700 900\d{3}",
    "EMAIL_ADDRESS": r"[a-z]+\.[a-z]+\d\d@example\.com",
    "CREDIT_CARD": r"9\d{3} \d{4} \d{4} \d{4}",
    "IBAN_CODE": r"XX\d\d( \d{4}){3}",
    "US_SSN": r"666-\d\d-\d{4}",
    "IN_AADHAAR": r"0\d{3} \d{4} \d{4}",
    "IN_PAN": r"[A-Z]{3}Z[A-Z]\d{4}[A-Z]",
    "UK_NHS": r"999 \d{3} \d{4}",
    "UK_NINO": r"QQ \d\d \d\d \d\d [A-D]",
    "IP_ADDRESS": r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+",
    "URL": r"https://example\.com/[a-z]+",
    "UPI_ID": r"[a-z]+\d{3}@example",
}


@pytest.mark.parametrize("entity_type", RESERVED)
@given(value=st.text(min_size=1, max_size=30))
def test_surrogates_of_numbers_come_from_reserved_ranges(entity_type, value):
    assert re.fullmatch(RESERVED[entity_type], write(value, entity_type, "surrogate"))


@given(value=st.text("0123456789", min_size=12, max_size=19))
def test_a_surrogate_of_a_card_fails_the_check_that_every_card_passes(value):
    digits = [int(d) for d in write(value, "CREDIT_CARD", "surrogate") if d.isdecimal()]
    doubled = [d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits))]
    assert sum(doubled) % 10 != 0


@given(value=st.sampled_from("Anna Hannah Alice Vincent Simon Priya Asha Meera Aarav Ashford Oakley".split()))
def test_a_surrogate_holds_nothing_of_the_name(value):
    for name in (value, f"{value} {value}"):
        written = write(name, "PERSON", "surrogate")
        assert normalised(value) not in normalised(written)
        assert re.fullmatch("[A-Z][a-z]+( [A-Z][a-z]+)?", written)


def test_a_person_is_the_same_by_first_and_by_full_name():
    full = write("Robert Miller", "PERSON", "surrogate")
    assert full.split()[0] == write("robert", "PERSON", "surrogate")


def test_names_keep_their_culture():
    from deid_stream.redact.operators.fictional import FIRST, FIRST_INDIAN

    assert write("Priya Sharma", "PERSON", "surrogate").split()[0] in FIRST_INDIAN
    assert write("Robert Miller", "PERSON", "surrogate").split()[0] in FIRST


@pytest.mark.parametrize("entity_type", ["CARD_CVV", "PASSWORD", "PASSPORT", "ID_NUMBER"])
def test_what_has_no_reserved_range_gets_a_token(entity_type):
    assert write("12345678", entity_type, "surrogate") == write("12345678", entity_type, "pseudonym")


@pytest.mark.skipif(not find_spec("presidio_anonymizer"), reason="the presidio extra is missing")
def test_presidio_anonymizer_takes_them():
    from presidio_anonymizer import AnonymizerEngine
    from presidio_anonymizer.entities import OperatorConfig, RecognizerResult

    text = "I am Robert Miller and my card is 4111 1111 1111 1234"
    found = [RecognizerResult("PERSON", 5, 18, 1.0), RecognizerResult("CREDIT_CARD", 34, 53, 1.0)]
    engine = AnonymizerEngine()
    for operator in OPERATORS.values():
        engine.add_anonymizer(type(operator))
    result = engine.anonymize(
        text,
        found,
        {
            "PERSON": OperatorConfig("surrogate", {"key": KEY}),
            "CREDIT_CARD": OperatorConfig("mask", {"keep_last": 4}),
        },
    )
    name = write("Robert Miller", "PERSON", "surrogate")
    assert result.text == f"I am {name} and my card is **** **** **** 1234"

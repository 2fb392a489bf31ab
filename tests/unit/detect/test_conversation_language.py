"""Which turns are read, in which language, and which are refused."""

import pytest

from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.errors import DetectionError, UnsupportedLanguageError

KEY = b"a key of the tests, 32 bytes long"
RULES = Detector.load(DetectorSettings(model="off"))


@pytest.mark.parametrize(
    "tag", ["en", "en-IN", "EN_us", "hi", "hi-Latn", "hi-IN", "es", "es-MX", None, "", "und", "multi"]
)
def test_a_language_with_tables_is_read(tag: str | None) -> None:
    assert RULES.conversation(KEY).turn("call 4111 1111 1111 1111", 0, language=tag)


@pytest.mark.parametrize("tag", ["fr", "fr-CA", "ta", "zh-Hans-CN", "xx", "4111111111111111"])
def test_a_language_without_tables_is_refused(tag: str) -> None:
    with pytest.raises(UnsupportedLanguageError) as caught:
        RULES.conversation(KEY).turn("call 4111 1111 1111 1111", 0, language=tag)
    assert caught.value.code == "language"
    assert isinstance(caught.value, DetectionError)
    assert "1111" not in str(caught.value).replace(tag[:8], "")


@pytest.mark.parametrize(("languages", "tag", "read"), [
    (["en", "hi"], "en-GB", True), (["en", "hi"], "hi", True), (["en", "hi"], "es", False), (["en-IN"], "en", True),
    (["fr"], "fr", False), ([], "en", False), (None, "es", True),
])  # fmt: skip
def test_the_policy_narrows_what_is_read(languages: list[str] | None, tag: str, read: bool) -> None:
    conversation = RULES.conversation(KEY, languages=languages)
    if read:
        assert conversation.turn("thanks", 0, language=tag) == []
    else:
        with pytest.raises(UnsupportedLanguageError):
            conversation.turn("thanks", 0, language=tag)


FOREIGN = [
    "ich möchte bitte meine karte sperren lassen die nummer ist vier fünf drei neun",
    "je voudrais savoir pourquoi vous avez fait ce paiement avec ma carte bancaire",
    "mijn nummer is vijf negen twee zes een", "numaram dört beş üç dokuz bir", "nomor saya empat lima tiga sembilan",
    "ang numero ko ay apat lima tatlo siyam", "naalu anju moonu ombathu", "số là bốn năm ba chín bốn tám",
    "ich heiße jürgen oberhuber guten tag",
    "你好我的卡号是四五三九", "мой номер карты четыре пять три девять", "నా పేరు రాజు మాట్లాడుతున్నాను",
]  # fmt: skip


@pytest.mark.parametrize("text", FOREIGN)
@pytest.mark.parametrize("tag", [None, "en"])
def test_a_turn_that_is_plainly_in_another_language_is_refused_whatever_its_tag(text: str, tag: str | None) -> None:
    with pytest.raises(UnsupportedLanguageError):
        RULES.conversation(KEY).turn(text, 0, language=tag)


@pytest.mark.parametrize("text", [
    "merci and bye", "the paris office said bonjour", "i love pasta al dente", "kindergarten", "gracias", "😀 👍 ok",
    "my name is joaquín", "i am anju", "we flew from lima to bali", "it was fem and tres chic",
    "the café is naïve", "main street and die hard",
])  # fmt: skip
def test_a_few_foreign_words_are_no_other_language(text: str) -> None:
    RULES.conversation(KEY).turn(text, 0)


@pytest.mark.parametrize(("turns", "value"), [
    (["mera account number hai", "char"], "char"),
    (["mi número de tarjeta es uno dos tres cuatro", "once"], "once"),
])  # fmt: skip
def test_the_call_tells_what_a_word_is(turns: list[str], value: str) -> None:
    conversation = RULES.conversation(KEY)
    conversation.turn("what is your account number", 1)
    for turn in turns[:-1]:
        conversation.turn(turn, 0)
    assert [turns[-1][s.start : s.end] for s in conversation.turn(turns[-1], 0)] == [value]

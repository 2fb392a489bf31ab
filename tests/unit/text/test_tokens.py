"""Digits that are no decimal characters: every one that this Python's Unicode has is read."""

import sys
import unicodedata

import pytest

from deid_stream.text.tokens import DIGIT_SIGNS, plain_digits


def test_no_sign_of_a_digit_in_any_plane_is_missing() -> None:
    numbers = [char for char in map(chr, range(sys.maxunicode + 1)) if char.isnumeric() and not char.isdecimal()]
    digits = {char: unicodedata.numeric(char) for char in numbers if unicodedata.numeric(char) in range(10)}
    assert {ord(char): str(int(value)) for char, value in digits.items()} == DIGIT_SIGNS


@pytest.mark.parametrize(
    ("text", "read"),
    [("④ ❹ ⁴ ₄ Ⅳ 四", "4 4 4 4 4 4"), ("①②③", "123"), ("½ ⑩ 十 A", "½ ⑩ 十 A"), ("٤ 4", "٤ 4")],
)
def test_digit_signs_are_read_and_other_numbers_are_not(text: str, read: str) -> None:
    assert plain_digits(text) == read

"""Published valid numbers pass; one changed digit does not."""

from collections.abc import Callable

import pytest

from deid_stream.detect.rules import checksums

VALID = [
    (checksums.luhn, "4111111111111111"),
    (checksums.luhn, "378282246310005"),
    (checksums.verhoeff, "234567890124"),
    (checksums.iban, "GB29NWBK60161331926819"),
    (checksums.iban, "DE89370400440532013000"),
    (checksums.aba_routing, "021000021"),
    (checksums.nhs, "9434765919"),
    (checksums.gstin, "27AAPFU0939F1ZV"),
]


@pytest.mark.parametrize(("check", "number"), VALID)
def test_published_number(check: Callable[[str], bool], number: str) -> None:
    assert check(number)


@pytest.mark.parametrize(("check", "number"), VALID)
def test_one_changed_digit(check: Callable[[str], bool], number: str) -> None:
    at = max(i for i, c in enumerate(number) if c.isdecimal())
    changed = number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :]
    assert not check(changed)


@pytest.mark.parametrize("number", ["000456789", "666456789", "900456789", "123006789", "123450000"])
def test_social_security_numbers_never_issued(number: str) -> None:
    assert not checksums.us_ssn(number)
    assert checksums.us_ssn("123456789")

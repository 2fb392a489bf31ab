"""Telephone numbers in metadata."""

import pytest

from deid_stream.wire.telephones import telephone


@pytest.mark.parametrize(
    ("written", "number", "country"),
    [
        ("+44 7700 900123", "+447700900123", "+44"),
        ("0044 (7700) 900-123", "+447700900123", "+44"),
        ("tel:+1-202-555-0143", "+12025550143", "+1"),
        ("sip:+919999999999@pbx.example;user=phone", "+919999999999", "+91"),
        ("+7 495 000 00 00", "+74950000000", "+7"),
        ("+353 1 000 0000", "+35310000000", "+353"),
        ("+971 50 000 0000", "+971500000000", "+971"),
        ("07700 900123", "07700900123", ""),
        ("1042", "1042", ""),
    ],
)
def test_a_number_and_its_country(written, number, country):
    assert telephone(written) == (number, country)
    assert "9" not in repr(telephone(written))


@pytest.mark.parametrize(
    "written",
    ["", "anonymous", "Robert Miller", "+", "12", "+44" + "0" * 20, "sip:robert@pbx.example", 447700900123, None],
)
def test_what_is_no_number(written):
    assert telephone(written) is None

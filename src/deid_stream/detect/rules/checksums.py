"""Check digits. They raise a label's score; they never let a number go."""

from typing import Final

_VERHOEFF_D: Final = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_P: Final = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: payment cards, IMEI."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char)
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def verhoeff(digits: str) -> bool:
    """Verhoeff 1969: Aadhaar."""
    check = 0
    for index, char in enumerate(reversed(digits)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[index % 8][int(char)])])
    return check == 0


def iban(compact: str) -> bool:
    """ISO 7064 mod 97-10 over an upper-case IBAN without spaces."""
    turned = compact[4:] + compact[:4]
    return turned.isalnum() and turned.isascii() and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def aba_routing(digits: str) -> bool:
    """United States routing number: 3-7-1 weights."""
    return len(digits) == 9 and sum(int(d) * w for d, w in zip(digits, (3, 7, 1) * 3, strict=True)) % 10 == 0


def nhs(digits: str) -> bool:
    """NHS number: modulus 11 (NHS Data Dictionary)."""
    if len(digits) != 10:
        return False
    check = 11 - sum(int(d) * w for d, w in zip(digits[:9], range(10, 1, -1), strict=True)) % 11
    return check % 11 == int(digits[9]) and check != 10


_BASE36: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def gstin(code: str) -> bool:
    """GSTIN: mod 36 over 14 characters, the 15th checks."""
    if len(code) != 15 or not code.isascii() or not code.isalnum():
        return False
    total = 0
    for index, char in enumerate(code[:14].upper()):
        product = _BASE36.index(char) * (2 if index % 2 else 1)
        total += product // 36 + product % 36
    return _BASE36[(36 - total % 36) % 36] == code[14].upper()


def us_ssn(digits: str) -> bool:
    """Issued ranges of the Social Security Administration: no area 000, 666 or 9xx, no group 00, no serial 0000."""
    return (
        len(digits) == 9
        and digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
    )

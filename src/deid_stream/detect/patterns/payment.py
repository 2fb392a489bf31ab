"""Cards (ISO/IEC 7812), their expiry and security code, IBAN (ISO 13616)."""

from typing import Final

from deid_stream.detect import checksums
from deid_stream.detect.patterns.base import Pattern, near, rx
from deid_stream.model.entities import EntityType

_SEP = r"[ .-]?"

PAYMENT: Final = (
    Pattern(
        EntityType.CREDIT_CARD,
        rx(rf"(?:\d{_SEP}){{12,18}}\d"),
        0.8,
        needs="0",
        check=lambda v: checksums.luhn(v),
    ),
    Pattern(
        EntityType.CARD_EXPIRY,
        rx(
            r"(?:0?[1-9]|1[0-2]) ?[/.-]? ?(?:20 ?)?[2-4]\d|(?:the )?\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:20 ?)?[2-4]\d"
            r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* (?:of )?(?:20 ?)?[2-4]\d"
            r"|(?:0?[1-9]|1[0-2]) (?:slash|stroke|by) (?:20 ?)?[2-4]\d"
        ),
        0.85,
        needs="0",
        context=near(r"expir\w*|exp|valid (?:thru|through|until|till|upto|up to)"),
    ),
    Pattern(
        EntityType.CARD_CVV,
        rx(r"\d{3,4}|\d \d \d|\d\d \d|\d \d\d"),
        0.85,
        needs="0",
        context=near(r"cvv2?|cvc2?|cv2|c v v|security code|(?:digits|number|code) on the back"),
    ),
    Pattern(
        EntityType.IBAN_CODE,
        rx(r"[a-z]{2} ?\d{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?"),
        0.7,
        needs="0",
        check=checksums.iban,
    ),
)

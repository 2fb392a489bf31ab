"""Cards (ISO/IEC 7812), their expiry and security code, IBAN (ISO 13616)."""

from typing import Final

from deid_stream.detect.rules import checksums
from deid_stream.detect.rules.base import Pattern, near, rx
from deid_stream.detect.vocabulary import word_set
from deid_stream.model.entities import EntityType

_SEP = r"[ .-]?"
_CVV: Final = r"\d{3,4}|\d \d \d|\d\d \d|\d \d\d"
_CVV_PLACE: Final = r"(?:back|reverse|strip|signature strip)"
IBAN_COUNTRIES: Final = word_set("payment.iban_countries")
"""Countries of the IBAN registry (ISO 13616, SWIFT)."""

PAYMENT: Final = (
    Pattern(
        EntityType.CREDIT_CARD,
        rx(rf"(?:\d{_SEP}){{12,18}}\d"),
        0.99,
        digits=13,
        accept=checksums.luhn,
    ),
    Pattern(
        EntityType.CARD_EXPIRY,
        rx(
            r"(?:0?[1-9]|1[0-2]) ?[/.-]? ?(?:20 ?)?[2-4]\d|(?:the )?\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:20 ?)?[2-4]\d"
            r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* (?:of )?(?:20 ?)?[2-4]\d"
            r"|(?:0?[1-9]|1[0-2]) (?:slash|stroke|by) (?:20 ?)?[2-4]\d"
        ),
        0.85,
        digits=2,
        hints=("exp", "valid"),
        context=near(r"expir\w*|exp|valid (?:thru|through|until|till|upto|up to)"),
    ),
    Pattern(
        EntityType.CARD_CVV,
        rx(_CVV),
        0.85,
        digits=3,
        hints=("cv", "c v v", "security", "back", "strip", "reverse"),
        context=near(
            r"cvv2?|cvc2?|cv2|c v v|security code|(?:digits|numbers?|code|ones|(?:last|the) (?:three|3)) (?:on|from) "
            rf"the {_CVV_PLACE}"
        ),
    ),
    Pattern(
        EntityType.CARD_CVV,
        rx(
            rf"(?P<v>{_CVV})(?:,? (?:(?:those|these|they|that|this|it) (?:is|are|was|were)"
            r"|(?:those|these|they|that)'?(?:s|re)|is|are))?(?: (?:what is|what's))?(?: (?:written|printed))?"
            r"(?: (?:the|my) (?:last )?(?:3|three|4|four|digits|numbers?|code|ones)(?: (?:digits|numbers?|ones))?)?"
            rf" (?:on|from) the {_CVV_PLACE}"
            r"(?= of (?:it|the card|my card|the debit|the credit)| too| as well| please|[^\w\s]|\s*\Z)"
        ),
        0.85,
        digits=3,
        hints=("back", "strip", "reverse"),
    ),
    Pattern(
        EntityType.IBAN_CODE,
        rx(r"[a-z]{2}\d{2}(?: ?[a-z]{4})?(?: ?[a-z]{0,4}+\d[a-z0-9]{0,3}+){2,8}+"),
        0.7,
        digits=12,
        check=checksums.iban,
        accept=lambda v: len(v) >= 15 and sum(map(str.isdecimal, v)) >= 10 and v[:2] in IBAN_COUNTRIES,
    ),
)

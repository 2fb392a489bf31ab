"""Patterns of written values, grouped by kind; each works on the written form of a turn."""

from deid_stream.detect.patterns.address import StreetRecognizer
from deid_stream.detect.patterns.bare import BareNameRecognizer
from deid_stream.detect.patterns.base import Pattern, PatternRecognizer
from deid_stream.detect.patterns.contact import CONTACT, EmailRecognizer
from deid_stream.detect.patterns.dates import DateRecognizer
from deid_stream.detect.patterns.given import GivenNameRecognizer
from deid_stream.detect.patterns.ids_in import INDIA
from deid_stream.detect.patterns.ids_uk import UNITED_KINGDOM
from deid_stream.detect.patterns.ids_us import UNITED_STATES
from deid_stream.detect.patterns.names import NameRecognizer
from deid_stream.detect.patterns.payment import PAYMENT
from deid_stream.detect.patterns.secrets import SecretRecognizer

__all__ = [
    "CONTACT",
    "INDIA",
    "PAYMENT",
    "UNITED_KINGDOM",
    "UNITED_STATES",
    "BareNameRecognizer",
    "DateRecognizer",
    "EmailRecognizer",
    "GivenNameRecognizer",
    "NameRecognizer",
    "Pattern",
    "PatternRecognizer",
    "SecretRecognizer",
    "StreetRecognizer",
]

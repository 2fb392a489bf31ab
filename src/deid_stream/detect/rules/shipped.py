"""The rules that are shipped: rows of patterns and the recognizers that read more than a pattern."""

from deid_stream.detect.rules.address import StreetRecognizer
from deid_stream.detect.rules.bare import BareNameRecognizer
from deid_stream.detect.rules.base import Pattern, PatternRecognizer
from deid_stream.detect.rules.contact import CONTACT, EmailRecognizer
from deid_stream.detect.rules.dates import DateRecognizer
from deid_stream.detect.rules.given import GivenNameRecognizer
from deid_stream.detect.rules.ids_in import INDIA
from deid_stream.detect.rules.ids_uk import UNITED_KINGDOM
from deid_stream.detect.rules.ids_us import UNITED_STATES
from deid_stream.detect.rules.likened import LikenedRecognizer
from deid_stream.detect.rules.names import NameRecognizer
from deid_stream.detect.rules.payment import PAYMENT
from deid_stream.detect.rules.secrets import SecretRecognizer

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
    "LikenedRecognizer",
    "NameRecognizer",
    "Pattern",
    "PatternRecognizer",
    "SecretRecognizer",
    "StreetRecognizer",
]

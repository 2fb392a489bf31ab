"""A plausible value of the same kind in the place of a real one, the same for the same value in all calls of a
customer, and nobody's: names are put together from lists, numbers come from ranges that are reserved for examples or
that no authority issues. A type without such a range gets the token of ``pseudonym``."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from deid_stream.redact.operators import fictional
from deid_stream.redact.operators.base import KeyedOperator, Params, entity_type, normalised
from deid_stream.redact.operators.pseudonym import Pseudonym


class Dice:
    """Draws numbers from a digest, so that the same digest gives the same numbers."""

    def __init__(self, digest: bytes) -> None:
        self._digest = digest
        self._thrown = 0

    def below(self, limit: int) -> int:
        self._thrown += 1
        thrown = hmac.digest(self._digest, self._thrown.to_bytes(4, "big"), "sha256")
        return int.from_bytes(thrown[:8], "big") % limit

    def digits(self, count: int) -> str:
        return "".join(str(self.below(10)) for _ in range(count))

    def letters(self, count: int) -> str:
        return "".join(chr(ord("A") + self.below(26)) for _ in range(count))

    def one_of(self, choices: Sequence[str], other_than: str = "") -> str:
        """One of ``choices`` that is not, and is no part of, what it stands for."""
        start = self.below(len(choices))
        for step in range(len(choices)):
            choice = choices[(start + step) % len(choices)]
            if normalised(choice) not in other_than and other_than not in normalised(choice):
                return choice
        return choices[start]


class Surrogate(KeyedOperator):
    """A person's first and last word have surrogates of their own, so that "Robert" and "Robert Miller" agree."""

    name = "surrogate"

    def operate(self, text: str, params: Params | None = None) -> str:
        kind = entity_type(params)
        if kind == "PERSON":
            return self._person(text, params)
        make = _MAKERS.get(kind)
        if make is None:
            return Pseudonym().operate(text, params)
        return make(Dice(self.digest(text, params)), text)

    def _person(self, text: str, params: Params | None) -> str:
        words = [word for word in text.split() if normalised(word)]
        if not words:
            return Pseudonym().operate(text, params)
        firsts, lasts = fictional.names_like(words)
        first = Dice(self.digest(words[0], params)).one_of(firsts, normalised(words[0]))
        if len(words) == 1:
            return first
        return f"{first} {Dice(self.digest(words[-1], params)).one_of(lasts, normalised(words[-1]))}"


def _phone(dice: Dice, text: str) -> str:
    digits = "".join(character for character in text if character.isdecimal())
    if digits.startswith(("44", "07", "0044")):
        return f"07700 900{dice.digits(3)}"
    return f"{dice.one_of(fictional.AREA_CODES)}-555-01{dice.digits(2)}"


def _email(dice: Dice, text: str) -> str:
    first, last = dice.one_of(fictional.FIRST), dice.one_of(fictional.LAST)
    return f"{first}.{last}{dice.digits(2)}@example.com".casefold()


def _card(dice: Dice, text: str) -> str:
    """Sixteen digits that fail the Luhn check, as no card number does."""
    digits = "9" + dice.digits(14)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    right = -total % 10
    number = f"{digits}{(right + 1 + dice.below(9)) % 10}"
    return " ".join(number[start : start + 4] for start in range(0, 16, 4))


def _birth(dice: Dice, text: str) -> str:
    return f"{1 + dice.below(28)} {dice.one_of(fictional.MONTHS)} {1940 + dice.below(65)}"


_MAKERS: Final[Mapping[str, Callable[[Dice, str], str]]] = {
    "PHONE_NUMBER": _phone,
    "EMAIL_ADDRESS": _email,
    "CREDIT_CARD": _card,
    "DATE_OF_BIRTH": _birth,
    # ISO 3166 assigns XX to no country
    "IBAN_CODE": lambda dice, _: f"XX{dice.digits(2)} {dice.digits(4)} {dice.digits(4)} {dice.digits(4)}",
    # the US Social Security Administration gives out no number that begins with 666
    "US_SSN": lambda dice, _: f"666-{dice.digits(2)}-{dice.digits(4)}",
    # India's UIDAI gives out no number that begins with 0
    "IN_AADHAAR": lambda dice, _: f"0{dice.digits(3)} {dice.digits(4)} {dice.digits(4)}",
    # Z is no kind of holder
    "IN_PAN": lambda dice, _: f"{dice.letters(3)}Z{dice.letters(1)}{dice.digits(4)}{dice.letters(1)}",
    # NHS numbers that begin with 999 are for tests
    "UK_NHS": lambda dice, _: f"999 {dice.digits(3)} {dice.digits(4)}",
    # HMRC gives out no number that begins with QQ
    "UK_NINO": lambda dice, _: f"QQ {dice.digits(2)} {dice.digits(2)} {dice.digits(2)} {'ABCD'[dice.below(4)]}",
    # RFC 5737
    "IP_ADDRESS": lambda dice, _: f"{dice.one_of(fictional.NETWORKS)}.{1 + dice.below(254)}",
    # RFC 2606
    "URL": lambda dice, _: f"https://example.com/{dice.letters(6).lower()}",
    "UPI_ID": lambda dice, _: f"{dice.one_of(fictional.FIRST).lower()}{dice.digits(3)}@example",
    "ADDRESS": lambda dice, text: f"{1 + dice.below(98)} {dice.one_of(fictional.STREETS, normalised(text))}",
    "LOCATION": lambda dice, text: dice.one_of(fictional.PLACES, normalised(text)),
    "ORGANIZATION": lambda dice, text: dice.one_of(fictional.FIRMS, normalised(text)),
}

"""Identifiers as keyed pseudonyms (``hash_ids``): a producer's call and customer ids may name a person."""

import hmac
from functools import lru_cache
from typing import Final

from deid_stream.keys.ring import KeyRing, Purpose

_BYTES: Final = 12
"""96 bits: two of a thousand million ids are alike with a probability of 1 in 10^11."""


class IdPseudonyms:
    """The same id has the same pseudonym in every record of the deployment, for as long as the key is the same."""

    def __init__(self, ring: KeyRing) -> None:
        key = ring.derive(Purpose.IDS)

        @lru_cache(maxsize=65_536)
        def made(kind: str, value: str) -> str:
            message = f"{kind}:{value}".encode("utf-8", "surrogatepass")
            return f"{kind}-{hmac.digest(key, message, 'sha256')[:_BYTES].hex()}"

        self._made = made

    def call(self, call_id: str) -> str:
        return self._made("call", call_id)

    def customer(self, customer_id: str) -> str:
        return self._made("customer", customer_id)

    def subject(self, customer_id: str, value: str) -> str:
        """Of a person on the line, as one customer names them: the same for every way of writing one number.
        ``customer_id`` is the customer's own, not its pseudonym."""
        digits = "".join(character for character in value if character.isdecimal())
        written = "".join(character for character in value.casefold() if character.isalnum())
        plain = digits.removeprefix("00") if digits == written else value.strip().casefold()
        return self._made("subject", f"{customer_id}/{plain}")

    def segment(self, segment_id: str) -> str:
        return self._made("segment", segment_id)

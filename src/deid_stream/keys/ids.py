"""Identifiers as keyed pseudonyms (``hash_ids``): a producer's call and customer ids may name a person."""

import hmac
from functools import lru_cache
from typing import Final

from deid_stream.keys.ring import KeyRing, Purpose

_BYTES: Final = 12
"""96 bits: two of a thousand million ids are alike with a probability of 1 in 10^11."""


class IdPseudonyms:
    """The same id has the same pseudonym in every record of the deployment, for as long as the key is the same.

    Everything new is made with the current key. What was published before a rotation is found by the pseudonyms of
    the retired keys too: ``calls``, ``customers`` and ``subjects`` give all of them, the current one first."""

    def __init__(self, ring: KeyRing) -> None:
        current = ring.derive(Purpose.IDS)
        retired = [ring.derive_with(name, Purpose.IDS) for name in ring.ids[1:]]

        @lru_cache(maxsize=65_536)
        def made(kind: str, value: str) -> str:
            return _keyed(current, kind, value)

        self._made = made
        self._retired = [key for key in retired if key is not None]

    @property
    def rotated(self) -> bool:
        """There are retired keys, so one id may have several pseudonyms."""
        return bool(self._retired)

    def call(self, call_id: str) -> str:
        return self._made("call", call_id)

    def customer(self, customer_id: str) -> str:
        return self._made("customer", customer_id)

    def subject(self, customer_id: str, value: str) -> str:
        """The pseudonym of a person on the line; a telephone number gives the same one however it is written.
        ``customer_id`` is the customer's own, not its pseudonym."""
        return self._made("subject", _person(customer_id, value))

    def segment(self, segment_id: str) -> str:
        return self._made("segment", segment_id)

    def calls(self, call_id: str) -> tuple[str, ...]:
        return self._all("call", call_id)

    def customers(self, customer_id: str) -> tuple[str, ...]:
        return self._all("customer", customer_id)

    def subjects(self, customer_id: str, value: str) -> tuple[str, ...]:
        return self._all("subject", _person(customer_id, value))

    def _all(self, kind: str, value: str) -> tuple[str, ...]:
        return self._made(kind, value), *(_keyed(key, kind, value) for key in self._retired)


def _keyed(key: bytes, kind: str, value: str) -> str:
    message = f"{kind}:{value}".encode("utf-8", "surrogatepass")
    return f"{kind}-{hmac.digest(key, message, 'sha256')[:_BYTES].hex()}"


def _person(customer_id: str, value: str) -> str:
    digits = "".join(character for character in value if character.isdecimal())
    written = "".join(character for character in value.casefold() if character.isalnum())
    plain = digits.removeprefix("00") if digits == written else value.strip().casefold()
    return f"{customer_id}/{plain}"

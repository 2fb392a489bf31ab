"""``[PERSON#9c1e...]``: a keyed hash of 128 bits, for joins where a short token would be ambiguous."""

from typing import Final

from deid_stream.redact.operators.base import KeyedOperator, Params, entity_type

_BYTES: Final = 16


class KeyedHash(KeyedOperator):
    name = "hash"

    def operate(self, text: str, params: Params | None = None) -> str:
        return f"[{entity_type(params)}#{self.digest(text, params)[:_BYTES].hex()}]"

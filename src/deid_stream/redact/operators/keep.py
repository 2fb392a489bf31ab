"""Leaves the value as it is. It is here for use in presidio-anonymizer: a type that a policy keeps is not redacted at
all, so this operator is not called for it."""

from deid_stream.redact.operators.base import Operator, Params


class Keep(Operator):
    name = "keep"

    def operate(self, text: str, params: Params | None = None) -> str:
        return text

"""The value as it is. A policy's ``keep`` never comes to this: a type that is kept is no redaction at all."""

from deid_stream.redact.operators.base import Operator, Params


class Keep(Operator):
    name = "keep"

    def operate(self, text: str, params: Params | None = None) -> str:
        return text

"""``[PERSON]``: the type alone."""

from deid_stream.redact.operators.base import Operator, Params, entity_type


class Label(Operator):
    name = "label"

    def operate(self, text: str, params: Params | None = None) -> str:
        return f"[{entity_type(params)}]"

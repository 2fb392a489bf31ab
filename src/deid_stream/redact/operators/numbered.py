"""``[PERSON_2]``: the same value of a call has the same number."""

from deid_stream.redact.operators.base import Operator, Params, entity_type


class Numbered(Operator):
    """Without a ``value_id``, or with 0, the type alone."""

    name = "numbered"

    def operate(self, text: str, params: Params | None = None) -> str:
        number = (params or {}).get("value_id")
        return f"[{entity_type(params)}_{number}]" if number else f"[{entity_type(params)}]"

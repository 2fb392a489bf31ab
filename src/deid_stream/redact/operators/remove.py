"""Removes the value and puts nothing in its place."""

from deid_stream.redact.operators.base import Operator, Params


class Remove(Operator):
    name = "remove"

    def operate(self, text: str, params: Params | None = None) -> str:
        return ""

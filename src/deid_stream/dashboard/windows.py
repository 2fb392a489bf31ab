"""``deid.aggregates`` as a page shows it: a row for each window, of the deployment or of one customer."""

from collections import OrderedDict
from typing import Final

import msgspec

from deid_stream.model.json import JsonObject
from deid_stream.units import Ms

MAX_ROWS: Final = 10_000
"""Rows that are kept, of all customers together; the oldest go first."""
MAX_SHOWN: Final = 168
"""Windows of one answer: a week of hours. More, and the chart's columns are thinner than a pixel of a small screen."""


class WindowRow(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the topic. None stands for a hidden number: too few calls are in it, or another hidden number could
    be worked out from it."""

    customer_id: str | None
    """None for the row of the whole deployment."""
    window_start_ms: Ms
    window_ms: Ms
    threshold: int
    epsilon: float | None = None
    calls: int | None
    minutes: int | None
    values: dict[str, int | None]
    withheld: int | None
    opt_out_share: float | None


class Windows:
    """Call ``take`` for every record of the topic, then ask."""

    def __init__(self) -> None:
        self._rows: OrderedDict[str, WindowRow] = OrderedDict()

    def take(self, key: str, value: bytes | None) -> None:
        """One record; None is a tombstone. Raises MsgspecError."""
        row = None if value is None else msgspec.json.decode(value, type=WindowRow)
        self._rows.pop(key, None)
        if row is not None:
            self._rows[key] = row
        while len(self._rows) > MAX_ROWS:
            self._rows.popitem(last=False)

    def shown(self, customer_id: str) -> JsonObject:
        """The newest windows in order of time: of one customer, or with an empty id of the whole deployment."""
        rows = [row for row in self._rows.values() if (row.customer_id or "") == customer_id]
        rows.sort(key=lambda row: row.window_start_ms)
        return {
            "customer_id": customer_id,
            "customers": sorted({row.customer_id for row in self._rows.values() if row.customer_id}),
            "windows": [msgspec.to_builtins(row) for row in rows[-MAX_SHOWN:]],
        }

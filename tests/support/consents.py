"""Customers' policies for tests without a broker: what the gate and the partition ask."""

import msgspec

from deid_stream.keys.ids import IdPseudonyms
from deid_stream.policy import CompiledPolicy, PolicyTable, Position, Standing

COME_MS = 1
"""The timestamp of every policy here: before any call."""


class Consents:
    """A table filled by ``set``; ``fresh_now`` is what ``fresh`` answers."""

    def __init__(self, *policies: bytes, region: str = "", fresh: bool = True, ids: IdPseudonyms | None = None) -> None:
        self.table = PolicyTable(region, ids)
        self.fresh_now = fresh
        self._records = 0
        for policy in policies:
            self.set("someone", policy)

    def set(self, customer_id: str, value: bytes | None, time_ms: int = COME_MS) -> Position:
        """One more record of the topic; its position."""
        position = Position(0, self._records)
        self._records += 1
        self.table.apply(customer_id, value, position, time_ms)
        return position

    def of(self, customer_id: str) -> CompiledPolicy:
        return self.table.get(customer_id)

    def standing(self, customer_id: str) -> Standing:
        return self.table.standing(customer_id)

    def fresh(self) -> bool:
        return self.fresh_now


def standing_of(policy: bytes) -> Standing:
    """Of one customer whose only policy was in force before everything."""
    customer_id = str(msgspec.json.decode(policy)["customer_id"])
    table = PolicyTable()
    table.apply(customer_id, policy, Position(0, 0), 0)
    return table.standing(customer_id)

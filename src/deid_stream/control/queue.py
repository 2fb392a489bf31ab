"""Which calls have to be looked at, now or at a time. Customers take turns: a large one keeps nobody waiting."""

import heapq
from collections import OrderedDict
from typing import Final

from deid_stream.units import Ms

_STALE_ENTRIES: Final = 2.0
"""The heap is made anew where it holds this many times the calls that wait. Smaller: more often; larger: memory."""


class LookQueue:
    """Each call once, however often it is asked for. Calls are named by ``Holding.key``."""

    def __init__(self) -> None:
        self._now: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()
        self._later: list[tuple[Ms, str, str]] = []
        self._due: dict[str, Ms] = {}

    def __len__(self) -> int:
        """Calls to be looked at now."""
        return sum(map(len, self._now.values()))

    def waiting(self, customer_id: str) -> int:
        """Of one customer."""
        return len(self._now.get(customer_id, ()))

    def look(self, customer_id: str, key: str) -> None:
        """As soon as the customer's turn comes."""
        self._now.setdefault(customer_id, OrderedDict())[key] = None

    def look_at(self, customer_id: str, key: str, at_ms: Ms | None) -> None:
        """At a time, in place of any other time; None: not by itself."""
        if at_ms is None:
            self._due.pop(key, None)
            return
        if self._due.get(key) == at_ms:
            return
        self._due[key] = at_ms
        heapq.heappush(self._later, (at_ms, customer_id, key))
        if len(self._later) > 1_000 + _STALE_ENTRIES * len(self._due):
            self._later = [entry for entry in self._later if self._due.get(entry[2]) == entry[0]]
            heapq.heapify(self._later)

    def take(self, count: int, now_ms: Ms) -> list[str]:
        """Up to so many calls, one of each customer in turn."""
        while self._later and self._later[0][0] <= now_ms:
            at_ms, customer_id, key = heapq.heappop(self._later)
            if self._due.get(key) == at_ms:
                del self._due[key]
                self.look(customer_id, key)
        taken: list[str] = []
        while self._now and len(taken) < count:
            customer_id, calls = self._now.popitem(last=False)
            key, _ = calls.popitem(last=False)
            taken.append(key)
            if calls:
                self._now[customer_id] = calls
        return taken

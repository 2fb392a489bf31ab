"""The queue of calls that have to be looked at, now or at a given time. Customers take turns, so that a large customer
does not keep others waiting."""

import heapq
from collections import OrderedDict
from typing import Final

from deid_stream.units import Ms

_STALE_ENTRIES: Final = 2.0
"""The heap is rebuilt when it holds this many entries per waiting call. Smaller: it is rebuilt more often; larger: it
takes more memory."""


class LookQueue:
    """A call stands in the queue once, however often ``look`` is called for it. Calls are named by ``Holding.key``."""

    def __init__(self) -> None:
        self._now: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()
        self._later: list[tuple[Ms, str, str]] = []
        self._due: dict[str, Ms] = {}

    def __len__(self) -> int:
        """How many calls are to be looked at now."""
        return sum(map(len, self._now.values()))

    def waiting(self, customer_id: str) -> int:
        """How many calls of one customer are to be looked at now."""
        return len(self._now.get(customer_id, ()))

    def look(self, customer_id: str, key: str) -> None:
        """Have the call looked at as soon as its customer's turn comes."""
        self._now.setdefault(customer_id, OrderedDict())[key] = None

    def look_at(self, customer_id: str, key: str, at_ms: Ms | None) -> None:
        """Have the call looked at at ``at_ms``, in place of any time set before; with None only when ``look`` is called
        for it."""
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
        """Take up to ``count`` calls that are to be looked at by ``now_ms``, one of each customer in turn."""
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

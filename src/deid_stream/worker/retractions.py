"""Customers whose published training records are being taken back: kept in the checkpoint until it is done."""

from collections.abc import Mapping

from deid_stream.policy.permit import Position


class Retractions:
    """In the order in which they were asked for, each customer once, with the latest opt-out that asks for it."""

    def __init__(self, asked: Mapping[str, Position]) -> None:
        self._asked = dict(asked)

    def __len__(self) -> int:
        return len(self._asked)

    def asked(self) -> dict[str, Position]:
        return self._asked.copy()

    def add(self, customer_id: str, opted_out: Position) -> bool:
        """False where it had been asked for already."""
        if self._asked.get(customer_id) == opted_out:
            return False
        self._asked[customer_id] = opted_out
        return True

    def done(self, customer_id: str, opted_out: Position) -> bool:
        """It is finished, with the batch that is being filled. False where a later opt-out has come meanwhile."""
        if self._asked.get(customer_id) != opted_out:
            return False
        del self._asked[customer_id]
        return True

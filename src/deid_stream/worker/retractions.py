"""Customers whose published training records are being taken back: kept in the checkpoint until it is done."""

from collections.abc import Iterable, Iterator


class Retractions:
    """In the order in which they were asked for, each customer once."""

    def __init__(self, customers: Iterable[str] = ()) -> None:
        self._customers = dict.fromkeys(customers)

    def __bool__(self) -> bool:
        return bool(self._customers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._customers)

    def add(self, customer_id: str) -> bool:
        """False where it had been asked for already."""
        if customer_id in self._customers:
            return False
        self._customers[customer_id] = None
        return True

    def done(self, customer_id: str) -> None:
        """It is finished, with the batch that is being filled."""
        self._customers.pop(customer_id, None)

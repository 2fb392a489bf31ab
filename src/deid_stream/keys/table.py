"""``deid.keys`` as a table: which keys each customer has now.

Two workers may make a customer's first key at the same moment. The key that stands first in the log counts; whoever
sees that a later record says otherwise writes the right one again (``mends``), so that compaction keeps that. A key
that has been destroyed never comes back, whatever an older writer says after it.
"""

from deid_stream.keys.customers import NOBODY, CustomerRecord, StoredKey, read_record


class KeyTable:
    """Which keys each customer has. ``apply`` every record of ``deid.keys`` in offset order, then ask."""

    def __init__(self) -> None:
        self._records: dict[str, CustomerRecord] = {}
        self._mends: dict[str, CustomerRecord] = {}
        self.unreadable = 0

    def __len__(self) -> int:
        """Customers with a key."""
        return sum(bool(record.keys) for record in self._records.values())

    def customers(self) -> list[str]:
        return sorted(self._records)

    def record(self, customer_id: str) -> CustomerRecord:
        return self._records.get(customer_id, NOBODY)

    def current(self, customer_id: str) -> StoredKey | None:
        record = self._records.get(customer_id)
        return record.current if record is not None else None

    def key(self, customer_id: str, key_id: str) -> StoredKey | None:
        return next((key for key in self.record(customer_id).keys if key.id == key_id), None)

    def destroyed(self, customer_id: str, key_id: str) -> bool:
        return key_id in self.record(customer_id).destroyed

    def apply(self, customer_id: str, value: bytes | None) -> None:
        """Apply one record. A tombstone or an unreadable record changes nothing: it only hides the keys, and does not
        destroy them."""
        known = self._records.get(customer_id)
        said = read_record(value)
        if said is None:
            self.unreadable += 1
            if known is not None:
                self._mends[customer_id] = known
            return
        right = said if known is None else _merged(known, said)
        self._records[customer_id] = right
        if right == said:
            self._mends.pop(customer_id, None)
        else:
            self._mends[customer_id] = right

    def mends(self) -> dict[str, CustomerRecord]:
        """The records that have to be written again, by customer. Each is returned once."""
        mends, self._mends = self._mends, {}
        return mends


def _merged(known: CustomerRecord, said: CustomerRecord) -> CustomerRecord:
    """The record that is right after ``said`` has been read, where ``known`` was the right one before."""
    destroyed = tuple(dict.fromkeys((*known.destroyed, *said.destroyed)))
    gone = set(destroyed)
    stays = [key for key in known.keys if key.id not in gone]
    says = {key.id: key for key in said.keys if key.id not in gone}
    # else made without knowing of a key that came first
    follows = not stays or says.keys() >= {key.id for key in stays}
    keys = tuple(says.values()) if follows else tuple(stays)
    return CustomerRecord(keys, destroyed, max(known.destroyed_ms, said.destroyed_ms))

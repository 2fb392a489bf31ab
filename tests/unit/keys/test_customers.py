"""Customers' keys: wrapped, rewrapped, opened by who may, destroyed for good."""

from base64 import b64encode

import msgspec
import pytest

from deid_stream.errors import DigestKeyError
from deid_stream.keys import KeyRing
from deid_stream.keys.customers import (
    NOBODY,
    CustomerRecord,
    ReadKeys,
    new_key,
    payload_key,
    pseudonym_key,
    read_record,
    reader_keys,
    rewrapped,
    secret_of,
    write_record,
)
from deid_stream.keys.table import KeyTable

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
RING = KeyRing(OLD)
RANDOM, OTHER = bytes(range(64)), bytes(range(100, 164))
KEY = new_key(RING, "acme", RANDOM, 1_000)


def test_a_secret_comes_back_for_its_customer_only():
    assert secret_of(RING, "acme", KEY) == RANDOM[:32]
    with pytest.raises(DigestKeyError, match="changed or is damaged"):
        secret_of(RING, "other", KEY)
    with pytest.raises(DigestKeyError, match="changed or is damaged"):
        secret_of(RING, "acme", msgspec.structs.replace(KEY, id="00"))


def test_nothing_in_a_record_is_a_key():
    raw = write_record(NOBODY.with_key(KEY))
    for secret in (RANDOM[:32], payload_key(RANDOM[:32]), pseudonym_key(RANDOM[:32]), OLD):
        assert secret not in raw
        assert secret.hex().encode() not in raw
        assert b64encode(secret) not in raw
    assert RANDOM[:32].hex() not in repr(KEY)


def test_a_retired_master_key_still_opens_and_a_missing_one_says_so():
    assert secret_of(KeyRing(NEW, [OLD]), "acme", KEY) == RANDOM[:32]
    with pytest.raises(DigestKeyError, match=f"master key {RING.ids[0]}, which is not in the key ring"):
        secret_of(KeyRing(NEW), "acme", KEY)


def test_rewrapping_keeps_the_key_and_needs_the_old_master_no_more():
    again = rewrapped(KeyRing(NEW, [OLD]), "acme", KEY, OTHER)
    assert (again.id, again.created_ms) == (KEY.id, KEY.created_ms)
    assert (again.secret, again.payloads) != (KEY.secret, KEY.payloads)
    assert secret_of(KeyRing(NEW), "acme", again) == RANDOM[:32]


def test_a_reader_opens_payload_keys_and_no_secrets():
    (key,) = reader_keys(RING)
    assert ReadKeys([key]).payload_key("acme", KEY) == payload_key(RANDOM[:32])
    assert ReadKeys.of(RING).payload_key("acme", KEY) == payload_key(RANDOM[:32])
    assert ReadKeys([bytes(32)]).payload_key("acme", KEY) is None
    with pytest.raises(DigestKeyError):
        ReadKeys([key]).payload_key("other", KEY)
    # what the reader has opens no secret, under whatever name
    assert secret_of(RING, "acme", KEY) == RANDOM[:32]
    with pytest.raises(DigestKeyError):
        secret_of(KeyRing(key), "acme", KEY)


def test_a_destroyed_key_is_not_in_its_record_any_more():
    held = NOBODY.with_key(KEY).with_key(new_key(RING, "acme", OTHER, 2_000))
    gone = held.without([key.id for key in held.keys], 3_000)
    raw = write_record(gone)
    assert gone == CustomerRecord(destroyed=(held.keys[0].id, held.keys[1].id), destroyed_ms=3_000)
    assert KEY.secret.encode() not in raw
    assert read_record(raw) == gone


@pytest.mark.parametrize("value", [None, b"", b"[]", b"{", b'{"keys":[{}]}', b"\xff"])
def test_what_is_no_record_is_none(value):
    assert read_record(value) is None


class TestTable:
    SECOND = new_key(RING, "acme", OTHER, 2_000)

    def table(self, *records: CustomerRecord | None) -> KeyTable:
        table = KeyTable()
        for record in records:
            table.apply("acme", None if record is None else write_record(record))
        return table

    def test_the_last_key_of_a_record_is_current(self):
        table = self.table(NOBODY.with_key(KEY), NOBODY.with_key(KEY).with_key(self.SECOND))
        assert table.current("acme") == self.SECOND
        assert table.key("acme", KEY.id) == KEY
        assert table.current("other") is None
        assert (len(table), table.mends()) == (1, {})

    def test_of_two_first_keys_the_one_that_came_first_counts_and_is_written_again(self):
        table = self.table(NOBODY.with_key(KEY), NOBODY.with_key(self.SECOND))
        assert table.current("acme") == KEY
        assert table.mends() == {"acme": NOBODY.with_key(KEY)}
        assert table.mends() == {}
        # it has come back
        table.apply("acme", write_record(NOBODY.with_key(KEY)))
        assert (table.current("acme"), table.mends()) == (KEY, {})

    def test_a_destroyed_key_never_comes_back(self):
        held = NOBODY.with_key(KEY)
        gone = held.without([key.id for key in held.keys], 5)
        table = self.table(held, gone, held)
        assert table.current("acme") is None
        assert table.destroyed("acme", KEY.id)
        assert table.mends() == {"acme": gone}

    def test_after_a_destruction_there_can_be_a_new_key(self):
        gone = NOBODY.with_key(KEY).without([KEY.id], 5)
        table = self.table(gone, gone.with_key(self.SECOND))
        assert table.current("acme") == self.SECOND
        assert table.destroyed("acme", KEY.id)
        assert table.mends() == {}

    @pytest.mark.parametrize("value", [None, b"garbage"])
    def test_a_tombstone_or_garbage_destroys_nothing(self, value):
        table = self.table(NOBODY.with_key(KEY))
        table.apply("acme", value)
        assert table.current("acme") == KEY
        assert table.mends() == {"acme": NOBODY.with_key(KEY)}
        assert table.unreadable == 1

    def test_rewrapped_keys_take_the_place_of_the_same_ones(self):
        again = rewrapped(KeyRing(NEW, [OLD]), "acme", KEY, OTHER)
        table = self.table(NOBODY.with_key(KEY), NOBODY.with_key(again))
        assert table.current("acme") == again
        assert table.mends() == {}

"""Encrypted values: the same bytes on a replay, bound to their place, told apart by their headers."""

import pytest

from deid_stream.errors import SealedError
from deid_stream.wire.sealing import key_id_of, seal, unseal

KEY = bytes(range(32))
TOPIC = "deid.analytics.transcripts"
PLACE = (KEY, "k1", TOPIC, b"c1/0/7")
VALUE = b'{"text":"hello [PERSON_1]"}'


def test_what_is_sealed_opens_again_and_shows_nothing():
    sealed, headers = seal(*PLACE, VALUE)
    assert unseal(*PLACE, sealed) == VALUE
    assert len(sealed) == len(VALUE) + 12 + 16
    assert b"hello" not in sealed
    assert headers == [("ce_encryption", b"A256GCM"), ("ce_keyid", b"k1")]
    assert key_id_of(headers) == "k1"


def test_a_replay_gives_the_same_bytes():
    assert seal(*PLACE, VALUE) == seal(*PLACE, VALUE)


@pytest.mark.parametrize(
    "other",
    [
        (bytes(32), "k1", TOPIC, b"c1/0/7"),
        (KEY, "k2", TOPIC, b"c1/0/7"),
        (KEY, "k1", "deid.training.transcripts", b"c1/0/7"),
        (KEY, "k1", TOPIC, b"c1/0/8"),
        (KEY, "k1", TOPIC, b"c2/0/7"),
    ],
    ids=["key", "key id", "topic", "record", "call"],
)
def test_a_value_opens_in_its_own_place_only(other):
    with pytest.raises(SealedError, match="does not open"):
        unseal(*other, seal(*PLACE, VALUE)[0])
    assert seal(*other, VALUE)[0] != seal(*PLACE, VALUE)[0]


def test_every_changed_byte_and_every_cut_shows():
    sealed, _ = seal(*PLACE, VALUE)
    for number in range(len(sealed)):
        changed = bytes([*sealed[:number], sealed[number] ^ 1, *sealed[number + 1 :]])
        with pytest.raises(SealedError):
            unseal(*PLACE, changed)
        with pytest.raises(SealedError):
            unseal(*PLACE, sealed[:number])


def test_different_contents_and_places_have_different_nonces():
    nonces = {
        seal(KEY, "k1", topic, b"c1/0/%d" % seq, b"value %d" % content)[0][:12]
        for topic in (TOPIC, "deid.training.transcripts")
        for seq in range(20)
        for content in range(20)
    }
    assert len(nonces) == 2 * 20 * 20


def test_equal_contents_of_two_records_do_not_look_alike():
    assert seal(KEY, "k1", TOPIC, b"c1/0/1", VALUE)[0][12:] != seal(KEY, "k1", TOPIC, b"c1/0/2", VALUE)[0][12:]


@pytest.mark.parametrize(
    ("headers", "found"), [([], None), ([("ce_keyid", b"k")], None), ([("ce_encryption", b"A256GCM")], "")]
)
def test_headers_say_whether_a_value_is_encrypted(headers, found):
    assert key_id_of(headers) == found


def test_an_unknown_encryption_is_not_guessed_at():
    with pytest.raises(SealedError, match="does not know"):
        key_id_of([("ce_encryption", b"ROT13"), ("ce_keyid", b"k1")])

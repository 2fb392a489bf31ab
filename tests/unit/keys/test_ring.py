"""Keys: what is derived for whom, what never agrees, and what goes on when a key is replaced."""

import itertools

import pytest

from deid_stream.detect.conversation.values import Digester
from deid_stream.errors import DigestKeyError
from deid_stream.keys import KeyRing, Purpose
from deid_stream.keys.ids import IdPseudonyms
from deid_stream.keys.ring import key_id

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
PINNED = "c06a3c851dae9368"


def test_every_purpose_customer_and_call_has_a_key_of_its_own():
    ring = KeyRing(NEW)
    contexts = [(), ("acme",), ("zen",), ("acme", "call"), ("acmecall",), ("acme", "call", "x")]
    made = [ring.derive(purpose, *context) for purpose, context in itertools.product(Purpose, contexts)]
    assert len(set(made)) == len(made)
    assert {len(key) for key in made} == {32}
    assert NEW not in made


def test_the_same_is_derived_again_by_every_worker():
    assert KeyRing(NEW).of_call("acme", "call") == KeyRing(NEW, [OLD]).of_call("acme", "call")
    # RFC 5869 with this info, worked out once: a change of it would make every pseudonym another
    assert KeyRing(NEW).derive(Purpose.PSEUDONYMS, "acme").hex().startswith(PINNED)


def test_equal_values_have_unequal_digests_across_calls_and_customers():
    ring = KeyRing(NEW)
    owners = [("acme", "one"), ("acme", "two"), ("zen", "one")]
    digests = {Digester(ring.of_call(*owner).digests)("name", "robert miller") for owner in owners}
    assert len(digests) == len(owners)


def test_pseudonyms_agree_across_a_customers_calls_and_link_no_customers():
    ring = KeyRing(NEW)
    one, two, other = ring.of_call("acme", "one"), ring.of_call("acme", "two"), ring.of_call("zen", "one")
    assert one.pseudonyms == two.pseudonyms != other.pseudonyms


def test_a_call_goes_on_with_the_key_that_it_began_with():
    began = KeyRing(OLD).of_call("acme", "call")
    assert KeyRing(NEW, [OLD]).of_call("acme", "call", began.key_id).digests == began.digests
    assert KeyRing(NEW, [OLD]).of_call("acme", "call").digests != began.digests


def test_a_key_that_is_gone_is_replaced_by_the_current_one():
    ring = KeyRing(NEW)
    assert ring.of_call("acme", "call", key_id(OLD)) == ring.of_call("acme", "call")


def test_a_call_of_0_1_0_goes_on_with_the_master_key_itself():
    keys = KeyRing(NEW).of_call("acme", "call", "")
    assert (keys.key_id, keys.digests) == ("", NEW)
    assert keys.pseudonyms == KeyRing(NEW).derive(Purpose.PSEUDONYMS, "acme")


@pytest.mark.parametrize(("length", "says"), [(0, "0 bytes"), (15, "15 bytes"), (65, "65 bytes"), (128, "128 bytes")])
def test_a_key_that_cannot_be_used_is_refused_with_the_mend(length, says):
    for given in ((bytes(length),), (NEW, [bytes(length)])):
        with pytest.raises(DigestKeyError, match=says) as caught:
            KeyRing(*given)
        assert "openssl rand -hex 32" in str(caught.value)


@pytest.mark.parametrize("length", [16, 32, 64])
def test_any_other_key_does(length):
    assert KeyRing(bytes(length)).of_call("acme", "call").digests


def test_nothing_shows_a_key():
    ring = KeyRing(NEW)
    shown = repr(ring) + repr(ring.of_call("acme", "call"))
    assert NEW.hex()[:8] not in shown
    assert shown == "<KeyRing><CallKeys>"


def test_ids_are_pseudonyms_of_their_kind():
    ids, again, other = IdPseudonyms(KeyRing(NEW)), IdPseudonyms(KeyRing(NEW)), IdPseudonyms(KeyRing(OLD))
    assert ids.call("+447700900123") == again.call("+447700900123") != other.call("+447700900123")
    assert len({ids.call("x"), ids.customer("x"), ids.segment("x"), ids.call("y")}) == 4
    assert ids.customer("ann@example.com").startswith("customer-")
    assert "ann" not in ids.customer("ann@example.com")

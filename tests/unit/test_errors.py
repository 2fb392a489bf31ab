"""How messages say things."""

import pytest

from deid_stream.errors import counted


@pytest.mark.parametrize(
    ("number", "thing", "things", "said"),
    [
        (0, "call", "", "0 calls"),
        (1, "call", "", "1 call"),
        (2, "call", "", "2 calls"),
        (1, "entity", "entities", "1 entity"),
        (2, "entity", "entities", "2 entities"),
    ],
)
def test_a_number_of_things(number, thing, things, said):
    assert counted(number, thing, things) == said

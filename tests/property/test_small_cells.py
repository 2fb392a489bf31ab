"""An attacker with every published number cannot derive a hidden cell.

The attacker also knows the algorithm, so the strongest attack is to try every table: those that would have been
published just like this one are what the table may have been. A hidden cell is derived when it is the same in all of
them. The smallest threshold keeps the tables few enough to try them all.
"""

import itertools
from collections import defaultdict

import msgspec
import pytest

from deid_stream.policy.aggregates import MIN_THRESHOLD, Count, Tally, publish

T = MIN_THRESHOLD
EVERY_SMALL = set(range(1, T - 1))
"""What a small cell must still be able to be."""


def possibilities(tables, limit, read):
    """By what is published: of each hidden cell, the values it has in the tables that look like this. Where the hidden
    cells have more than ``limit`` together, not every table like it has been tried."""
    seen = defaultdict(lambda: defaultdict(set))
    for table in tables:
        out = publish(table, 0, threshold=T)
        hidden = {}
        for name, tally in table.items():
            is_hidden, value = read(out.customers[name], tally)
            if is_hidden:
                hidden[name] = value
        if sum(hidden.values()) <= limit:
            for name, value in hidden.items():
                seen[msgspec.json.encode(out)][name].add(value)
    return seen


def check(seen, small):
    """How many hidden cells there are; ``small``: what a small one is below."""
    cells = [values for alternatives in seen.values() for values in alternatives.values()]
    for values in cells:
        assert len(values) > 1
        if min(values) < small:
            assert values >= EVERY_SMALL
    return len(cells)


@pytest.mark.parametrize(("customers", "most"), [(1, 30), (2, 30), (3, 26), (4, 14)])
def test_no_number_of_calls_can_be_derived(customers, most):
    names = [f"c{number}" for number in range(customers)]
    tables = (
        {name: Tally(calls=count) for name, count in zip(names, counts, strict=True)}
        for counts in itertools.product(range(1, most + 1), repeat=customers)
    )
    seen = possibilities(tables, most, lambda row, tally: (row.calls is None, tally.calls))
    assert check(seen, T)


@pytest.mark.parametrize(("customers", "most"), [(2, 18), (3, 14)])
def test_no_number_of_values_can_be_derived(customers, most):
    """Cells are small by their calls, whatever their total; what is published is the total."""
    names = [f"c{number}" for number in range(customers)]
    cells = [Count(), *(Count(c, total) for c in (2, T) for total in range(c, most + 1)), Count(1, 1), Count(3, 3)]
    tables = (
        {name: Tally(calls=50, values={"PERSON": cell}) for name, cell in zip(names, row, strict=True)}
        for row in itertools.product(cells, repeat=customers)
    )
    seen = possibilities(tables, most, lambda row, tally: (row.values["PERSON"] is None, tally.values["PERSON"].total))
    assert check(seen, 2)


def test_the_attack_derives_what_is_only_left_out():
    """The check finds what it looks for: small cells hidden, and nothing else."""
    seen = defaultdict(lambda: defaultdict(set))
    for small, big in itertools.product(range(1, T), range(T, 20)):
        seen[big, small + big]["small"].add(small)
    with pytest.raises(AssertionError):
        check(seen, T)

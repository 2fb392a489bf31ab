"""Aggregates: what is counted, what is hidden, and what goes with it."""

import random

import pytest

from deid_stream.policy.aggregates import CallFacts, Noise, Tally, publish, window_start
from deid_stream.units import DAY_MS
from tests.support.aggregates import tally_all


def calls(customer, count, *, minutes=2, opted_out=0, withheld=0, **values):
    """``count`` calls; the first ``opted_out`` of them without training, ``values`` and ``withheld`` in each."""
    return [
        CallFacts(
            customer_id=customer,
            duration_ms=minutes * 60_000,
            values=values,
            withheld=withheld,
            opted_out=number < opted_out,
        )
        for number in range(count)
    ]


def published(*groups, **options):
    return publish(tally_all(call for group in groups for call in group), 0, **options)


def test_calls_minutes_values_and_opt_outs_are_counted():
    table = published(
        calls("a", 20, minutes=3, opted_out=20, PERSON=2, IBAN_CODE=1, withheld=1), calls("b", 60, PERSON=1)
    )
    row = table.customers["a"]
    assert (row.calls, row.minutes, row.withheld, row.opt_out_share) == (20, 60, 20, 1.0)
    assert row.values == {"PERSON": 40, "IBAN_CODE": 20}
    assert table.customers["b"].values == {"PERSON": 60, "IBAN_CODE": 0}
    assert table.deployment.calls == 80
    assert table.deployment.minutes == 180
    assert table.deployment.values == {"PERSON": 100, "IBAN_CODE": 20}
    assert table.deployment.opt_out_share == 0.25


@pytest.mark.parametrize(("count", "shown"), [(1, None), (9, None), (10, 10), (11, 11)])
def test_a_cell_below_the_threshold_is_hidden(count, shown):
    table = published(calls("small", count), calls("big", 40), calls("huge", 400))
    assert table.customers["small"].calls == shown


def test_of_a_customer_with_few_calls_nothing_is_told_not_even_a_nought():
    row = published(calls("small", 9, PERSON=9), calls("big", 40, IBAN_CODE=1)).customers["small"]
    assert (row.calls, row.minutes, row.withheld, row.opt_out_share) == (None, None, None, None)
    assert row.values == {"PERSON": None, "IBAN_CODE": None}


def test_the_total_does_not_give_a_single_hidden_cell_away():
    table = published(calls("small", 3), calls("big", 40), calls("huge", 400))
    hidden = [name for name, row in table.customers.items() if row.calls is None]
    assert len(hidden) == 2
    assert table.deployment.calls == 443


def test_the_total_goes_where_hiding_more_is_not_enough():
    table = published(calls("small", 3))
    assert (table.deployment.calls, table.deployment.minutes) == (None, None)


def test_many_small_customers_still_have_a_total():
    table = published(*(calls(f"c{number}", 5) for number in range(30)))
    assert table.deployment.calls == 150
    assert all(row.calls is None for row in table.customers.values())


def test_many_values_in_one_call_are_one_persons():
    table = published(calls("a", 1, PERSON=40), calls("a", 30), calls("b", 30, PERSON=1), calls("c", 30, PERSON=1))
    assert table.customers["a"].calls == 31
    assert table.customers["a"].values == {"PERSON": None}


@pytest.mark.parametrize(("opted_out", "share"), [(0, 0.0), (3, None), (20, 0.5), (38, None), (40, 1.0)])
def test_a_share_is_of_two_cells(opted_out, share):
    table = published(calls("a", 40, opted_out=opted_out), calls("b", 100))
    assert table.customers["a"].opt_out_share == share
    if share is None:
        assert table.deployment.opt_out_share == table.customers["b"].opt_out_share


def test_what_is_hidden_beside_a_small_cell_changes_with_the_window():
    tallies = tally_all([*calls("small", 3), *(call for n in range(8) for call in calls(f"c{n}", 50))])
    hidden = [
        frozenset(name for name, row in publish(tallies, day * DAY_MS).customers.items() if row.calls is None)
        for day in range(20)
    ]
    assert all("small" in names and len(names) == 2 for names in hidden)
    assert len(set(hidden)) > 3


def test_one_call_changes_a_number_by_a_bound():
    tally = Tally().plus(CallFacts("a", 10**12, {"PERSON": 10**6, "IBAN_CODE": 10**6}, withheld=10**6))
    assert tally.duration_ms == 120 * 60_000
    assert sum(count.total for count in tally.values.values()) == 50
    assert tally.withheld.total == 50


def test_noise_is_repeatable_and_centred_and_never_negative():
    tallies = tally_all([*calls("a", 300), *calls("b", 300)])
    numbers = [
        publish(tallies, 0, noise=Noise(1.0, random.Random(seed).random)).customers["a"].calls for seed in range(400)
    ]
    assert numbers[7] == publish(tallies, 0, noise=Noise(1.0, random.Random(7).random)).customers["a"].calls
    assert abs(sum(numbers) / len(numbers) - 300) < 5
    assert len(set(numbers)) > 20
    few = [publish(tallies, 0, noise=Noise(0.01, random.Random(seed).random)) for seed in range(50)]
    assert min(row.calls for table in few for row in table.customers.values()) == 0
    assert few[0].epsilon == 0.01


@pytest.mark.parametrize("draw", [0.0, 0.5, 1 - 2**-53])
def test_noise_is_finite_for_every_draw(draw):
    assert published(calls("a", 50), noise=Noise(1.0, lambda: draw)).customers["a"].calls >= 0


@pytest.mark.parametrize("options", [{"threshold": 3}, {"noise": Noise(0.0, lambda: 0.5)}])
def test_settings_that_hide_nothing_are_refused(options):
    with pytest.raises(ValueError, match=r"threshold|epsilon"):
        published(calls("a", 50), **options)


@pytest.mark.parametrize(("time_ms", "start"), [(0, 0), (DAY_MS - 1, 0), (DAY_MS, DAY_MS), (-1, -DAY_MS)])
def test_windows_begin_at_multiples_of_their_length(time_ms, start):
    assert window_start(time_ms, DAY_MS) == start

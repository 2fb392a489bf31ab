"""Aggregates whose calls are all at hand."""

from collections.abc import Iterable

from deid_stream.policy.aggregates import CallFacts, Tally


def tally_all(calls: Iterable[CallFacts]) -> dict[str, Tally]:
    """By customer."""
    tallies: dict[str, Tally] = {}
    for call in calls:
        tallies[call.customer_id] = tallies.get(call.customer_id, Tally()).plus(call)
    return tallies

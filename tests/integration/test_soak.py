"""Calls in sequence leave nothing behind; ``python -m benchmarks.soak`` runs a million (docs/benchmarks.md)."""

from functools import lru_cache

import pytest
from benchmarks.soak import growth_a_call, soak

from deid_stream.wire import audio, cloudevents
from deid_stream.worker import live

BOUND = 500


def test_calls_in_sequence_leave_no_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is bounded gets a bound that the run soon reaches; everything else must not grow at all."""
    monkeypatch.setattr(live, "CLOSED_MEMORY", BOUND)
    for module, cached in ((cloudevents, "identifier"), (audio, "_stream")):
        monkeypatch.setattr(module, cached, lru_cache(BOUND)(getattr(module, cached).__wrapped__))
    found = soak(6_000, samples=30, idle_ms=10_000)
    assert found[-1].live == found[-1].held_bytes == 0
    settled = found[len(found) // 2 : -1]
    assert len({sample.held_bytes for sample in settled}) == 1
    assert max(sample.closed for sample in settled) <= BOUND
    # the samples themselves are objects, one every 200 calls; what a call would leave is dozens
    assert growth_a_call(found, "objects") < 0.05
    assert growth_a_call(found, "deadlines") < 0.05

"""Calls in sequence leave nothing behind; ``python -m benchmarks.soak`` runs a million (docs/benchmarks.md)."""

from functools import lru_cache

import pytest
from benchmarks.soak import EVERY_MS, growth_a_call, soak

from deid_stream.keys import ring
from deid_stream.wire import audio, cloudevents
from deid_stream.worker import ended

BOUND = 500
IDLE_MS = 10_000


def test_calls_in_sequence_leave_no_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is bounded gets a bound that the run soon reaches; everything else must not grow at all."""
    monkeypatch.setattr(ended, "MEMORY_CALLS", BOUND)
    for module, cached in ((cloudevents, "identifier"), (audio, "_stream"), (ring, "derived")):
        monkeypatch.setattr(module, cached, lru_cache(BOUND)(getattr(module, cached).__wrapped__))
    found = soak(6_000, samples=30, idle_ms=IDLE_MS)
    assert found[-1].live == found[-1].held_bytes == 0
    settled = found[len(found) // 2 : -1]
    assert len({sample.held_bytes for sample in settled}) == 1
    # a closed call's last deadline stays queued until it would have fallen due
    queued = IDLE_MS // EVERY_MS
    assert max(sample.entries for sample in settled) <= BOUND + queued + 5 * max(sample.live for sample in settled)
    # the samples themselves are objects, one every 200 calls; what a call would leave is dozens
    assert growth_a_call(found, "objects") < 0.05
    assert growth_a_call(found, "entries") < 0.05

"""Which calls must be gone, by the audit."""

import pytest

from deid_stream.policy.withdrawn import AuditLine, Withdrawn


@pytest.mark.parametrize(
    ("action", "reason", "gone"),
    [
        ("retracted", "minor", {"training_audio", "analytics_audio"}),
        ("quarantined", "spot_check", {"training_audio", "analytics_audio", "calls"}),
        ("retracted", "opt_out", set()),
        ("quarantined", "session_failed", set()),
        ("withheld", "minor", set()),
    ],
)
def test_what_must_be_gone_of_a_call(action, reason, gone):
    withdrawn = Withdrawn()
    withdrawn.take(AuditLine("c1", "acme", action, reason))
    kinds = ("training_audio", "analytics_audio", "calls", "policies")
    assert {kind for kind in kinds if withdrawn.must_be_gone(kind, "c1")} == gone
    assert not any(withdrawn.must_be_gone(kind, "c2") for kind in kinds)
    assert len(withdrawn) == bool(gone)

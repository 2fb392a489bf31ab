"""Which calls must be gone, by the audit."""

import pytest

from deid_stream.policy.withdrawn import KINDS, AuditLine, Withdrawn


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
    assert {kind for kind in kinds if withdrawn.must_be_gone(kind, "c1", 9_000)} == gone
    assert not any(withdrawn.must_be_gone(kind, "c2", 0) for kind in kinds)
    assert len(withdrawn) == bool(gone)


TRAINING = {"training_transcripts", "training_audio"}
ANALYTICS = {"analytics_transcripts", "analytics_audio"}


@pytest.mark.parametrize(
    ("action", "reason", "counts", "gone"),
    [
        ("deleted", "deletion", {"records": 9, "analytics": 9}, TRAINING | ANALYTICS | {"calls"}),
        ("retracted", "objection", {}, TRAINING | ANALYTICS),
        ("retracted", "withdrawal", {}, TRAINING),
        ("retracted", "restriction", {}, TRAINING),
        ("expired", "retention", {"records": 9, "analytics": 8, "summary": 1}, ANALYTICS | {"calls"}),
        ("expired", "retention", {"records": 9, "training": 9}, set()),
        ("retracted", "opt_out", {"training": 9}, set()),
        ("requested", "deletion_done", {}, set()),
    ],
)
def test_what_was_taken_back_must_be_gone_up_to_then_and_later_records_may_stay(action, reason, counts, gone):
    withdrawn = Withdrawn()
    withdrawn.take(AuditLine("c1", "acme", action, reason, 5_000, counts))
    withdrawn.take(AuditLine("c1", "acme", action, reason, 4_000, counts))
    assert {kind for kind in KINDS if withdrawn.must_be_gone(kind, "c1", 5_000)} == gone
    assert not any(withdrawn.must_be_gone(kind, "c1", 5_001) for kind in KINDS)
    assert not any(withdrawn.must_be_gone(kind, "c2", 0) for kind in KINDS)
    assert len(withdrawn) == bool(gone)

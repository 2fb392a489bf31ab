"""Customers' policies: what is redacted how, what may be analysed, what may be trained on."""

from deid_stream.policy.compile import compile_policy
from deid_stream.policy.permit import Permit, Position
from deid_stream.policy.policy import UNKNOWN, CompiledPolicy, Policy
from deid_stream.policy.status import PolicyStatus, Refusal, Standing
from deid_stream.policy.table import Change, ChangeKind, PolicyTable

__all__ = [
    "UNKNOWN",
    "Change",
    "ChangeKind",
    "CompiledPolicy",
    "Permit",
    "Policy",
    "PolicyStatus",
    "PolicyTable",
    "Position",
    "Refusal",
    "Standing",
    "compile_policy",
]

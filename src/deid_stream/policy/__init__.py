"""Customers' policies: what is redacted how, what may be analysed, what may be trained on."""

from deid_stream.policy.compile import compile_policy
from deid_stream.policy.policy import UNKNOWN, CompiledPolicy, Permit, Policy
from deid_stream.policy.table import Change, ChangeKind, PolicyTable

__all__ = ["UNKNOWN", "Change", "ChangeKind", "CompiledPolicy", "Permit", "Policy", "PolicyTable", "compile_policy"]

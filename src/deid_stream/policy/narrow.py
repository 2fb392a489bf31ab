"""Processor mode: a deployment that works for others by their instructions. These may narrow what it does by default,
and never widen it: a customer can have more redacted and less kept, not the other way round."""

import msgspec

from deid_stream.errors import ConfigError
from deid_stream.model.entities import EntityType
from deid_stream.policy.policy import DEFAULT_OPERATORS, UNKNOWN, CompiledPolicy, RetentionDays
from deid_stream.redact.operators.registry import choose


def narrowed(policy: CompiledPolicy) -> CompiledPolicy:
    """The policy, with the deployment's default in the place of every instruction that would widen it."""
    days = UNKNOWN.retention_days
    return msgspec.structs.replace(
        policy,
        operators=policy.operators | {kind: DEFAULT_OPERATORS[kind] for kind in _shown(policy)},
        interims=UNKNOWN.interims,
        retention_days=RetentionDays(
            min(policy.retention_days.analytics, days.analytics), min(policy.retention_days.training, days.training)
        ),
        allow=UNKNOWN.allow,
    )


def widened(policy: CompiledPolicy) -> list[str]:
    """The fields of the policy that would widen what is done by default; empty: it may be followed as it is."""
    narrow = narrowed(policy)
    fields = [f"entities.{kind}" for kind in sorted(_shown(policy))]
    fields += [name for name in ("interims", "allow") if getattr(policy, name) != getattr(narrow, name)]
    for name in RetentionDays.__struct_fields__:
        if getattr(policy.retention_days, name) != getattr(narrow.retention_days, name):
            fields.append(f"retention_days.{name}")
    return fields


def _shown(policy: CompiledPolicy) -> list[EntityType]:
    """Types on by default of whose values the policy leaves something to be read."""
    return [kind for kind in DEFAULT_OPERATORS if _leaves_something(policy.operators.get(kind), kind)]


def _leaves_something(operator: str | None, kind: EntityType) -> bool:
    if operator is None:
        return True
    try:
        return choose(operator, kind).keep_last > 0
    except ConfigError:
        return True

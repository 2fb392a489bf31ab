"""Processor mode: the deployment processes calls on behalf of its customers. A customer's policy may then restrict what
is done by default (redact more, keep less) and not extend it."""

import msgspec

from deid_stream.errors import ConfigError
from deid_stream.model.entities import EntityType
from deid_stream.policy.policy import DEFAULT_OPERATORS, UNKNOWN, CompiledPolicy, RetentionDays
from deid_stream.redact.operators.registry import choose


def narrowed(policy: CompiledPolicy) -> CompiledPolicy:
    """The policy, with the deployment's default in place of every field that would extend it."""
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
    """The fields of the policy that would extend what is done by default; empty: the whole policy may be followed."""
    narrow = narrowed(policy)
    fields = [f"entities.{kind}" for kind in sorted(_shown(policy))]
    fields += [name for name in ("interims", "allow") if getattr(policy, name) != getattr(narrow, name)]
    for name in RetentionDays.__struct_fields__:
        if getattr(policy.retention_days, name) != getattr(narrow.retention_days, name):
            fields.append(f"retention_days.{name}")
    return fields


def _shown(policy: CompiledPolicy) -> list[EntityType]:
    """Types that are redacted by default and of whose values the policy leaves something readable."""
    return [kind for kind in DEFAULT_OPERATORS if _leaves_something(policy.operators.get(kind), kind)]


def _leaves_something(operator: str | None, kind: EntityType) -> bool:
    if operator is None:
        return True
    try:
        return choose(operator, kind).keep_last > 0
    except ConfigError:
        return True

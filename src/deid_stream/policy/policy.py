"""A customer's policy, as written and as compiled."""

from typing import Any, Final, Literal

import msgspec

from deid_stream.model.entities import ON_BY_DEFAULT, EntityType
from deid_stream.redact.operators.registry import OPERATORS
from deid_stream.units import Ms

AudioOperator = Literal["silence", "tone", "noise"]
Interims = Literal["none", "masked"]

TEXT_OPERATORS: Final = frozenset(OPERATORS)
"""Their names; ``mask:4`` leaves the last four digits of a long number."""
DEFAULT_OPERATOR: Final = "numbered"
DEFAULT_OPERATORS: Final = {entity_type: DEFAULT_OPERATOR for entity_type in EntityType if entity_type in ON_BY_DEFAULT}


class RetentionDays(msgspec.Struct, frozen=True):
    analytics: int = 90
    training: int = 365


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of ``customers.policies``. ``entities`` overrides the default operator of the types it names;
    ``keep`` leaves a type in. ``effective_from`` is record time, or an RFC 3339 date and time."""

    customer_id: str
    version: int | str
    training_opt_out: bool = False
    analytics: bool = True
    entities: dict[str, str] | Literal["default"] = "default"
    audio: AudioOperator = "silence"
    interims: Interims = "none"
    retention_days: RetentionDays = RetentionDays()
    region: str | None = None
    legal_hold: bool = False
    effective_from: Any = None
    languages: tuple[str, ...] | None = None
    """BCP 47 tags; None: the languages that the deployment has tables for."""
    allow: tuple[str, ...] = ()
    """Phrases that are never redacted, such as product names."""
    deny: tuple[str, ...] = ()
    """Phrases that are always redacted."""
    voice_disguise: bool = False


class CompiledPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy checked once and cheap to ask. Unknown customers get ``UNKNOWN``: analytics by the defaults, training
    never. ``training`` is what the policy asks for; ``Standing`` decides whether a record may go to training."""

    customer_id: str
    version: str
    analytics: bool
    training: bool
    operators: dict[EntityType, str]
    audio: AudioOperator
    interims: Interims
    retention_days: RetentionDays
    region: str | None = None
    legal_hold: bool = False
    effective_from_ms: Ms = 0
    languages: tuple[str, ...] | None = None
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    voice_disguise: bool = False

    def operator(self, entity_type: EntityType) -> str | None:
        """The text operator of a type; None: leave it in."""
        return self.operators.get(entity_type)


UNKNOWN: Final = CompiledPolicy(
    customer_id="",
    version="unknown",
    analytics=True,
    training=False,
    operators=DEFAULT_OPERATORS,
    audio="silence",
    interims="none",
    retention_days=RetentionDays(),
)

"""Compiles a written policy to one that can be applied. Everything is checked here, once; errors name what is wrong."""

import re
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec.structs import fields

from deid_stream.errors import ConfigError, PolicyError
from deid_stream.model.entities import EntityType
from deid_stream.policy.fields import unknown_fields
from deid_stream.policy.policy import DEFAULT_OPERATORS, TEXT_OPERATORS, UNKNOWN, CompiledPolicy, Policy
from deid_stream.policy.versions import order_of
from deid_stream.redact.operators.registry import KEEP, choose
from deid_stream.units import Ms


class _Said(msgspec.Struct):
    customer_id: Any = None
    training_opt_out: Any = False
    legal_hold: Any = False


_decoder = msgspec.json.Decoder(Policy)
_said = msgspec.json.Decoder(_Said)
_CHOICES = {field.name: get_args(field.type) for field in fields(Policy) if get_origin(field.type) is Literal}
_NO_OBJECT = re.compile(r"Expected `object`, got `\w+`")
_MAX_DAYS = 36_500
_MAX_PHRASES = 10_000
_MAX_LANGUAGES = 100
_LANGUAGE = re.compile("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")


def compile_policy(raw: bytes | Policy | None, *, strict: bool = False) -> CompiledPolicy:
    """Check and compile; None (no policy is known) gives ``UNKNOWN``. ``strict`` refuses every unknown field, and names
    it: for a policy that is being written. One that has been written may be of a later version, so there only a field
    that looks like a known one mistyped is refused.

    Raises PolicyError, which says what to mend and shows nothing of the policy but names of ours.
    """
    if raw is None:
        return UNKNOWN
    policy = raw if isinstance(raw, Policy) else _read(raw, strict)
    if not policy.customer_id:
        raise PolicyError("customer_id is empty; name the customer")
    order_of(policy.version)
    for name, days in (("analytics", policy.retention_days.analytics), ("training", policy.retention_days.training)):
        if not 0 <= days <= _MAX_DAYS:
            raise PolicyError(f"retention_days.{name} must be within 0 to {_MAX_DAYS}")
    if policy.region is not None and not (0 < len(policy.region) <= 32 and policy.region.isprintable()):
        raise PolicyError("region must be 1 to 32 printable characters, or left out")
    return CompiledPolicy(
        customer_id=policy.customer_id,
        version=str(policy.version),
        analytics=policy.analytics,
        training=not policy.training_opt_out,
        operators=_operators(policy.entities),
        audio=policy.audio,
        interims=policy.interims,
        retention_days=policy.retention_days,
        region=policy.region,
        legal_hold=policy.legal_hold,
        effective_from_ms=_effective_from_ms(policy.effective_from),
        languages=_languages(policy.languages),
        allow=_phrases("allow", policy.allow),
        deny=_phrases("deny", policy.deny),
        voice_disguise=policy.voice_disguise,
    )


class Said(NamedTuple):
    """The fields of a policy record that count even where the rest of it cannot be applied."""

    opt_out: bool = False
    hold: bool = False


def says(raw: bytes, customer_id: str) -> Said:
    """Whether ``training_opt_out`` and ``legal_hold`` can be read and are true, whatever is wrong with the rest, unless
    the record names another customer."""
    try:
        found = _said.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Said()
    if found.customer_id not in (None, customer_id):
        return Said()
    return Said(found.training_opt_out is True, found.legal_hold is True)


def _read(raw: bytes, strict: bool) -> Policy:
    try:
        policy = _decoder.decode(raw)
        msgspec.json.decode(
            raw
        )  # unknown fields are ignored above, but commands that show or change a policy read all of it
    except msgspec.ValidationError as error:
        # msgspec quotes a wrong enumeration member, and the key of an object: neither may be repeated
        _, _, path = str(error).rpartition(" - at ")
        where = path.strip("`").removeprefix("$.") if path.startswith("`$.") and "[" not in path else "the policy"
        if "missing required field" in str(error):
            raise PolicyError("customer_id and version are needed") from None
        if _NO_OBJECT.fullmatch(str(error)):
            raise PolicyError("the policy is not a JSON object") from None
        if choices := _CHOICES.get(where):
            raise PolicyError(f"{where} must be {' or '.join(choices)}") from None
        raise PolicyError(f"{where} has a value that is not allowed; see docs/policies.md") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PolicyError("the policy is not a JSON object") from None
    for field in unknown_fields(raw):
        if strict:
            shown = field.name[:64] if field.name.isascii() and field.name.isprintable() else "a name"
            raise PolicyError(f"{shown} is no field of a policy; did you mean {field.nearest}?")
        if field.mistaken:
            raise PolicyError(f"an unknown field; did you mean {field.nearest}? The record counts as unreadable")
    return policy


def _operators(entities: dict[str, str] | str) -> dict[EntityType, str]:
    """Defaults, overridden type by type; what is kept has no operator."""
    if isinstance(entities, str):
        return DEFAULT_OPERATORS
    operators = dict(DEFAULT_OPERATORS)
    for name, operator in entities.items():
        try:
            entity_type = EntityType(name)
        except ValueError:
            raise PolicyError("entities names an unknown type; see docs/policies.md for the list") from None
        if operator.partition(":")[0] not in TEXT_OPERATORS:
            raise PolicyError(f"entities.{entity_type} must be one of {', '.join(sorted(TEXT_OPERATORS))}")
        try:
            choose(operator, entity_type)
        except ConfigError as error:
            raise PolicyError(f"entities.{entity_type}: {error}") from None
        operators[entity_type] = operator
    return {entity_type: operator for entity_type, operator in operators.items() if operator != KEEP}


def _effective_from_ms(value: object) -> Ms:
    mend = "effective_from must be milliseconds since the epoch, or an RFC 3339 date and time with its offset"
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if not isinstance(value, str):
        raise PolicyError(mend)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise PolicyError(mend) from None
    if moment.tzinfo is None:
        raise PolicyError(mend)
    return int(moment.timestamp() * 1000)


def _languages(tags: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if tags is None:
        return None
    if len(tags) > _MAX_LANGUAGES or not all(_LANGUAGE.fullmatch(tag) for tag in tags):
        raise PolicyError("languages must be BCP 47 tags, for example en or hi-Latn")
    return tuple(sorted({tag.casefold() for tag in tags}))


def _phrases(name: str, phrases: tuple[str, ...]) -> tuple[str, ...]:
    if len(phrases) > _MAX_PHRASES:
        raise PolicyError(f"{name} holds more than {_MAX_PHRASES} phrases")
    if not all(phrase.strip() for phrase in phrases):
        raise PolicyError(f"{name} holds an empty phrase")
    return tuple(sorted({" ".join(phrase.split()) for phrase in phrases}))

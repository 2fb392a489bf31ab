"""Finds the operator that a policy names, for ``mask`` with the number of digits that it keeps (``mask:4``)."""

from functools import lru_cache
from typing import Final, NamedTuple

from deid_stream.errors import ConfigError
from deid_stream.model.spans import Span
from deid_stream.redact.operators.base import Operator, masked
from deid_stream.redact.operators.keep import Keep
from deid_stream.redact.operators.keyed_hash import KeyedHash
from deid_stream.redact.operators.label import Label
from deid_stream.redact.operators.mask import Mask
from deid_stream.redact.operators.numbered import Numbered
from deid_stream.redact.operators.pseudonym import Pseudonym
from deid_stream.redact.operators.remove import Remove
from deid_stream.redact.operators.surrogate import Surrogate

__all__ = ["KEEP", "OPERATORS", "Chosen", "Operator", "choose", "masked", "replacement"]

OPERATORS: Final[dict[str, Operator]] = {
    operator.name: operator
    for operator in (Label(), Numbered(), Mask(), KeyedHash(), Pseudonym(), Surrogate(), Remove(), Keep())
}
KEEP: Final = Keep.name


class Chosen(NamedTuple):
    """An operator as a policy writes it."""

    operator: Operator
    keep_last: int


@lru_cache(maxsize=256)
def choose(written: str, entity_type: str) -> Chosen:
    """``written`` is an operator's name, for mask with ``:N``. Raises ConfigError where there is none of that name, or
    it may not be used for the type."""
    name, colon, argument = written.partition(":")
    operator = OPERATORS.get(name)
    if operator is None or (colon and (name != Mask.name or not argument.isdecimal())):
        raise ConfigError(f"no operator of that name; there are {', '.join(sorted(OPERATORS))} and mask:N")
    keep_last = int(argument) if colon else 0
    if isinstance(operator, Mask):
        operator.validate({"entity_type": entity_type, "keep_last": keep_last})
    return Chosen(operator, keep_last)


def replacement(value: str, span: Span, written: str, key: bytes) -> str:
    """The replacement for ``value``. ``key`` is the customer's key for pseudonyms."""
    chosen = choose(written, span.entity_type)
    params = {
        "entity_type": str(span.entity_type),
        "value_id": span.value_id,
        "key": key,
        "keep_last": chosen.keep_last,
    }
    return chosen.operator.operate(value, params)

"""What stands in the place of a redacted value. An operator sees the value once and keeps nothing of it."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from deid_stream.errors import ConfigError
from deid_stream.model.spans import Span

Operator = Callable[[str, Span, bytes], str]
"""Value, its span and the digest key to the text that replaces it."""

_PSEUDONYM_BYTES = 6


def label(value: str, span: Span, key: bytes) -> str:
    """``[PERSON]``: the type alone."""
    return f"[{span.entity_type}]"


def numbered(value: str, span: Span, key: bytes) -> str:
    """``[PERSON_2]``: the same value of a call has the same number."""
    return f"[{span.entity_type}_{span.value_id}]" if span.value_id else label(value, span, key)


def masked(text: str) -> str:
    """Every letter and digit becomes ``*``; the shape stays."""
    return "".join("*" if character.isalnum() else character for character in text)


def mask(value: str, span: Span, key: bytes) -> str:
    """The value's shape (``masked``)."""
    return masked(value)


def remove(value: str, span: Span, key: bytes) -> str:
    """Nothing."""
    return ""


def pseudonym(value: str, span: Span, key: bytes) -> str:
    """``[PERSON:1f2e3d4c5b6a]``: a keyed digest (HMAC-SHA-256, RFC 2104), the same across calls under one key."""
    normal = "".join(character for character in value.casefold() if character.isalnum())
    digest = hmac.new(key, f"{span.entity_type}:{normal}".encode(errors="surrogatepass"), hashlib.sha256).digest()
    return f"[{span.entity_type}:{digest[:_PSEUDONYM_BYTES].hex()}]"


OPERATORS: Final[dict[str, Operator]] = {
    "label": label,
    "numbered": numbered,
    "mask": mask,
    "remove": remove,
    "pseudonym": pseudonym,
}


def operator(name: str) -> Operator:
    """The operator of that name; ConfigError when there is none."""
    try:
        return OPERATORS[name]
    except KeyError:
        raise ConfigError(f"no text operator of that name; there are {', '.join(sorted(OPERATORS))}") from None

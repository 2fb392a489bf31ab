"""The interface of an operator. It is that of presidio-anonymizer, so that these classes can be used there too
(``OperatorsFactory.add_anonymize_operator``). An operator sees a value once and keeps nothing of it."""

import hmac
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from deid_stream.errors import ConfigError

Params = Mapping[str, object]
"""``entity_type``, and by operator ``value_id`` (numbered), ``key`` (bytes: hash, pseudonym, surrogate), ``keep_last``
(mask)."""

_MIN_KEY_BYTES: Final = 16


class Operator(ABC):
    """``name`` is what a policy calls it."""

    name: ClassVar[str]

    @abstractmethod
    def operate(self, text: str, params: Params | None = None) -> str:
        """The replacement for ``text``, a whole value."""

    def validate(self, params: Params | None = None) -> None:
        """Raises ConfigError where a parameter is missing or wrong."""
        if params is not None and not isinstance(params, Mapping):
            raise ConfigError(f"the parameters of {self.name} must be given by name")

    def operator_name(self) -> str:
        return self.name

    def operator_type(self) -> Literal["Anonymize"]:
        return "Anonymize"


class KeyedOperator(Operator):
    """An operator whose replacements depend on ``key``: a value has the same replacement under the same key, and
    another one under any other key."""

    def validate(self, params: Params | None = None) -> None:
        key = (params or {}).get("key")
        if not isinstance(key, bytes) or len(key) < _MIN_KEY_BYTES:
            raise ConfigError(f"the operator {self.name} needs key, at least {_MIN_KEY_BYTES} bytes")

    def digest(self, text: str, params: Params | None) -> bytes:
        """HMAC-SHA-256 (RFC 2104) of the type and the normalised value, so that "Ann Lee" and "ann lee" agree."""
        self.validate(params)
        key = (params or {})["key"]
        assert isinstance(key, bytes)  # noqa: S101 - validated
        message = f"{entity_type(params)}:{normalised(text)}".encode("utf-8", "surrogatepass")
        return hmac.digest(key, message, "sha256")


def entity_type(params: Params | None) -> str:
    """The type of the value; ``VALUE`` where nobody said."""
    return str((params or {}).get("entity_type") or "VALUE")


def normalised(text: str) -> str:
    """The letters and digits of a value, without case: the same for all spellings of it. Not ``tokens.fold``: to change
    this is to change every pseudonym that a deployment has published."""
    return "".join(character for character in text.casefold() if character.isalnum())


def masked(text: str) -> str:
    """Every letter and digit becomes ``*``; the shape stays."""
    return "".join("*" if character.isalnum() else character for character in text)

"""A name that nobody knows: said with those that may be meant."""

from collections.abc import Iterable

from deid_stream.errors import ConfigError
from deid_stream.model.near import near_names


def is_meant(near: Iterable[str]) -> str:
    """A question after the nearest names; empty where there is none."""
    names = " or ".join(near)
    return f"is {names} meant?" if names else ""


def unknown(what: str, name: str, known: Iterable[str]) -> ConfigError:
    """To be raised. ``what`` says what there is none of, ``known`` are the names that there are."""
    return ConfigError(f"{what} {name}; " + (is_meant(near_names(name, known)) or "check the name"))

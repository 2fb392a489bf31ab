"""The error for an unknown name, with the known names that may be meant."""

from collections.abc import Iterable

from deid_stream.errors import ConfigError
from deid_stream.model.near import near_names


def is_meant(near: Iterable[str]) -> str:
    """A question whether one of the nearest names is meant; empty where there is none."""
    names = " or ".join(near)
    return f"is {names} meant?" if names else ""


def unknown(what: str, name: str, known: Iterable[str]) -> ConfigError:
    """The error to raise. ``what`` says what does not exist under ``name``; ``known`` are the names that do exist."""
    return ConfigError(f"{what} {name}; " + (is_meant(near_names(name, known)) or "check the name"))

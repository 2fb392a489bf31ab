"""A name that nobody knows: said with those that may be meant."""

import difflib
from collections.abc import Iterable
from typing import Final

from deid_stream.errors import ConfigError

_SHOWN: Final = 3
_ALIKE: Final = 0.6
"""Of ``difflib``'s ratio. Smaller: names that nobody meant; larger: a swapped word is no longer found."""


def unknown(what: str, name: str, known: Iterable[str]) -> ConfigError:
    """To be raised. ``what`` says what there is none of, ``known`` are the names that there are."""
    near = difflib.get_close_matches(name, sorted(known), _SHOWN, _ALIKE)
    return ConfigError(f"{what} {name}" + (f"; is {' or '.join(near)} meant?" if near else "; check the name"))

"""Known names that somebody may have meant by one that nobody knows."""

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Final

_SHOWN: Final = 3
_ALIKE: Final = 0.6
"""Of ``difflib``'s ratio. Smaller: names that nobody meant; larger: a swapped word is no longer found."""
_COMPARED: Final = 50_000
"""Names, of which each takes some microseconds. More: the wait is felt; fewer: the right one may not be among them."""


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of the known names, the nearest first; none where nothing is like it."""
    return difflib.get_close_matches(name, sorted(set(islice(known, _COMPARED)) - {name}), _SHOWN, _ALIKE)

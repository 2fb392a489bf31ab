"""Finds the known names that may have been meant by an unknown one."""

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Final

_SHOWN: Final = 3
_ALIKE: Final = 0.6
"""Least ratio of ``difflib`` for a name to count as near. Smaller: names are proposed that nobody meant; larger: a name
with swapped words is no longer found."""
_COMPARED: Final = 50_000
"""Most names that are compared, each in some microseconds. More: the user waits noticeably; fewer: the right name may
not be among them."""


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of the known names, the nearest first; none where nothing is like it."""
    return difflib.get_close_matches(name, sorted(set(islice(known, _COMPARED)) - {name}), _SHOWN, _ALIKE)

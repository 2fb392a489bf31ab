"""Finds the items that two sequences have in common, in order. The work grows in proportion to their length, however
little they agree.

Equal ends first; between them the items that occur once on either side (patience diff, Bram Cohen); what is left
between those in full where it is short. Long stretches without such a landmark stay unmatched: whoever asks must then
take them for different.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Final

_FULL_PER_ITEM: Final = 24
"""Comparisons an item of a stretch without landmarks may cost; a larger value finds more of the longest repetitions."""
_FULL_AT_LEAST: Final = 4_096
_MAX_DEPTH: Final = 8

Pair = tuple[int, int]


def matches(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[Pair]:
    """Pairs ``(i, j)`` with ``left[i] == right[j]``, both strictly ascending."""
    found: list[Pair] = []
    _match(left, right, (0, len(left)), (0, len(right)), found, _MAX_DEPTH)
    return found


def _match(
    left: Sequence[Hashable], right: Sequence[Hashable], a: Pair, b: Pair, found: list[Pair], depth: int
) -> None:
    (low, high), (first, last) = a, b
    while low < high and first < last and left[low] == right[first]:
        found.append((low, first))
        low, first = low + 1, first + 1
    tail = 0
    while low < high - tail and first < last - tail and left[high - tail - 1] == right[last - tail - 1]:
        tail += 1
    high, last = high - tail, last - tail
    if low < high and first < last:
        landmarks = _landmarks(left, right, (low, high), (first, last)) if depth else []
        if landmarks:
            for i, j in landmarks:
                _match(left, right, (low, i), (first, j), found, depth - 1)
                found.append((i, j))
                low, first = i + 1, j + 1
            _match(left, right, (low, high), (first, last), found, depth - 1)
        elif (high - low) * (last - first) <= max(_FULL_AT_LEAST, _FULL_PER_ITEM * (high - low + last - first)):
            found += _longest(left, right, (low, high), (first, last))
    end_left, end_right = a[1], b[1]
    found += [(end_left - at, end_right - at) for at in range(tail, 0, -1)]


def _landmarks(left: Sequence[Hashable], right: Sequence[Hashable], a: Pair, b: Pair) -> list[Pair]:
    """Items that occur once on either side, as the longest run of them that ascends on both."""
    here = range(*a)
    there = range(*b)
    left_count = Counter(left[i] for i in here)
    right_count = Counter(right[j] for j in there)
    where = {right[j]: j for j in there}
    pairs = [(i, where[left[i]]) for i in here if left_count[left[i]] == 1 and right_count.get(left[i]) == 1]
    ends: list[int] = []
    at_end: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        place = bisect_left(ends, j)
        before.append(at_end[place - 1] if place else -1)
        ends[place : place + 1] = [j]
        at_end[place : place + 1] = [number]
    chain: list[Pair] = []
    number = at_end[-1] if at_end else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _longest(left: Sequence[Hashable], right: Sequence[Hashable], a: Pair, b: Pair) -> list[Pair]:
    """A longest common subsequence, in full."""
    (low, high), (first, last) = a, b
    width = last - first
    best = [[0] * (width + 1) for _ in range(high - low + 1)]
    for i in range(high - low - 1, -1, -1):
        row, below, item = best[i], best[i + 1], left[low + i]
        for j in range(width - 1, -1, -1):
            row[j] = below[j + 1] + 1 if item == right[first + j] else max(below[j], row[j + 1])
    found: list[Pair] = []
    i = j = 0
    while i < high - low and j < width:
        if left[low + i] == right[first + j]:
            found.append((low + i, first + j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return found

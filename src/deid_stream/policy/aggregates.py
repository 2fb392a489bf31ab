"""Counts of a time window by customer and for the deployment, published so that nobody can compute a small cell.

A *cell* is one number of one customer in one window. A cell in which 1 to ``threshold - 1`` calls are counted is
*small*: it could tell about a person, and is not published (None). Its column's total would give it away as what is
missing, so more cells go with it (*complementary suppression*) until whoever knows every published number, this
algorithm, and even which of the hidden cells are small, is still left with every value from 1 to ``threshold - 2`` for
each small one.

Two rules make that hold, and the property tests try to break it by enumeration:

- which cells go with the small ones follows from their customers' names and the window, never from the numbers;
- whether enough have gone follows from what everybody can add up (how many are hidden, and their sum), so that
  the decision itself tells nothing. Where all of a column is hidden and it is still not enough, its total goes too.

Publish a window once, when it is closed, and windows of one length only: the difference between two versions of a
window, or between a day and its hours, is a cell too. Give a customer its own row and the deployment's, not the
table: a customer knows its own numbers.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from deid_stream.units import Ms

THRESHOLD: Final = 10
"""Fewest calls in a published cell. Larger: more is hidden; smaller: a cell tells more of each call in it."""
MIN_THRESHOLD: Final = 4
"""Below it a hidden cell would have a single possible value."""
_MINUTE_MS: Final = 60_000
_MAX_MINUTES: Final = 120
_MAX_VALUES: Final = 50
"""The most by which one call can change a noisy number; larger contributions count as this. Larger: more noise for the
same epsilon."""
_NUMBERS: Final = 5
"""Kinds of numbers that one call is in (calls, minutes, values, withheld, opt-out), ..."""
_ROWS: Final = 2
"""Each of these numbers is in the customer's row and in the deployment's, so they share the epsilon."""


class CallFacts(msgspec.Struct, frozen=True):
    """What one closed call adds to its window. It holds nothing that was said in the call."""

    customer_id: str
    duration_ms: Ms
    values: Mapping[str, int] = {}
    """Redacted values by entity type."""
    withheld: int = 0
    """Records that did not leave."""
    opted_out: bool = False
    """Its customer allowed no training."""


class Count(msgspec.Struct, frozen=True, array_like=True):
    """``total`` things in ``calls`` calls."""

    calls: int = 0
    total: int = 0

    def plus(self, number: int) -> "Count":
        return Count(self.calls + 1, self.total + number) if number > 0 else self


class Tally(msgspec.Struct, frozen=True):
    """One customer's calls of one window so far: for a table that survives restarts. Immutable."""

    calls: int = 0
    duration_ms: Ms = 0
    values: Mapping[str, Count] = {}
    withheld: Count = Count()
    opted_out: int = 0

    def plus(self, call: CallFacts) -> "Tally":
        """With one more call. What one call adds is capped, so that the noise can be said to cover it."""
        values = dict(self.values)
        left = _MAX_VALUES
        for kind, number in sorted(call.values.items()):
            taken = min(number, left)
            left -= max(0, taken)
            if taken > 0:
                values[kind] = values.get(kind, Count()).plus(taken)
        return Tally(
            calls=self.calls + 1,
            duration_ms=self.duration_ms + max(0, min(call.duration_ms, _MAX_MINUTES * _MINUTE_MS)),
            values=values,
            withheld=self.withheld.plus(min(call.withheld, _MAX_VALUES)),
            opted_out=self.opted_out + call.opted_out,
        )


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What is published of a customer, or of the deployment. None: hidden, because it is small or goes with what is."""

    calls: int | None
    minutes: int | None
    values: dict[str, int | None]
    """By entity type, every type that any customer had in the window."""
    withheld: int | None
    opt_out_share: float | None
    """Share of calls without training, two decimals. The deployment's is of the customers whose own is published."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    window_start_ms: Ms
    threshold: int
    epsilon: float | None
    """For one call, over all numbers it is in; None: no noise. Which cells are hidden is not covered by it."""
    customers: dict[str, Row]
    deployment: Row


class Noise(NamedTuple):
    """Laplace noise. ``epsilon`` > 0 is for one call and everything that is published of its window; ``uniform`` gives
    numbers in [0, 1), and must give the same ones when the same window is made again (a fresh draw each time could be
    averaged away)."""

    epsilon: float
    uniform: Callable[[], float]

    def on(self, number: int, per_call: int) -> int:
        """``number`` with noise, whole and not negative, where one call changes it by up to ``per_call``."""
        scale = per_call * _NUMBERS * _ROWS / self.epsilon
        u = self.uniform() - 0.5
        size = -math.log(max(1 - 2 * abs(u), 1e-300))
        return max(0, round(number + math.copysign(scale * size, u)))


def window_start(time_ms: Ms, length_ms: Ms) -> Ms:
    """Start of the window that holds the moment; windows begin at multiples of their length since the epoch."""
    return time_ms - time_ms % length_ms


def publish(
    tallies: Mapping[str, Tally], window_start_ms: Ms, *, threshold: int = THRESHOLD, noise: Noise | None = None
) -> Published:
    """The rows of a closed window. Raises ValueError for a threshold below 4 or an epsilon that is not above 0."""
    if threshold < MIN_THRESHOLD:
        raise ValueError(f"a threshold below {MIN_THRESHOLD} hides nothing")
    if noise is not None and not noise.epsilon > 0:
        raise ValueError("epsilon must be above 0")
    names = sorted((name for name, tally in tallies.items() if tally.calls), key=lambda n: _rank(window_start_ms, n))
    tell = _Teller(threshold, noise)
    calls = {name: Count(tallies[name].calls, tallies[name].calls) for name in names}
    few = {name for name in names if calls[name].calls < threshold}
    shown_calls = tell.column(calls, few, per_call=1, capped=True)
    minutes = _minutes(tallies, shown_calls, tell)
    withheld = tell.column({name: tallies[name].withheld for name in names}, few, per_call=_MAX_VALUES)
    kinds = sorted({kind for name in names for kind in tallies[name].values})
    values = {
        kind: tell.column({n: tallies[n].values.get(kind, Count()) for n in names}, few, per_call=_MAX_VALUES)
        for kind in kinds
    }
    shares = tell.shares(tallies, shown_calls.cells)
    rows = {
        name: Row(
            calls=shown_calls.cells[name],
            minutes=minutes.cells[name],
            values={kind: values[kind].cells[name] for kind in kinds},
            withheld=withheld.cells[name],
            opt_out_share=shares.get(name),
        )
        for name in sorted(names)
    }
    return Published(
        window_start_ms=window_start_ms,
        threshold=threshold,
        epsilon=None if noise is None else noise.epsilon,
        customers=rows,
        deployment=Row(
            calls=shown_calls.total,
            minutes=minutes.total,
            values={kind: values[kind].total for kind in kinds},
            withheld=withheld.total,
            opt_out_share=shares.get(None),
        ),
    )


class _Column(NamedTuple):
    cells: dict[str, int | None]
    total: int | None


def _minutes(tallies: Mapping[str, Tally], calls: _Column, tell: "_Teller") -> _Column:
    """Whole minutes, hidden where the calls are."""
    whole = {name: round(tallies[name].duration_ms / _MINUTE_MS) for name in calls.cells}
    hidden = sum(whole[name] for name, shown in calls.cells.items() if shown is None)
    # where hidden customers have next to no minutes, the total would say so of each of them
    told = calls.total is not None and (hidden >= tell.threshold or all(n is not None for n in calls.cells.values()))
    return _Column(
        {n: None if shown is None else tell.number(whole[n], _MAX_MINUTES) for n, shown in calls.cells.items()},
        tell.number(sum(whole.values()), _MAX_MINUTES) if told else None,
    )


class _Teller(NamedTuple):
    threshold: int
    noise: Noise | None

    def number(self, number: int, per_call: int) -> int:
        return number if self.noise is None else self.noise.on(number, per_call)

    def column(self, cells: Mapping[str, Count], few: set[str], *, per_call: int, capped: bool = False) -> _Column:
        """``few``: customers with few calls, of whom nothing is told, not even a nought. ``capped``: a small cell's
        total is its number of calls, so everybody knows that it is below the threshold. ``cells`` come in the order in
        which they are hidden."""
        small = [n for n, cell in cells.items() if n in few or 0 < cell.calls < self.threshold]
        hidden = set(small)
        missing = sum(cells[n].total for n in small)
        enough = not small or self._small_only(len(small), missing, capped=capped)
        others = (n for n, cell in cells.items() if cell.calls >= self.threshold and n not in hidden)
        added = 0
        while not enough and (name := next(others, None)) is not None:
            hidden.add(name)
            added += 1
            missing += cells[name].total
            # what is left for one small cell if each added one has as little as it can, and each other small one too
            enough = missing >= self.threshold * added + len(small) + self.threshold - 2
        return _Column(
            {n: None if n in hidden else self.number(cell.total, per_call) for n, cell in cells.items()},
            self.number(sum(cell.total for cell in cells.values()), per_call) if enough else None,
        )

    def _small_only(self, count: int, missing: int, *, capped: bool) -> bool:
        """Whether the sum of small cells alone leaves each of them every value."""
        if count < 2 or missing < count + self.threshold - 2:
            return False
        return not capped or missing <= (self.threshold - 1) * (count - 1) + 1

    def shares(self, tallies: Mapping[str, Tally], shown: Mapping[str, int | None]) -> dict[str | None, float]:
        """By customer, and under None of all who have one: what is hidden is in no share, so none gives it away.
        ``shown`` is what is told of their calls."""
        told: dict[str | None, float] = {}
        calls = opted_out = 0
        for name, whole in shown.items():
            tally = tallies[name]
            parts = (tally.opted_out, tally.calls - tally.opted_out)
            if whole and all(part == 0 or part >= self.threshold for part in parts):
                part = min(self.number(tally.opted_out, 1), whole)
                told[name] = round(part / whole, 2)
                calls, opted_out = calls + whole, opted_out + part
        if calls:
            told[None] = round(opted_out / calls, 2)
        return told


def _rank(window_start_ms: Ms, name: str) -> bytes:
    """An order of the customers that does not depend on their numbers and differs from window to window."""
    return hashlib.blake2b(f"{window_start_ms}/{name}".encode("utf-8", "surrogatepass"), digest_size=16).digest()

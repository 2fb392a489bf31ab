"""Which sound is that of words, and which sounds before and after it, over longer pauses."""

from bisect import bisect_right
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.hold.reader import FRAME_MS
from deid_stream.units import Interval

_NEXT_PAUSE_MS: Final = 400
"""Sound after a longer pause than this belongs to something else than the words before it. A larger value takes what
somebody says next for a part of the words, and silences more; a smaller one parts what was said in one go."""
_SOFT_BETWEEN_MS: Final = 1_200
"""What sounds softly for no longer, with the pauses about it, is a part of what is said before and after it. A larger
value takes the voice of somebody else, heard softly, for a bridge to what is said after that: values are then silenced
widely. A smaller one takes the words before a softly said value for something else."""


class Nearby(NamedTuple):
    """What sounds where words are stated, and the sound before and after that, over longer pauses; None for none."""

    before: Interval | None
    there: Interval | None
    after: Interval | None


def connected(sounding: NDArray[np.bool_], audible: NDArray[np.bool_], window: Interval, extent: Interval) -> Nearby:
    """The sound from where the words are stated outward, over pauses of words; all there is where none is there. What
    is said softly between two words, and not for long, is no pause."""
    loud = np.flatnonzero(sounding)
    frames = loud * FRAME_MS + window.start
    if not len(frames):
        return Nearby(None, None, None)
    first, stop = frames.searchsorted(extent).tolist()
    if first == stop:
        return Nearby(None, Interval(int(frames[0]), int(frames[-1]) + FRAME_MS), None)
    # few sounds are so far apart that the pause between them may be a long one
    afar = np.flatnonzero(frames[1:] - frames[:-1] > _NEXT_PAUSE_MS).tolist()
    apart = [at + 1 for at in afar if _parted(audible, *loud[at : at + 2].tolist())]
    borders = [0, *apart, len(frames)]
    parts = [Interval(int(frames[a]), int(frames[b - 1]) + FRAME_MS) for a, b in pairwise(borders)]
    here = bisect_right(borders, first) - 1
    last = bisect_right(borders, stop - 1)
    return Nearby(
        parts[here - 1] if here else None,
        Interval(parts[here].start, parts[last - 1].end),
        parts[last] if last < len(parts) else None,
    )


def _parted(audible: NDArray[np.bool_], before: int, after: int) -> bool:
    """Whether a pause parts the sounds of two frames, between which none is loud."""
    quiet = after - before - 1 - int(np.count_nonzero(audible[before + 1 : after]))
    return quiet * FRAME_MS >= _NEXT_PAUSE_MS or (after - before) * FRAME_MS > _SOFT_BETWEEN_MS

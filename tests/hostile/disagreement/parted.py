"""Segments of a word each, or of a few, as some recognisers give them."""

import random
from collections.abc import Sequence
from itertools import groupby

import msgspec

from deid_stream.model.events import Segment, Word
from tests.hostile.disagreement.cases import Case
from tests.hostile.disagreement.values import bare, read_in
from tests.support.made_calls import EPOCH_MS

_PART = "/"
"""The parts of a segment have its id, this sign and a number."""
_LAG_MS = 300
_LONGEST_MS = 10_000
"""A turn of segments ends after 12 s, also within a number."""
_RIGHT_MS = 100
_LEAST_SHARE = 0.8
"""Of the time that is taken. Words that are stated in less of it do not show how late they are in parts."""


def short_segments(case: Case, rng: random.Random) -> None:
    """Every word, or a few, is a segment, and all of these may be early or late, by 800 ms at most.

    Only where the words say all of a value or nothing of it; what comes again would stand between the words of a
    value, and stays away.
    """
    sizes = rng.choice(((1,), (1, 2, 3), (1, 2, 5)))
    off_ms = rng.choice((0, 0, *range(-800, 801, 100)))
    last = {segment.segment_id: segment for segment in case.segments}
    parted = {name: segment for name, segment in last.items() if _may_be_parted(case, segment)}
    made = [
        segment for segment in case.segments if segment.segment_id not in parted and "again" not in segment.segment_id
    ]
    for name, segment in parted.items():
        at, stated_ms = 0, min(word.start_ms or 0 for word in segment.words)
        moved_ms = off_ms if abs(stated_ms - segment.start_ms) < _RIGHT_MS else 0
        while at < len(segment.words):
            words = segment.words[at : at + rng.choice(sizes)]
            at += len(words)
            made.append(_part(segment, words, f"{name}{_PART}{at}", moved_ms))
    case.segments[:] = sorted(made, key=lambda segment: segment.time_ms)


def _part(segment: Segment, words: Sequence[Word], segment_id: str, off_ms: int) -> Segment:
    moved = tuple(
        msgspec.structs.replace(
            word, start_ms=max(0, (word.start_ms or 0) + off_ms), end_ms=max(0, (word.end_ms or 0) + off_ms)
        )
        for word in words
    )
    start_ms, end_ms = min(word.start_ms or 0 for word in moved), max(word.end_ms or 0 for word in moved)
    return msgspec.structs.replace(
        segment, segment_id=segment_id, text=" ".join(word.text for word in words), words=moved, start_ms=start_ms,
        end_ms=end_ms, revision=0, time_ms=EPOCH_MS + end_ms + _LAG_MS,
    )  # fmt: skip


def _may_be_parted(case: Case, segment: Segment) -> bool:
    times = [(word.start_ms or 0, word.end_ms or 0) for word in segment.words]
    if segment.channel or "again" in segment.segment_id or not all(start < end for start, end in times):
        return False
    said = [word for word in case.said if segment.start_ms <= word.start_ms < segment.end_ms]
    if not said or not times:
        return False
    length_ms = max(end for _, end in times) - min(start for start, _ in times)
    if not _LEAST_SHARE * (said[-1].end_ms - said[0].start_ms) <= length_ms <= _LONGEST_MS:
        return False
    # a value that is joined with another word, or split, is found in no turn
    text = f" {' '.join(bare(word.text) for word in segment.words)} "
    return all(
        f" {value} " in text or not (read_in(value, [text]) or any(f" {part} " in text for part in value.split()))
        for value in case.values
    )


def whole(segments: Sequence[Segment]) -> list[Segment]:
    """The segments, the parts of one put together: what they say is one line of words."""
    found: list[Segment] = []
    for _, parts in groupby(sorted(segments, key=_origin), key=_origin):
        first, *others = parts
        if not others or _PART not in first.segment_id:
            found += [first, *others]
            continue
        words = tuple(word for part in (first, *others) for word in part.words)
        end_ms = max(part.end_ms for part in (first, *others))
        found.append(msgspec.structs.replace(first, words=words, end_ms=end_ms))
    return found


def _origin(segment: Segment) -> tuple[str, int]:
    """What a part is of, on which channel."""
    return segment.segment_id.partition(_PART)[0], segment.channel

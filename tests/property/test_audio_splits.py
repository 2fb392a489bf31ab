"""Law 1 again, by a library that is not ours: a channel's bytes in any split come out as in one piece."""

from collections.abc import Iterable, Iterator

import msgspec
from chunk_invariance import assert_chunk_invariant

from deid_stream.units import FOREVER_MS
from tests.support.made_calls import EPOCH_MS, audio_chunks, ended, make_timeline, segments, started
from tests.support.run_session import feed, new_session

CALL = make_timeline(3, turns=3, channels=1)
(WHOLE,) = audio_chunks(CALL, [CALL.duration_ms])
BYTES_PER_MS = 8


def streamed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """One session fed with these pieces as chunks, each as soon as its sound is over."""
    events = [started(CALL), *segments(CALL, [3]), ended(CALL)]
    at_ms = 0
    for seq, data in enumerate(pieces):
        end_ms = at_ms + len(data) // BYTES_PER_MS
        events.append(msgspec.structs.replace(WHOLE, seq=seq, offset_ms=at_ms, data=data, time_ms=EPOCH_MS + end_ms))
        at_ms = end_ms
    session = new_session(CALL.call_id)
    left = feed(session, sorted(events, key=lambda event: event.time_ms))
    session.advance(FOREVER_MS)
    yield left.sound()[0]


def whole(data: bytes) -> bytes:
    return b"".join(streamed([data]))


def test_every_split_at_a_step_of_97_ms_gives_the_same_bytes() -> None:
    cuts = range(97 * BYTES_PER_MS, len(WHOLE.data), 97 * BYTES_PER_MS)
    splits = [[WHOLE.data[:cut], WHOLE.data[cut:]] for cut in cuts]
    splits += [
        [WHOLE.data[at : at + size] for at in range(0, len(WHOLE.data), size)] for size in (160, 800, 1_304, 8_000)
    ]
    assert assert_chunk_invariant(streamed, whole, WHOLE.data, splits=splits) == len(splits)
    assert whole(WHOLE.data) != WHOLE.data

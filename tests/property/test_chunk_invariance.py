"""Laws 1, 4, 6 and 7 of the session: cuts, interleavings, repeats and restarts change nothing of what leaves."""

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deid_stream.model.events import Event
from deid_stream.session.call import CallSession, Positions
from deid_stream.session.settings import SessionSettings
from deid_stream.units import FOREVER_MS
from tests.support.made_calls import SecretDetector, Timeline, audio_chunks, ended, make_timeline, segments, started
from tests.support.run_session import KEY, UNKNOWN, Left, feed, new_session

WHOLE = [100_000]


def topics(call: Timeline, audio_ms: list[int], words: list[int]) -> list[list[Event]]:
    return [[started(call), ended(call)], list(segments(call, words)), list(audio_chunks(call, audio_ms))]


def in_time_order(queues: list[list[Event]]) -> list[Event]:
    return sorted((event for queue in queues for event in queue), key=lambda event: event.time_ms)


def interleaved(queues: list[list[Event]], rng: Random) -> list[Event]:
    """Any order that keeps each topic's own."""
    waiting = [list(queue) for queue in queues]
    merged: list[Event] = []
    while any(waiting):
        queue = rng.choice([queue for queue in waiting if queue])
        merged += [queue.pop(0) for _ in range(min(len(queue), rng.randint(1, 12)))]
    return merged


def reference(call: Timeline) -> Left:
    return feed(new_session(call.call_id), in_time_order(topics(call, [1_000], WHOLE)))


cuts = st.lists(st.sampled_from([20, 40, 100, 130, 250, 1_000]), min_size=1, max_size=4)
words = st.lists(st.integers(1, 9), min_size=1, max_size=4)
seeds = st.integers(0, 500)


@given(seed=seeds, audio_ms=cuts, cut_words=words)
@settings(max_examples=40)
def test_cuts_change_nothing(seed: int, audio_ms: list[int], cut_words: list[int]) -> None:
    call = make_timeline(seed)
    whole = reference(call)
    left = feed(new_session(call.call_id), in_time_order(topics(call, audio_ms, cut_words)))
    assert left.sound() == whole.sound()
    assert left.clear_words() == whole.clear_words()


@given(seed=seeds, audio_ms=cuts, cut_words=words, order=st.integers(0, 10_000))
@example(seed=9, audio_ms=[1_000], cut_words=[1], order=0)  # a short last word, close to the one before, comes late
@settings(max_examples=40)
def test_interleavings_change_nothing(seed: int, audio_ms: list[int], cut_words: list[int], order: int) -> None:
    call = make_timeline(seed)
    queues = topics(call, audio_ms, cut_words)
    whole = reference(call)
    left = feed(new_session(call.call_id), interleaved(queues, Random(order)))
    assert left.sound() == whole.sound()
    assert left.clear_words() == whole.clear_words()


@given(seed=seeds, cut_words=words, order=st.integers(0, 10_000))
@settings(max_examples=30)
def test_repeats_change_nothing(seed: int, cut_words: list[int], order: int) -> None:
    call = make_timeline(seed)
    rng = Random(order)
    once = in_time_order(topics(call, [100], cut_words))
    twice = [event for event in once for _ in range(rng.choice([1, 1, 1, 2]))]
    left = feed(new_session(call.call_id), twice)
    single = feed(new_session(call.call_id), once)
    assert left.audio == single.audio
    assert left.segments == single.segments


@given(seed=seeds, audio_ms=cuts, cut_words=words, stops=st.lists(st.floats(0, 1), min_size=1, max_size=4))
@settings(max_examples=40)
def test_restarts_change_nothing(seed: int, audio_ms: list[int], cut_words: list[int], stops: list[float]) -> None:
    """Killed after a commit, restored from the checkpoint, fed again from the oldest records still needed."""
    call = make_timeline(seed)
    queues = topics(call, audio_ms, cut_words)
    events = in_time_order(queues)
    uninterrupted = feed(new_session(call.call_id), events)

    session = new_session(call.call_id)
    left = Left()
    begin = 0
    for stop in [*sorted(int(share * len(events)) for share in stops), len(events)]:
        left.take(feed(session, events[begin:stop], close=False).order)
        begin = stop
        seen = events[:stop]
        needed = session.needed_offsets()
        positions = Positions(
            transcripts=sum(event in queues[1] for event in seen), audio=sum(event in queues[2] for event in seen)
        )
        session = CallSession.restore(
            session.snapshot(),
            positions,
            detector=SecretDetector(),
            key=KEY,
            settings=SessionSettings(),
            policy=UNKNOWN,
        )
        again = [
            event
            for event in seen
            if (event in queues[1] and 0 <= needed.transcripts <= event.offset)
            or (event in queues[2] and 0 <= needed.audio <= event.offset)
        ]
        left.take(feed(session, again, close=False).order)
    session.advance(FOREVER_MS)
    left.take(session.outputs())
    assert left.audio == uninterrupted.audio
    assert left.segments == uninterrupted.segments
    assert left.summaries == uninterrupted.summaries


@pytest.mark.parametrize("seed", range(20))
def test_secrets_are_neither_heard_nor_read_and_the_rest_is_untouched(seed: int) -> None:
    call = make_timeline(seed)
    left = feed(new_session(call.call_id), in_time_order(topics(call, [100], [5])))
    raw = {channel: b"".join(c.data for c in audio_chunks(call, WHOLE) if c.channel == channel) for channel in (0, 1)}
    for channel, data in left.sound().items():
        assert channel is not None
        assert len(data) == len(raw[channel])
        near = bytearray(len(data))
        for start_ms, end_ms in call.secrets[channel]:
            assert set(data[start_ms * 8 : end_ms * 8]) == {0xFF}
            near[max(0, start_ms - 100) * 8 : (end_ms + 100) * 8] = b"\1" * (
                (end_ms - max(0, start_ms - 100) + 100) * 8
            )
        assert all(a == b for a, b, skip in zip(data, raw[channel], near, strict=False) if not skip)
    read = {text for _, _, text in left.clear_words()}
    assert not read & {"zorblax", "quuxley", "frobnitz"}

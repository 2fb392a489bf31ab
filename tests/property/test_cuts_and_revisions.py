"""Law 1 with the real detector: segments, revisions, interims, chunks and batches may be cut in any way."""

from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deid_stream.detect.detector import Detector
from deid_stream.model.events import Event, Segment, Word
from deid_stream.policy.policy import UNKNOWN
from deid_stream.session.call import CallSession
from deid_stream.session.settings import SessionSettings
from deid_stream.units import FOREVER_MS
from tests.support.made_calls import Timeline, audio_chunks, ended, segments, started
from tests.support.run_session import KEY, Left

DIALOGUES = (
    (
        "may i have your card number please",
        "yes it is four five three nine one four eight eight oh three four three six four six seven",
        "thank you and the name on the card",
        "anna bell",
    ),
    (
        "where do you live",
        "i live at twelve rose hill gardens in london",
        "and your date of birth",
        "the third of may nineteen eighty two",
        "the parcel will be there on monday",
    ),
    ("good morning", "my email is anna dot bell at example dot com and i paid forty two pounds", "let me look"),
)
DETECTOR = Detector.load()
WHOLE = [100_000]


def spoken(number: int, seed: int) -> Timeline:
    """The dialogue on a timeline: 150 to 350 ms a word, pauses between turns."""
    rng = Random(seed)
    noise = np.random.default_rng(seed)
    words: dict[int, list[Word]] = {0: [], 1: []}
    at_ms = 400
    for turn, text in enumerate(DIALOGUES[number]):
        for word in text.split():
            end_ms = at_ms + rng.randrange(150, 350, 10)
            words[turn % 2].append(Word(word, at_ms, end_ms, 0.9))
            at_ms = end_ms + rng.randrange(0, 120, 10)
        at_ms += rng.randrange(300, 2_200, 10)
    duration_ms = -(-(at_ms + 500) // 1_000) * 1_000
    signal = {}
    for channel, own in words.items():
        sound = np.zeros(duration_ms * 8, np.int16)
        for word in own:
            span = slice((word.start_ms or 0) * 8, (word.end_ms or 0) * 8)
            sound[span] = noise.integers(-8_000, 8_000, span.stop - span.start)
        signal[channel] = sound
    return Timeline("call-1", "acme", words, signal, duration_ms)


def cut_short(segment: Segment) -> Segment:
    """What the recogniser had a moment before."""
    words = segment.words[: max(1, len(segment.words) // 2)]
    text = " ".join(word.text for word in words)
    return msgspec.structs.replace(segment, words=words, text=text, end_ms=words[-1].end_ms or segment.end_ms)


def sent(call: Timeline, chunk_ms: list[int], cut_words: list[int], rng: Random | None, *, timed: bool) -> list[Event]:
    """Everything in time order. With ``rng``: interims before some finals, and some finals in two revisions."""
    found: list[Event] = [started(call), *audio_chunks(call, chunk_ms), ended(call)]
    for segment in segments(call, cut_words):
        final = segment
        if not timed:
            final = msgspec.structs.replace(final, words=tuple(Word(word.text) for word in final.words))
        if rng is not None and rng.random() < 0.5:
            found.append(msgspec.structs.replace(cut_short(segment), is_final=False, time_ms=segment.time_ms - 50))
        if rng is not None and rng.random() < 0.5:
            found.append(cut_short(final) if timed else final)
            final = msgspec.structs.replace(final, revision=1)
        found.append(final)
    return sorted(found, key=lambda event: event.time_ms)


def left_by(events: list[Event], batch: int = 1) -> Left:
    """Fed in batches of so many events between two looks at what may leave."""
    session = CallSession("call-1", "acme", detector=DETECTOR, key=KEY, settings=SessionSettings(), policy=UNKNOWN)
    left = Left()
    for at in range(0, len(events), batch):
        for event in events[at : at + batch]:
            session.receive(event)
        left.take(session.outputs())
    session.advance(FOREVER_MS)
    left.take(session.outputs())
    return left


def readable(left: Left) -> list[tuple[int, str]]:
    """Words that can be read, by channel, in the order of the segments."""
    found = sorted(left.segments.values(), key=lambda segment: (segment.channel, segment.start_ms))
    return [(s.channel, word.text) for s in found for word in s.words if "[" not in word.text]


@given(
    number=st.integers(0, len(DIALOGUES) - 1),
    seed=st.integers(0, 500),
    chunk_ms=st.lists(st.sampled_from([20, 60, 100, 250, 1_000]), min_size=1, max_size=3),
    cut_words=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    order=st.integers(0, 1_000),
    batch=st.sampled_from([1, 3, 40, 1_000]),
)
# beside the words after it, a segment that goes on says what nobody said: "is | at example dot com", "i | twelve rose"
@example(number=2, seed=403, chunk_ms=[20, 1_000], cut_words=[6, 6, 8, 2], order=647, batch=40)
@example(number=2, seed=130, chunk_ms=[100, 1_000, 20], cut_words=[4, 1, 3, 2], order=380, batch=1_000)
@example(number=1, seed=443, chunk_ms=[250, 250, 1_000], cut_words=[3, 9], order=487, batch=3)
@settings(max_examples=15)
def test_timed_words(number: int, seed: int, chunk_ms: list[int], cut_words: list[int], order: int, batch: int) -> None:
    call = spoken(number, seed)
    whole = left_by(sent(call, [100], WHOLE, None, timed=True))
    left = left_by(sent(call, chunk_ms, cut_words, Random(order), timed=True), batch)
    assert left.sound() == whole.sound()
    assert left.clear_words() == whole.clear_words()
    assert readable(whole), "not everything is redacted"


@given(
    number=st.integers(0, len(DIALOGUES) - 1),
    seed=st.integers(0, 500),
    cut_words=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    order=st.integers(0, 1_000),
)
@settings(max_examples=8)
def test_untimed_words_read_the_same(number: int, seed: int, cut_words: list[int], order: int) -> None:
    """Where the sound is silenced depends on the cut then: the segments' times are all there is."""
    call = spoken(number, seed)
    whole = left_by(sent(call, [100], WHOLE, None, timed=True))
    left = left_by(sent(call, [100], cut_words, Random(order), timed=False))
    assert readable(left) == readable(whole)
    for channel, data in left.sound().items():
        quiet = np.frombuffer(data, np.uint8) == 0xFF
        hidden = np.frombuffer(whole.sound()[channel], np.uint8) == 0xFF
        assert np.mean(quiet[hidden]) > 0.99, "what is silent with times is silent without"


@pytest.mark.parametrize("number", range(len(DIALOGUES)))
def test_there_is_something_to_hide(number: int) -> None:
    left = left_by(sent(spoken(number, 1), [100], WHOLE, None, timed=True))
    assert sum(len(segment.entities) for segment in left.segments.values()) >= 1

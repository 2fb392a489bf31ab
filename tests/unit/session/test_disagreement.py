"""Where words and text disagree: masked, silenced, judged and audited, in one session."""

import tracemalloc

import numpy as np
import pytest

from deid_stream.audio.codec import pcm
from deid_stream.model.events import AudioChunk, CallEnded, CallStarted, Segment, Word
from tests.support.made_calls import EPOCH_MS, MULAW
from tests.support.run_session import feed, new_session

WEEK_MS = 7 * 24 * 3_600_000
NOISE = np.random.default_rng(1).integers(-8_000, 8_000, 8_000 * 4)


def heard(text, spoken):
    """What leaves of a call of four seconds whose words take 400 ms each, with sound where they are."""
    words = tuple(Word(word, 200 + 400 * n, 600 + 400 * n) for n, word in enumerate(spoken.split()))
    end_ms = words[-1].end_ms
    sound = np.zeros(8 * 4_000, np.int16)
    sound[8 * 200 : 8 * end_ms] = NOISE[: 8 * (end_ms - 200)]
    common = {"call_id": "call-1", "customer_id": "acme"}
    segment = Segment(
        **common, segment_id="s", text=text, start_ms=200, end_ms=end_ms, words=words, provider="exact",
        transcribed_until_ms=4_000, time_ms=EPOCH_MS + 4_000,
    )  # fmt: skip
    chunk = AudioChunk(
        **common, seq=0, offset_ms=0, format=MULAW, channel=0, data=pcm.encode(sound, MULAW), time_ms=EPOCH_MS + 4_000
    )
    started = CallStarted(**common, time_ms=EPOCH_MS, channels=1)
    ended = CallEnded(**common, time_ms=EPOCH_MS + 4_000, duration_ms=4_000)
    left = feed(new_session(), [started, chunk, segment, ended])
    after = np.abs(pcm.decode(left.sound()[0], MULAW)[:, 0])
    loud = {
        word.text: bool(after[8 * (w.start_ms + 50) : 8 * (w.end_ms - 50)].any())
        for word, w in zip(words, words, strict=True)
    }
    return left, left.segments[0, 0], loud


def test_words_that_the_text_does_not_have_are_masked_silenced_and_audited():
    left, segment, loud = heard("thank you", "thank zorblax you")
    assert [word.text for word in segment.words] == ["thank", "*", "you"]
    assert loud == {"thank": True, "zorblax": False, "you": True}
    assert ("withheld", "words_disagree") in left.reasons()
    assert ("silenced", "WORDS_DISAGREE") in left.reasons()


@pytest.mark.parametrize("first", [0x24B6, 0x1F130, 0x1F150, 0x1F170], ids=["circled", "squared", "filled", "square"])
def test_letters_that_are_signs_to_unicode_are_masked_where_the_text_lacks_them(first):
    shown = "ZORBLAX".translate({ord("A") + n: first + n for n in range(26)})
    _, segment, loud = heard("thank you", f"thank {shown} you")
    assert [word.text for word in segment.words] == ["thank", "*", "you"]
    assert not loud[shown]


def test_an_empty_text_does_not_let_its_words_out():
    _, segment, loud = heard("", "my card is zorblax")
    assert [word.text for word in segment.words] == ["*"] * 4
    assert not any(loud.values())


def test_a_value_that_the_words_show_is_redacted_in_the_text_too():
    _, segment, loud = heard("say quuxley or zorblax now", "say quuxley or so now")
    assert segment.text == "say [PERSON_2] or [PERSON_1] now"
    assert not loud["quuxley"]
    assert not loud["so"]


@pytest.mark.parametrize(
    ("text", "spoken"), [("I owe $40 now", "i owe forty dollars now"), ("I am zorblax ok", "i i am zorblax ok")]
)
def test_another_way_of_writing_is_neither_silenced_nor_audited(text, spoken):
    left, segment, loud = heard(text, spoken)
    assert {word for word, sounds in loud.items() if not sounds} <= {"zorblax"}
    assert not {reason for _, reason in left.reasons()} & {"words_disagree", "WORDS_DISAGREE"}
    assert "zorblax" not in f"{segment.text} {[word.text for word in segment.words]}"


@pytest.mark.parametrize("words", [(), (Word("okay"),), (Word("okay", 200, WEEK_MS),), (Word("[NAME]", 200, WEEK_MS),)])
def test_a_segment_of_a_week_takes_no_more_memory_than_its_call(words):
    common = {"call_id": "call-1", "customer_id": "acme"}
    sound = pcm.encode(NOISE[: 8 * 4_000].astype(np.int16), MULAW)
    chunk = AudioChunk(**common, seq=0, offset_ms=0, format=MULAW, channel=0, data=sound, time_ms=EPOCH_MS + 4_000)
    segment = Segment(
        **common, segment_id="s", text="okay zorblax", start_ms=0, end_ms=WEEK_MS, words=words, time_ms=EPOCH_MS + 4_000
    )
    tracemalloc.start()
    left = feed(new_session(), [chunk, segment, CallEnded(**common, time_ms=EPOCH_MS + 4_000, duration_ms=4_000)])
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20_000_000
    assert set(left.sound()[0]) == {0xFF}


def test_a_gap_of_a_week_is_passed_at_once():
    common = {"call_id": "call-1", "customer_id": "acme", "format": MULAW, "channel": 0}
    sound = pcm.encode(NOISE[:800].astype(np.int16), MULAW)
    chunks = [AudioChunk(**common, seq=n, offset_ms=n * WEEK_MS, data=sound, time_ms=EPOCH_MS + n) for n in range(2)]
    left = feed(new_session(), chunks)
    assert set(left.sound()[0]) == {0xFF}
    assert len(left.audio) == 2

"""How far a segment's word times are off as a whole: times that are rough are not off, a last word may be drawn out."""

import pytest

from deid_stream.audio.align.drift import NO_DRIFT, Drift, drifts
from deid_stream.audio.align.profiles import PROFILES
from deid_stream.audio.hold.reader import Recording
from deid_stream.model.events import Segment, Word

from .sounds import RATE_HZ, joined, noise, silent

WORDS = ((1_000, 1_280), (1_400, 1_680), (1_800, 2_080))


@pytest.mark.parametrize(
    ("timing", "drawn_out_ms", "expected"),
    [
        ("exact", 0, NO_DRIFT),
        ("exact", 30, NO_DRIFT),
        ("100ms", 100, NO_DRIFT),
        ("exact", 200, Drift(0, 200, drawn_out=True)),
        ("100ms", 200, Drift(0, 200, drawn_out=True)),
        ("exact", 600, Drift(0, 600)),
    ],
)
def test_a_last_word_that_sounds_on(timing: str, drawn_out_ms: int, expected: Drift) -> None:
    loud = {"rms": 3_000}
    sound = joined(
        silent(1_000), noise(280, **loud), silent(120), noise(280, **loud), silent(120),
        noise(280 + drawn_out_ms, **loud), silent(2_000),
    )  # fmt: skip
    words = tuple(Word("and", *times) for times in WORDS)
    segment = Segment(
        call_id="c", customer_id="k", segment_id="s", text="and and and", start_ms=1_000, end_ms=2_080, words=words
    )
    assert drifts([segment], Recording(sound[:, None], RATE_HZ), 0, PROFILES[timing], 1 << 60) == [expected]


@pytest.mark.parametrize(("soft_ms", "before_ms"), [(280, 940), (1_500, 0)], ids=["a word", "somebody else"])
def test_a_word_said_softly_between_two_others_is_no_pause(soft_ms: int, before_ms: int) -> None:
    """Two words, a soft sound, two words more; four words are stated on the last two."""
    loud, soft = {"rms": 3_000}, {"rms": 12}
    sound = joined(
        silent(1_000), noise(280, **loud), silent(120), noise(280, **loud), silent(120),
        noise(soft_ms, **soft), silent(120), noise(280, **loud), silent(120), noise(280, **loud), silent(2_000),
    )  # fmt: skip
    words = tuple(Word("and", soft_ms + at, soft_ms + at + 140) for at in (1_660, 1_860, 2_260, 2_460))
    segment = Segment(
        call_id="c", customer_id="k", segment_id="s", text="and and and and", start_ms=1_000,
        end_ms=words[-1].end_ms or 0, words=words,
    )  # fmt: skip
    found = drifts([segment], Recording(sound[:, None], RATE_HZ), 0, PROFILES["exact"], 1 << 60)
    assert found[0].before_ms == before_ms

"""Words that a recogniser read of an echo are told from those of the channel's own speaker by their sound."""

import numpy as np
import pytest

from deid_stream.audio.align.drift import NO_DRIFT, drifts
from deid_stream.audio.align.echoes import own_words
from deid_stream.audio.align.profiles import PROFILES
from deid_stream.audio.hold.reader import MAX_READ_MS, Recording
from deid_stream.model.events import Segment, Word
from deid_stream.units import FOREVER_MS

from .sounds import RATE_HZ, joined, noise, silent

ECHOED = ((1_120, 1_400), (1_520, 1_800))
"""What the other channel says at 1,000 and 1,400 ms comes back 120 ms later."""
OWN = ((3_000, 3_280), (3_400, 3_680))


def segment(*times: tuple[int, int]) -> Segment:
    words = tuple(Word("and", *time) for time in times)
    text = " ".join(word.text for word in words)
    start_ms, end_ms = times[0][0], times[-1][1]
    return Segment(
        call_id="c", customer_id="k", segment_id="s", text=text, start_ms=start_ms, end_ms=end_ms, words=words
    )


def call(softer_by: float, *, same: bool = True) -> Recording:
    """Channel 0 speaks at ``OWN``, channel 1 before; channel 0 carries that too, or something else as loud as it."""
    other = joined(silent(1_000), noise(280, rms=3_000), silent(120), noise(280, rms=3_000, seed=2), silent(2_320))
    heard = np.concatenate([silent(120), other[: -120 * RATE_HZ // 1000]]) / softer_by
    if not same:
        heard = (np.abs(heard) > 0) * noise(4_000, rms=3_000, seed=9) / softer_by
    own = joined(silent(3_000), noise(280, rms=3_000, seed=3), silent(120), noise(280, rms=3_000, seed=4), silent(320))
    return Recording(np.stack([(own + heard).astype(np.int16), other], axis=1), RATE_HZ)


@pytest.mark.parametrize(
    ("recording", "own"),
    [
        (call(12), OWN),
        (call(2), (*ECHOED, *OWN)),
        (call(12, same=False), (*ECHOED, *OWN)),
        (call(100_000), (*ECHOED, *OWN)),
    ],
    ids=["an echo", "as loud as an answer", "somebody else, softly", "nothing sounds there"],
)
def test_only_what_is_proven_an_echo_is_no_word_of_the_channel(
    recording: Recording, own: tuple[tuple[int, int], ...]
) -> None:
    left = own_words(segment(*ECHOED, *OWN), recording, 0, [1])
    assert [(word.start_ms, word.end_ms) for word in left.words] == list(own)


def test_a_word_stated_in_the_silence_beside_an_echo_goes_with_it() -> None:
    left = own_words(segment((900, 1_000), *ECHOED, *OWN), call(12), 0, [1])
    assert [(word.start_ms, word.end_ms) for word in left.words] == list(OWN)


def test_words_of_an_echo_say_nothing_about_the_times_of_the_others() -> None:
    said = segment(*ECHOED, *OWN)
    exact = PROFILES["exact"]
    assert drifts([said], call(12), 0, exact, FOREVER_MS) != [NO_DRIFT]
    assert drifts([said], call(12), 0, exact, FOREVER_MS, [1]) == [NO_DRIFT]


def test_own_words_that_are_late_are_late_beside_an_echo_too() -> None:
    late = segment(*ECHOED, (3_400, 3_680), (3_800, 3_900))
    assert drifts([late], call(12), 0, PROFILES["exact"], FOREVER_MS, [1]) != [NO_DRIFT]


def test_a_first_word_drawn_over_the_noise_before_it_is_an_echo_as_well() -> None:
    """Recognisers let a call's first word begin with the call, where nothing is known yet of the line's noise."""
    quiet = call(12)
    hiss = noise(4_000, rms=12, seed=7)
    line = Recording(np.stack([quiet.samples[:, 0] + hiss, quiet.samples[:, 1]], axis=1).astype(np.int16), RATE_HZ)
    left = own_words(segment((0, 1_400), ECHOED[1], *OWN), line, 0, [1])
    assert [(word.start_ms, word.end_ms) for word in left.words] == list(OWN)


class Asked(Recording):
    """Notes how much sound is asked for at once (ms)."""

    longest_ms = 0

    def pcm(self, channel, start_ms, end_ms):
        self.longest_ms = max(self.longest_ms, end_ms - start_ms)
        return super().pcm(channel, start_ms, end_ms)


@pytest.mark.parametrize("end_ms", [4_000, 119_500, 119_700, 119_999, 120_001])
def test_words_that_span_two_minutes_are_compared_with_what_was_said_then_or_not_at_all(end_ms: int) -> None:
    made = call(12)
    asked = Asked(made.samples, RATE_HZ)
    left = own_words(segment(*ECHOED, *OWN, (end_ms + 900, end_ms + 1_120)), asked, 0, [1])
    assert asked.longest_ms <= MAX_READ_MS
    assert len(left.words) == (3 if end_ms <= 119_500 else 5)

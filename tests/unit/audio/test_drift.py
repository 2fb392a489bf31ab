"""How far a segment's word times are off as a whole: times that are rough are not off, a last word may be drawn out."""

import msgspec
import pytest

from deid_stream.audio.align.drift import NO_DRIFT, Drift, by_word, drifts, with_last_word
from deid_stream.audio.align.profiles import PROFILES
from deid_stream.audio.hold.reader import Recording
from deid_stream.model.events import Segment, Word
from deid_stream.units import FOREVER_MS, Interval

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
    assert drifts([segment], Recording(sound[:, None], RATE_HZ), 0, PROFILES[timing], FOREVER_MS) == [expected]


@pytest.mark.parametrize(
    ("soft_ms", "begins_ms", "before_ms"),
    [(280, 1_940, 940), (1_500, 3_160, 0), (1_500, 1_000, 2_160)],
    ids=["a word", "somebody else", "words that the segment states"],
)
def test_a_word_said_softly_between_two_others_is_no_pause(soft_ms: int, begins_ms: int, before_ms: int) -> None:
    """Two words, a soft sound, two words more; four words are stated on the last two."""
    loud, soft = {"rms": 3_000}, {"rms": 12}
    sound = joined(
        silent(1_000), noise(280, **loud), silent(120), noise(280, **loud), silent(120),
        noise(soft_ms, **soft), silent(120), noise(280, **loud), silent(120), noise(280, **loud), silent(2_000),
    )  # fmt: skip
    words = tuple(Word("and", soft_ms + at, soft_ms + at + 140) for at in (1_660, 1_860, 2_260, 2_460))
    segment = Segment(
        call_id="c", customer_id="k", segment_id="s", text="and and and and", start_ms=begins_ms,
        end_ms=words[-1].end_ms or 0, words=words,
    )  # fmt: skip
    found = drifts([segment], Recording(sound[:, None], RATE_HZ), 0, PROFILES["exact"], FOREVER_MS)
    assert found[0].before_ms == before_ms


FIVE = ((1_000, 1_280), (1_400, 1_680), (1_800, 2_080), (2_200, 2_480), (2_600, 2_880))


def five(*stated: tuple[int, int]) -> Segment:
    words = tuple(Word("andy", *times) for times in stated)
    return Segment(
        call_id="c", customer_id="k", segment_id="s", text=" ".join(["andy"] * len(words)), start_ms=stated[0][0],
        end_ms=stated[-1][1], words=words,
    )  # fmt: skip


@pytest.mark.parametrize(("before", "starts_ms"), [(silent(280), 1_000), (noise(280, rms=3_000), 200)])
def test_where_a_word_is_stated_in_silence_the_words_are_somewhere_in_the_sound(before, starts_ms: int) -> None:
    """Not a whole segment's length before and after it."""
    loud = {"rms": 3_000}
    sound = joined(
        silent(200), before, silent(520), noise(280, **loud), silent(120), noise(280, **loud), silent(2_120),
        noise(280, **loud), silent(120), noise(280, **loud), silent(120), noise(280, **loud), silent(6_000),
    )  # fmt: skip
    segment = five((1_000, 1_280), (2_500, 2_780), (2_900, 3_180), (4_200, 4_480), (4_600, 4_880))
    (found,) = drifts([segment], Recording(sound[:, None], RATE_HZ), 0, PROFILES["exact"], FOREVER_MS)
    assert found == Drift(3_880, 3_880, within=Interval(starts_ms, 4_880))


@pytest.mark.parametrize(
    ("stated", "last_only"),
    [
        ((*FIVE[:4], (3_700, 3_900)), True),
        (tuple((start + 1_300, end + 1_300) for start, end in FIVE), False),
        ((*FIVE[:3], (3_400, 3_600), (3_700, 3_900)), False),
        ((FIVE[0], FIVE[1], (3_700, 3_900)), False),
        (((1_600, 1_680), (1_800, 2_080), (2_200, 2_480), (2_600, 2_880), (3_700, 3_900)), False),
    ],
    ids=["the last", "all of them", "the last two", "of three", "the first begins late"],
)
def test_a_last_word_that_is_stated_after_all_sound_says_nothing_of_the_others(stated, last_only) -> None:
    sound = joined(
        silent(1_000), *(part for _ in FIVE for part in (noise(280, rms=3_000), silent(120))), silent(2_000)
    )  # fmt: skip
    segment = five(*stated)
    (drift,) = drifts([segment], Recording(sound[:, None], RATE_HZ), 0, PROFILES["100ms"], FOREVER_MS)
    assert drift != NO_DRIFT
    assert drift.last_only is last_only
    assert by_word(drift, segment.words)[:-1] == [NO_DRIFT if last_only else drift] * (len(stated) - 1)
    assert by_word(drift, segment.words)[-1] == drift
    if last_only:
        assert with_last_word(segment, drift).words[-1].end_ms == 2_880


@pytest.mark.parametrize(
    ("other_end_ms", "off_by_ms"), [(4_880, 1_940), (3_000, 0)], ids=["said at one time", "another part of the turn"]
)
def test_the_words_of_a_segment_that_came_again_bound_those_of_the_other_nowhere(
    other_end_ms: int, off_by_ms: int
) -> None:
    """Ten words; one segment has them in the first half of the time, the other some in the second."""
    sound = joined(
        silent(1_000), *[part for _ in range(10) for part in (noise(280, rms=3_000), silent(120))], silent(1_000)
    )
    first = tuple(Word("and", 1_000 + 200 * n, 1_140 + 200 * n) for n in range(10))
    again = (Word("and", 3_000, 3_140), Word("and", 4_600, 4_880))
    segments = [
        Segment(call_id="c", customer_id="k", segment_id=name, text="and", start_ms=start, end_ms=end, words=words)
        for name, start, end, words in (("s", 1_000, other_end_ms, first), ("t", 5_880 - other_end_ms, 4_880, again))
    ]
    found = drifts(segments, Recording(sound[:, None], RATE_HZ), 0, PROFILES["exact"], FOREVER_MS)
    assert found[0].after_ms == off_by_ms


@pytest.mark.parametrize("inner", [(1_400, 1_680), (None, 1_680), (None, None)], ids=["timed", "no start", "no times"])
@pytest.mark.parametrize(("off_ms", "expected"), [(0, NO_DRIFT), (600, Drift(600, 0))], ids=["right", "late"])
def test_a_word_without_times_between_others_says_nothing_of_these(inner, off_ms, expected) -> None:
    sound = joined(
        silent(1_000), *(part for _ in WORDS for part in (noise(280, rms=3_000), silent(120))), silent(2_000)
    )
    times = [WORDS[0], inner, WORDS[2]]
    words = tuple(Word("and", *(at if at is None else at + off_ms for at in stated)) for stated in times)
    segment = Segment(
        call_id="c", customer_id="k", segment_id="s", text="and and and", start_ms=1_000, end_ms=2_080, words=words
    )
    assert drifts([segment], Recording(sound[:, None], RATE_HZ), 0, PROFILES["exact"], FOREVER_MS) == [expected]


class _WithoutSome(Recording):
    """A recording of which some never came."""

    def missing(self, channel: int, part: Interval) -> list[Interval]:
        return [part.intersect(Interval(1_060, 1_380))]


@pytest.mark.parametrize("reader", [Recording, _WithoutSome])
def test_what_never_came_may_have_been_the_sound_of_words(reader) -> None:
    """The words are 450 ms late by the usual 100 ms; of what sounds before them three quarters are lost."""
    lost = reader is _WithoutSome
    first = joined(noise(60, rms=3_000), silent(320)) if lost else joined(noise(280, rms=3_000), silent(100))
    others = (part for _ in range(3) for part in (noise(280, rms=3_000), silent(120)))
    sound = joined(silent(1_000), first, *others, silent(2_000))
    words = tuple(Word("and", at + 450, at + 730) for at in (1_000, 1_380, 1_780, 2_180))
    segment = Segment(
        call_id="c", customer_id="k", segment_id="s", text="and and and and", start_ms=1_000, end_ms=2_910, words=words
    )
    (found,) = drifts([segment], reader(sound[:, None], RATE_HZ), 0, PROFILES["late"], FOREVER_MS)
    assert found.before_ms >= 350


@pytest.mark.parametrize("without", [None, 1, 4], ids=["all have times", "one lacks them", "the last lacks them"])
def test_the_last_word_is_moved_only_where_every_word_has_times(without: int | None) -> None:
    """So that ``with_last_word`` always finds where the words are stated to end."""
    sound = joined(
        silent(1_000), *(part for _ in FIVE for part in (noise(280, rms=3_000), silent(120))), silent(2_000)
    )  # fmt: skip
    segment = five(*FIVE[:4], (3_700, 3_900))
    words = tuple(Word(w.text) if at == without else w for at, w in enumerate(segment.words))
    segment = msgspec.structs.replace(segment, words=words)
    (drift,) = drifts([segment], Recording(sound[:, None], RATE_HZ), 0, PROFILES["100ms"], FOREVER_MS)
    assert drift.last_only is (without is None)


@pytest.mark.parametrize(("with_mates", "expected"), [(False, Drift(800, 800)), (True, NO_DRIFT)])
def test_a_segment_placed_again_by_itself_keeps_to_its_own_sound(with_mates: bool, expected: Drift) -> None:
    """Six words of three segments without a pause; what the middle one was said with sounds before and after it."""
    sound = joined(
        silent(1_000), *(part for _ in range(6) for part in (noise(280, rms=3_000), silent(120))), silent(1_000)
    )
    parts = [five(*[(1_000 + 400 * n, 1_280 + 400 * n) for n in range(first, first + 2)]) for first in (0, 2, 4)]
    mates = [parts[0], parts[2]] if with_mates else []
    found = drifts([parts[1]], Recording(sound[:, None], RATE_HZ), 0, PROFILES["100ms"], FOREVER_MS, mates=mates)
    assert found == [expected]


def test_a_last_word_has_room_where_the_one_before_may_have_begun_earlier() -> None:
    """Noise hides how the last word ends: 360 ms are left for two words that take 360 at least, said fast."""
    sound = joined(silent(1_000), *(part for _ in FIVE for part in (noise(280, rms=3_000), silent(120))), silent(2_000))
    segment = five(*FIVE[:3], (2_560, 2_640), (3_700, 3_900))
    (drift,) = drifts([segment], Recording(sound[:, None], RATE_HZ), 0, PROFILES["100ms"], FOREVER_MS)
    assert drift.last_only

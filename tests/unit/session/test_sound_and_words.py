"""What is said softly, at other times than stated, beside what is read, or in a text that lacks it: through a session.

The detector knows the names; the rest of a call must be heard.
"""

import msgspec
import pytest

from deid_stream.model.events import Word
from deid_stream.session import call
from deid_stream.session.sound import Sound
from tests.hostile.disagreement import NAMES, KnowsTheValues
from tests.support.spoken import Spoken, final, hear, spoken

LEFT_MS = 20
SENTENCE = "okay so my number is zorblax and i would like to know why"


def heard(said, *segments, **options):
    """Milliseconds of the names and of the other words that can be heard."""
    found = hear(said, segments, detector=KnowsTheValues(), **options)
    names = [word for word in said if word.text in NAMES]
    return found.audible_ms(*names), found.audible_ms(*(word for word in said if word not in names)), found


@pytest.mark.parametrize("peak", [12, 20, 40, 60, 200, 8_000])
@pytest.mark.parametrize("lag_ms", [300, 3_500, 9_000])
def test_a_value_said_softly_after_loud_speech_waits_for_its_transcript(peak, lag_ms):
    loud, soft = spoken("the bill is rather high to me"), spoken("zorblax quuxley", 7_300, peak=peak)
    said = [*loud, *soft]
    names_ms, others_ms, _ = heard(
        said, final(loud, segment_id="a", lag_ms=lag_ms), final(soft, segment_id="b", lag_ms=lag_ms)
    )
    assert names_ms <= LEFT_MS
    assert others_ms == 7 * 280


@pytest.mark.parametrize("peak", [20, 60])
def test_a_value_said_softly_that_nobody_reads_is_silenced(peak):
    loud = spoken("the bill is rather high to me")
    names_ms, others_ms, _ = heard([*loud, *spoken("zorblax quuxley", 7_300, peak=peak)], final(loud, segment_id="a"))
    assert names_ms <= LEFT_MS
    assert others_ms == 7 * 280


@pytest.mark.parametrize("peak", [16, 17, 24, 35, 64])
@pytest.mark.parametrize("at_ms", [600, 1_120, 1_900])
def test_a_value_said_softly_before_the_line_is_known_to_be_loud_is_silenced(peak, at_ms):
    """The line's level is looked at for a tenth of every second; the first looks may miss all of the loud words."""
    first, soft = spoken("okay so", 100, length_ms=200, pause_ms=60), spoken("zorblax quuxley", at_ms, peak=peak)
    loud = spoken("the bill is rather high", 4_000)
    segments = [final(first, segment_id="a"), final(loud, segment_id="b")]
    names_ms, others_ms, _ = heard([*first, *soft, *loud], *segments)
    assert names_ms <= LEFT_MS
    assert others_ms == 2 * 200 + 5 * 280


@pytest.mark.parametrize("words", [None, []], ids=["with times", "without"])
@pytest.mark.parametrize("text", [None, "", "okay so let me type that in for you then thank you"])
def test_a_number_that_is_typed_is_silenced_whatever_is_read_there(text, words):
    """Ten keys between two words before and two after, in a text that has letters enough for all that sounds."""
    first, last = spoken("okay so", 600), spoken("thank you", 4_000)
    typed = [
        Spoken("zorblax", at, at + 60, tones_hz=(770, 1_209 + 127 * (at // 200 % 2))) for at in range(1_700, 3_700, 200)
    ]
    read = [*first, *last]
    segment = final(read, text, [word.word for word in read] if words is None else words)
    names_ms, _, found = heard([*first, *typed, *last], segment)
    assert names_ms <= LEFT_MS
    assert ("silenced", "KEY_TONES") in found.left.reasons()


@pytest.mark.parametrize("words", [[], None], ids=["no words", "without times"])
@pytest.mark.parametrize("length_ms", [0, 100])
def test_a_segment_in_whose_time_nobody_could_say_its_words_explains_nothing_there(length_ms, words):
    said = spoken("zorblax so high", 600)
    untimed = [Word("so"), Word("high")] if words is None else words
    segment = msgspec.structs.replace(final(said, "so high", untimed), end_ms=said[0].start_ms + length_ms)
    assert heard(said, segment)[0] <= LEFT_MS


@pytest.mark.parametrize("off_ms", [-900, -700, 700, 900])
def test_a_text_without_words_that_is_stated_in_silence_explains_nothing_beside_it(off_ms):
    said = spoken("look zorblax" if off_ms > 0 else "zorblax look", 2_000)
    stated = {"start_ms": 2_000 + off_ms, "end_ms": said[1].end_ms + off_ms}
    segment = msgspec.structs.replace(final(said, "look", [], timing="300ms"), **stated)
    assert heard(said, segment)[0] <= LEFT_MS


@pytest.mark.parametrize("timing", ["exact", "100ms", "300ms"])
def test_words_stated_in_the_reverse_of_their_order_explain_no_name(timing):
    said = spoken("rather zorblax", 600)
    words = [Word("rather", said[1].start_ms, said[1].end_ms), Word("zorblax", said[0].start_ms, said[0].end_ms)]
    assert heard(said, final(said, "rather <PHONE>", words, timing=timing))[0] <= LEFT_MS


@pytest.mark.parametrize("noise_peak", [0, 4, 12, 20, 40, 90, 300])
def test_a_pause_on_a_noisy_line_passes_without_the_whole_wait(noise_peak):
    """Four exchanges of a caller with pauses of 6 s: what is between them leaves while the call goes on."""
    turns = [spoken("the bill is rather high to me", at) for at in (600, 10_000, 19_400, 28_800)]
    said = [word for turn in turns for word in turn]
    segments = [final(turn, segment_id=f"s{n}") for n, turn in enumerate(turns)]
    _, others_ms, found = heard(said, *segments, noise_peak=noise_peak)
    assert others_ms >= 0.99 * 28 * 280
    audio = [output for output in found.left.order if hasattr(output, "chunk")]
    waited_ms = [output.allowed_ms - output.chunk.time_ms for output in audio if output.chunk.offset_ms < 24_000]
    assert max(waited_ms) < 12_000


def test_a_voice_in_the_background_delays_a_call_by_seconds_only():
    front = [spoken("the bill is rather high to me", at) for at in (600, 20_000)]
    back = spoken("and so on it goes and so on it goes", 6_000, peak=50)
    said = [*front[0], *front[1], *back]
    found = heard(said, *(final(turn, segment_id=f"s{n}") for n, turn in enumerate(front)))[2]
    audio = [output for output in found.left.order if hasattr(output, "chunk")]
    assert max(output.allowed_ms - output.chunk.time_ms for output in audio if output.chunk.offset_ms < 15_000) < 9_000
    assert found.audible_ms(*front[0], *front[1]) == 14 * 280
    assert max(found.audible_ms(word) for word in back) <= LEFT_MS


@pytest.mark.parametrize("timing", ["exact", "50ms", "100ms", "300ms", "late"])
@pytest.mark.parametrize("with_segment", [True, False], ids=["segment too", "words alone"])
@pytest.mark.parametrize("off_ms", [-800, -600, -300, -100, 100, 300, 600])
def test_a_segment_whose_words_are_all_early_or_late(timing, off_ms, with_segment):
    said = spoken(SENTENCE, 2_000)
    words = [Word(word.text, word.start_ms + off_ms, word.end_ms + off_ms) for word in said]
    segment = final(said, words=words, timing=timing)
    if with_segment:
        segment = msgspec.structs.replace(segment, start_ms=segment.start_ms + off_ms, end_ms=segment.end_ms + off_ms)
    names_ms, others_ms, _ = heard(said, segment)
    assert names_ms <= LEFT_MS
    assert others_ms > 12 * 280 - 2 * abs(off_ms) - 300


@pytest.mark.parametrize("timing", ["exact", "100ms", "300ms"])
@pytest.mark.parametrize(
    ("scale", "from_share"),
    [(0.5, 0.0), (0.5, 0.25), (0.5, 0.5), (0.7, 0.0), (2.0, 0.0), (1.4, -0.2)],
    ids=["first half", "middle", "second half", "a little", "stretched", "stretched both ways"],
)
def test_a_segment_whose_words_are_on_another_scale(timing, scale, from_share):
    said = spoken(SENTENCE, 2_000)
    length_ms = said[-1].end_ms - 2_000

    def stated(at_ms):
        return int(2_000 + from_share * length_ms + (at_ms - 2_000) * scale)

    words = [Word(word.text, stated(word.start_ms), stated(word.end_ms)) for word in said]
    assert heard(said, final(said, words=words, timing=timing))[0] <= LEFT_MS


def test_one_segment_of_a_turn_is_off_and_the_others_are_not():
    parts = [spoken("so i would like", 2_000), spoken("my name is zorblax okay", 3_600), spoken("and then why", 5_600)]
    moved = [Word(word.text, word.start_ms - 600, word.end_ms - 600) for word in parts[1]]
    segments = [final(part, segment_id=f"s{n}") for n, part in enumerate(parts)]
    segments[1] = final(parts[1], words=moved, segment_id="s1")
    assert heard([word for part in parts for word in part], *segments)[0] <= LEFT_MS


@pytest.mark.parametrize("cut", [(1,) * 13, (1, 2, 3, 1, 2, 3, 1), (6, 1, 6), (1, 5, 1, 5, 1)], ids=str)
@pytest.mark.parametrize("timing", ["exact", "100ms", "300ms"])
@pytest.mark.parametrize("off_ms", [-800, -600, -300, -100, 0, 100, 300, 600, 800])
def test_a_line_of_words_in_short_segments_is_early_or_late_as_one(off_ms, timing, cut):
    """Some recognisers give every word as a segment: the times of its neighbours are off by as much as its own."""
    said = spoken(SENTENCE, 2_000)
    segments, at = [], 0
    for number, count in enumerate(cut):
        part = said[at : at + count]
        words = [Word(word.text, word.start_ms + off_ms, word.end_ms + off_ms) for word in part]
        stated = {"start_ms": part[0].start_ms + off_ms, "end_ms": part[-1].end_ms + off_ms}
        segment = final(part, words=words, timing=timing, segment_id=f"s{number}")
        segments.append(msgspec.structs.replace(segment, **stated))
        at += count
    names_ms, others_ms, _ = heard(said, *segments)
    assert names_ms <= LEFT_MS
    assert others_ms > 12 * 280 - 2 * abs(off_ms) - 300


def test_words_stated_in_a_pause_may_be_those_before_it_or_after_it():
    unread, said = spoken("and why is that", 2_000), spoken("zorblax i", 4_200)
    words = [Word("zorblax", 3_420, 3_700), Word("i", 3_820, 4_020)]
    segment = msgspec.structs.replace(final(said, words=words, timing="300ms"), start_ms=3_420, end_ms=4_020)
    assert heard([*unread, *said], segment)[0] <= LEFT_MS


UNEVEN = (2_000, 2_380, 2_800, 3_150, 3_580, 3_960, 4_340, 4_750)


@pytest.mark.parametrize(("off_ms", "others_are_heard"), [(0, True), (400, False)], ids=["right", "a word late"])
def test_words_at_the_onsets_of_their_neighbours_do_not_explain_a_name(off_ms, others_are_heard):
    texts = "so the bill is high zorblax quuxley frobnitz".split()
    said = [Spoken(text, at, at + 280) for text, at in zip(texts, UNEVEN, strict=True)]
    words = [Word(word.text, word.start_ms + off_ms, word.end_ms + off_ms) for word in said[:5]]
    names_ms, others_ms, _ = heard(said, final(said, "so the bill is high", words, timing="50ms"))
    assert names_ms <= LEFT_MS
    assert (others_ms >= 5 * 280 - LEFT_MS) is others_are_heard


LATE_WORD = (1_000, 1_320, 1_750, 2_150, 2_910, 3_310, 3_720, 4_100)


@pytest.mark.parametrize(("timing", "off_ms"), [("late", 400), ("100ms", 200), ("100ms", 300), ("50ms", 150)])
def test_a_word_that_is_off_does_not_explain_a_name_beside_it(timing, off_ms):
    """The text lacks the names. As stated, the first word lies on the first of them and could be as long."""
    texts = "like zorblax quuxley frobnitz so you you you".split()
    said = [Spoken(text, at, at + 300) for text, at in zip(texts, LATE_WORD, strict=True)]
    read = [word for word in said if word.text not in NAMES]
    words = [Word(word.text, word.start_ms + off_ms, word.end_ms + off_ms) for word in read]
    assert heard(said, final(said, " ".join(word.text for word in read), words, timing=timing))[0] <= LEFT_MS


@pytest.mark.parametrize("text", ["no", "so no", "i see so no"])
@pytest.mark.parametrize(("drawn_out_ms", "others_are_heard"), [(280, True), (900, False)])
def test_a_last_word_that_is_drawn_out_beyond_its_end_is_heard(text, drawn_out_ms, others_are_heard):
    read = spoken(text, 1_000)
    said = [*read[:-1], Spoken("no", read[-1].start_ms, read[-1].end_ms + drawn_out_ms)]
    others_ms = heard(said, final(said, words=[word.word for word in read], timing="exact"))[1]
    assert (others_ms >= 280 * len(read) + drawn_out_ms - LEFT_MS) is others_are_heard


def test_a_segment_that_comes_twice_with_other_times_does_not_explain_a_name():
    said = spoken("so i see zorblax quuxley", 2_000)
    right, end_ms = [word.word for word in said[:3]], said[-1].end_ms
    later = [Word(w.text, end_ms - (end_ms - w.start_ms) // 2, end_ms - (end_ms - w.end_ms) // 2) for w in said[:3]]
    twice = [
        final(said, "so i see", words, segment_id=name, timing=timing)
        for name, words, timing in (("s0", right, "50ms"), ("again", later, "late"))
    ]
    assert heard(said, *twice)[0] <= LEFT_MS


def test_words_that_last_into_pauses_are_not_off():
    said = spoken(SENTENCE, 2_000)
    words = [Word(word.text, word.start_ms, word.start_ms + 400) for word in said[:-1]]
    words.append(Word(said[-1].text, said[-1].start_ms, said[-1].end_ms + 900))
    names_ms, others_ms, _ = heard(said, final(said, words=words))
    assert names_ms <= LEFT_MS
    assert others_ms > 12 * 280 - 60


@pytest.mark.parametrize("off_ms", [0, 900], ids=["right", "late"])
def test_last_words_of_no_length_say_nothing_about_the_others(off_ms):
    """A recogniser gives a segment's last words the pause after it, or no time at all."""
    said = spoken(SENTENCE, 2_000)
    words = [Word(word.text, word.start_ms + off_ms, word.end_ms + off_ms) for word in said[:-2]]
    end_ms = words[-1].end_ms + 2_000
    words += [Word("know", words[-1].end_ms, end_ms), Word("why", end_ms, end_ms)]
    names_ms, others_ms, _ = heard(said, final(said, SENTENCE, words, timing="300ms"))
    assert names_ms <= LEFT_MS
    assert (others_ms >= 9 * 280) is (off_ms == 0)


@pytest.mark.parametrize("timing", ["exact", "50ms", "100ms", "300ms", "late"])
@pytest.mark.parametrize("pause_ms", [60, 120, 200])
@pytest.mark.parametrize("said_as", ["okay zorblax thank you", "okay thank you zorblax", "zorblax okay thank you"])
def test_a_word_does_not_explain_another_beside_it(timing, pause_ms, said_as):
    said = spoken(said_as, 1_000, pause_ms=pause_ms)
    read = [word for word in said if word.text != "zorblax"]
    segment = final(said, "okay thank you", [word.word for word in read], timing=timing)
    names_ms, others_ms, _ = heard(said, segment)
    assert names_ms <= LEFT_MS
    assert others_ms == 3 * 280


@pytest.mark.parametrize("timing", ["100ms", "300ms"])
@pytest.mark.parametrize("off_ms", [-80, 80])
def test_a_word_whose_times_are_rough_is_heard(timing, off_ms):
    said = spoken("okay thank you so much", 1_000, pause_ms=200)
    words = [Word(w.text, w.start_ms + off_ms * (-1) ** n, w.end_ms + off_ms) for n, w in enumerate(said)]
    assert heard(said, final(said, words=words, timing=timing))[1] >= 5 * 280 - 40


@pytest.mark.parametrize("words", [[], None], ids=["no words", "without times"])
@pytest.mark.parametrize(
    ("said_as", "names_heard"), [("okay thank you", False), ("okay thank you zorblax quuxley", False)]
)
def test_a_text_without_times_explains_what_its_letters_take(words, said_as, names_heard):
    said = spoken(said_as, 1_000)
    untimed = [Word(text) for text in ("okay", "thank", "you")] if words is None else words
    names_ms, others_ms, _ = heard(said, final(said, "okay thank you", untimed))
    assert names_ms <= LEFT_MS
    if len(said) == 3:
        assert others_ms == 3 * 280


@pytest.mark.parametrize("moved_ms", [0, 300, 700, 2_000])
@pytest.mark.parametrize("text", ["month [NAME] me rather you", "[NAME] me rather you", "me rather you [NAME]"])
def test_a_placeholder_of_a_segment_whose_words_are_squeezed_and_which_lies_elsewhere(text, moved_ms):
    """No word's own times can be true, and the words beside the sign are as far off as all the others."""
    said = spoken(text.replace("[NAME]", 5 * "zorblax quuxley "))
    first_ms = said[0].start_ms
    words = [
        Word(word.text, first_ms + (word.start_ms - first_ms) // 2, first_ms + (word.end_ms - first_ms) // 2)
        for word in said
    ]
    segment = final(said, text, words)
    segment = msgspec.structs.replace(segment, start_ms=segment.start_ms + moved_ms, end_ms=segment.end_ms + moved_ms)
    assert heard(said, segment)[0] <= LEFT_MS


def test_words_stated_on_a_value_said_softly_before_where_they_are_said_explain_none_of_it():
    """The segment is said to begin within the value, and its letters take what sounds from there on."""
    said = [*spoken("into to rather", 600), *spoken(4 * "zorblax quuxley ", 1_800, peak=40),
            *spoken("rather would", 5_000)]  # fmt: skip
    end_ms = said[-1].end_ms
    words = [
        Word(word.text, end_ms - (end_ms - word.start_ms) // 2, end_ms - (end_ms - word.end_ms) // 2)
        for word in said if word.text not in NAMES
    ]  # fmt: skip
    words.insert(3, Word("XXXX", words[2].end_ms + 50, words[3].start_ms - 50))
    segment = final(said, " ".join(word.text for word in said), words, timing="50ms")
    segment = msgspec.structs.replace(segment, start_ms=segment.start_ms + 2_000, end_ms=segment.end_ms + 2_000)
    assert heard(said, segment)[0] <= LEFT_MS


@pytest.mark.parametrize("ends_before_ms", [0, 30, 60])
@pytest.mark.parametrize("timing", ["50ms", "late"])
def test_a_segment_without_words_explains_no_name_that_begins_where_it_ends(timing, ends_before_ms):
    """A pause lies across its end."""
    said = spoken("the bill is high zorblax", 1_000)
    segment = final(said[:-1], "the bill is rather high", [], timing=timing)
    segment = msgspec.structs.replace(segment, end_ms=said[-1].start_ms - ends_before_ms)
    names_ms, others_ms, _ = heard(said, segment)
    assert names_ms <= LEFT_MS
    assert others_ms == 4 * 280


@pytest.mark.parametrize("timing", ["exact", "300ms"])
@pytest.mark.parametrize("lost_ms", [(), (1_500,), (1_400, 1_600), (1_400, 1_600, 1_900, 2_000)])
def test_what_is_left_of_a_name_between_lost_audio_is_not_explained_by_the_words_beside_it(lost_ms, timing):
    first, name, last = Spoken("into", 1_000, 1_350), Spoken("zorblax", 1_440, 1_740), Spoken("high", 1_820, 2_180)
    segment = final([first, last], timing=timing)
    names_ms, others_ms, _ = heard([first, name, last], segment, lost_ms=lost_ms)
    assert names_ms <= LEFT_MS
    assert others_ms >= 710 - 100 * len(lost_ms) - 60


@pytest.mark.parametrize("text", ["...", "", "okay", "yes i see"])
def test_words_that_the_text_does_not_have_explain_no_name_before_them(text):
    """The words take half their time, to the segment's end, and the segment lies later still: what is before their
    sound that goes is not theirs."""
    said = [*spoken("and", 600), *spoken(4 * "zorblax quuxley ", 1_000, peak=40), *spoken("so into", 4_200)]
    end_ms = said[-1].end_ms
    words = [
        Word(word.text, end_ms - (end_ms - word.start_ms) // 2, end_ms - (end_ms - word.end_ms) // 2) for word in said
    ]
    segment = final(said, text, words, timing="50ms")
    segment = msgspec.structs.replace(segment, start_ms=segment.start_ms + 2_000, end_ms=segment.end_ms + 2_000)
    assert heard(said, segment)[0] <= LEFT_MS


@pytest.mark.parametrize("text", ["okay thank you", "okay thank you so much"])
def test_words_that_the_text_says_otherwise_leave_the_words_beside_them_to_be_heard(text):
    said = spoken("okay thank you zorblax so much", 600)
    words = [word.word for word in said]
    others = [word for word in said if word.text in text.split()]
    names_ms, _, found = heard(said, final(said, text, words))
    assert names_ms <= LEFT_MS
    assert found.audible_ms(*others) >= 280 * len(others) - 60


@pytest.mark.parametrize("as_words", [[], None], ids=["no words", "without times"])
@pytest.mark.parametrize(
    ("said_as", "text", "moved_ms"),
    [
        pytest.param("why the high bill zorblax you", "why the bill is high you", 1_600, id="too little sounds there"),
        pytest.param("into why zorblax why so high", "okay thank you", -700, id="more sounds after it than it says"),
        pytest.param("into why so zorblax why high", "okay thank you", 700, id="more sounds before it than it says"),
    ],
)
def test_a_text_without_times_that_lies_beside_its_sound_explains_no_name(said_as, text, moved_ms, as_words):
    said = spoken(said_as, 2_000)
    words = [Word(token) for token in text.split()] if as_words is None else as_words
    segment = final(said, text, words, timing="100ms")
    segment = msgspec.structs.replace(segment, start_ms=segment.start_ms + moved_ms, end_ms=segment.end_ms + moved_ms)
    assert heard(said, segment)[0] <= LEFT_MS


@pytest.mark.parametrize("off_ms", [0, 100, -100])
def test_a_text_without_times_that_lies_about_where_it_is_said_is_heard(off_ms):
    said = spoken("the bill is rather high to me", 2_000)
    segment = final(said, words=[], timing="100ms")
    segment = msgspec.structs.replace(segment, start_ms=segment.start_ms + off_ms, end_ms=segment.end_ms + off_ms)
    assert heard(said, segment)[1] == 7 * 280


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_word_of_no_length_explains_no_name_about_it(share):
    name, you = Spoken("zorblax", 1_000, 1_360), Spoken("you", 1_480, 1_800)
    at_ms = 1_000 + int(share * 360)
    segment = final([name, you], "you", [Word("you", at_ms, at_ms)], timing="100ms")
    assert heard([name, you], segment)[0] <= LEFT_MS


def test_words_of_which_only_the_start_is_stated_are_heard():
    said = spoken("the bill is rather high to me", 1_000)
    words = [Word(word.text, word.start_ms, word.start_ms) for word in said]
    assert heard(said, final(said, words=words))[1] == 7 * 280


@pytest.mark.parametrize("timing", ["50ms", "100ms", "300ms"])
@pytest.mark.parametrize("over_ms", [0, 10, 40])
def test_a_word_that_is_stated_to_end_just_after_a_name_has_begun_does_not_explain_it(over_ms, timing):
    said = spoken("why it me into zorblax quuxley", 600, pause_ms=120)
    words = [word.word for word in said[:3]]
    words.append(Word("into", said[3].start_ms, said[4].start_ms + over_ms))
    names_ms, others_ms, _ = heard(said, final(said, "why it me into", words, timing=timing))
    assert names_ms <= LEFT_MS
    assert others_ms == 4 * 280


def test_words_that_are_stated_in_less_time_than_they_take_are_heard_where_nothing_is_said_beside_them():
    said = spoken("it into", 4_180, length_ms=300, pause_ms=120)
    words = [Word("it", 4_180, 4_240), Word("into", 4_600, 4_700)]
    assert heard(said, final(said, "it into", words))[1] == 2 * 300


def test_sound_that_ends_long_before_its_segment_is_not_all_that_the_text_says():
    said = spoken("so zorblax why zorblax quuxley zorblax quuxley zorblax", 600)
    segment = final(said, "okay thank you", [], timing="late")
    lost = range(1_800, 9_000, 100)
    assert heard(said, segment, lost_ms=lost)[0] <= LEFT_MS


@pytest.mark.parametrize("text", ["", "..."])
@pytest.mark.parametrize("word", ["to", "uh", "i"])
def test_a_text_without_letters_explains_nothing_whatever_its_words_are(word, text):
    said = spoken(f"zorblax {word}", 600, length_ms=280, pause_ms=120)
    segment = final(said, text, [Word(word, 800, 900, 0.9)], timing="300ms")
    assert heard(said, segment)[0] <= LEFT_MS


@pytest.mark.parametrize("how", ["lasting", "begun", "both"])
@pytest.mark.parametrize("timing", ["exact", "50ms", "100ms"])
def test_a_name_that_nobody_reads_in_the_time_of_words_that_reach_to_each_other(how, timing):
    """A recogniser that lets words last until the next begins, and has missed the name."""
    said = spoken("so tell me zorblax would that do")
    read = [word for word in said if word.text not in NAMES]
    words = [word.word for word in read]
    before, after = words[2], words[3]
    border_ms = {"lasting": after.start_ms, "begun": before.end_ms, "both": (before.end_ms + after.start_ms) // 2}[how]
    words[2] = msgspec.structs.replace(before, end_ms=border_ms)
    words[3] = msgspec.structs.replace(after, start_ms=border_ms)
    names_ms, others_ms, _ = heard(said, final(read, None, words, timing=timing))
    assert names_ms <= LEFT_MS
    assert others_ms >= 5 * 280


@pytest.mark.parametrize("text", ["", "okay", "so tell me would"])
def test_a_last_word_that_is_stated_after_all_sound_where_the_text_does_not_have_it(text):
    said = spoken("so tell me would zorblax")
    words = [word.word for word in said]
    words[-1] = Word("high", words[-2].end_ms + 1_100, words[-2].end_ms + 1_300, 0.9)
    assert heard(said, final(said, text, words, timing="100ms"))[0] <= LEFT_MS


def test_the_sound_of_a_turn_is_decoded_once(monkeypatch):
    """Where it is read a second time, twice as much is decoded for every turn of every call."""
    read: list[tuple[int, int]] = []
    turns: list[list[tuple[int, int]]] = []
    located, pcm = call.located, Sound.pcm

    def of_a_turn(*arguments):
        read.clear()
        answer = located(*arguments)
        turns.append([*read])
        return answer

    def reading(sound, channel, start_ms, end_ms):
        read.append((start_ms, end_ms))
        return pcm(sound, channel, start_ms, end_ms)

    monkeypatch.setattr(call, "located", of_a_turn)
    monkeypatch.setattr(Sound, "pcm", reading)
    said = [spoken("the bill is rather high to me", at_ms) for at_ms in (2_000, 8_000, 14_000)]
    hear(
        [word for words in said for word in words], [final(words, segment_id=str(at)) for at, words in enumerate(said)]
    )
    assert [len(parts) for parts in turns] == [1, 1, 1]

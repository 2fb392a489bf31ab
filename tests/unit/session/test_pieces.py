"""Numbers and secrets that come piece by piece, are revised, sent again, or heard on two channels: with the shipped
rules, through a session."""

import msgspec
import pytest

from deid_stream.detect.detector import MODEL_OFF, Detector, DetectorSettings
from tests.support.spoken import Spoken, final, hear, spoken

RULES = Detector.load(DetectorSettings(model=MODEL_OFF))
CARD = "four five three nine one four eight eight zero three four three six four six seven".split()
PIN = "four five three nine".split()
LEFT_MS = 20


def dictated(digits, gap_ms, intro=""):
    """What is said, a segment each: the intro, then a digit at a time."""
    before = spoken(intro, 300, pause_ms=60) if intro else []
    first_ms = before[-1].end_ms + gap_ms if before else 1_000
    said = [Spoken(word, at, at + 280) for at, word in zip(range(first_ms, 10**6, 280 + gap_ms), digits, strict=False)]
    segments = [final(before, segment_id="intro", timing="100ms")] if before else []
    return before, said, segments, [final([one], segment_id=f"d{n}", timing="100ms") for n, one in enumerate(said)]


def left_of(digits, said, segments, **options):
    """Digits that can be heard, and every text."""
    found = hear(said, segments, detector=RULES, **options)
    return [one.text for one in digits if found.audible_ms(one) > LEFT_MS], found.text


def readable(text):
    return [word for word in text.replace("/", " ").split() if word.strip(".,") in CARD or word.strip(".").isdigit()]


@pytest.mark.parametrize("digits", [CARD, PIN], ids=["card", "four digits"])
@pytest.mark.parametrize("gap_ms", [800, 1_700, 2_500, 4_500])
@pytest.mark.parametrize("intro", ["", "my card number is"])
def test_a_digit_a_turn_goes_from_the_first_one_on(digits, gap_ms, intro):
    before, said, opening, segments = dictated(digits, gap_ms, intro)
    heard, text = left_of(said, [*before, *said], [*opening, *segments])
    assert heard == []
    assert readable(text) == []


@pytest.mark.parametrize("listening", ["okay", "yes", "mhm go on"])
def test_somebody_who_listens_does_not_end_the_number(listening):
    _, said, _, segments = dictated(PIN, 2_500)
    asides = [spoken(listening, one.end_ms + 600, length_ms=200, pause_ms=40, channel=1) for one in said[:-1]]
    segments += [final(aside, segment_id=f"o{n}", timing="100ms") for n, aside in enumerate(asides)]
    heard, text = left_of(said, [*said, *(word for aside in asides for word in aside)], segments, channels=2)
    assert heard == []
    assert readable(text) == []


@pytest.mark.parametrize("size", [1, 2, 4, 5])
@pytest.mark.parametrize("intro", ["it is", "my card number is"])
@pytest.mark.parametrize("digits", [CARD, CARD[:4] * 2, CARD + CARD[:6]], ids=["card", "eight", "twenty-two"])
def test_no_turn_ends_within_a_number(digits, intro, size):
    """After nine or ten seconds of other speech."""
    about = "so i was told that the bill of last month is rather high and that you can look into it for me and"
    said = spoken(f"{about} {intro} {' '.join(digits)} okay thank you", 1_000, pause_ms=120)
    segments = [final(said[at : at + size], segment_id=f"s{at}", timing="100ms") for at in range(0, len(said), size)]
    first = len(said) - 3 - len(digits)
    heard, text = left_of(said[first:-3], said, segments)
    assert heard == []
    assert readable(text) == []
    assert all(f" {word} " in text for word in ("bill", "month", "rather", "okay"))


@pytest.mark.parametrize("answer", ["one", "two", "twenty two", "seven"])
@pytest.mark.parametrize(
    "after", ["", "and can you tell me why the bill is so high"], ids=["nothing follows", "they go on"]
)
def test_an_ordinary_answer_of_a_digit_is_left_alone(answer, after):
    asked = spoken("how many of them are left", 300, pause_ms=60, channel=1)
    said = spoken(answer, asked[-1].end_ms + 700)
    segments = [final(asked, segment_id="q", timing="100ms"), final(said, segment_id="a", timing="100ms")]
    following = spoken(after, said[-1].end_ms + 2_000, channel=1) if after else []
    if following:
        segments.append(final(following, segment_id="q2", timing="100ms"))
    heard, text = left_of(said, [*asked, *said, *following], segments, channels=2)
    assert heard == answer.split()
    assert f"{answer} / {answer}" in text


def test_an_answer_of_a_digit_keeps_its_place_before_the_next_question():
    asked = spoken("how many bags", 300, pause_ms=60, channel=1)
    answer = spoken("two", asked[-1].end_ms + 700)
    again = spoken("and what is the long number on your card", answer[-1].end_ms + 800, pause_ms=60, channel=1)
    number = spoken("four five three nine", again[-1].end_ms + 900)
    parts = [asked, answer, again, number]
    segments = [final(part, segment_id=f"s{n}", timing="100ms") for n, part in enumerate(parts)]
    heard, text = left_of([*answer, *number], [word for part in parts for word in part], segments, channels=2)
    assert heard == ["two"]
    assert "two / two" in text
    assert readable(text) == []


def reworded(segments, lag_ms, text, **changes):
    """Each final once more."""
    return [
        msgspec.structs.replace(
            one, text=text.format(one.text), time_ms=(one.time_ms if lag_ms < 1_000 else segments[-1].time_ms) + lag_ms,
            **({"words": ()} if text != "{}" else {}), **changes,
        )
        for one in segments
    ]  # fmt: skip


@pytest.mark.parametrize("gap_ms", [800, 2_000])
@pytest.mark.parametrize("lag_ms", [100, 600, 3_000], ids=["at once", "before release", "after release"])
@pytest.mark.parametrize("text", ["so that is {} okay", "{}.", "yes um {} my dear fellow"])
def test_a_revision_in_other_words_does_not_let_its_digit_out(gap_ms, lag_ms, text):
    before, said, opening, segments = dictated(CARD, gap_ms, "my card number is")
    again = reworded(segments, lag_ms, text, revision=1)
    heard, left = left_of(said, [*before, *said], [*opening, *segments, *again])
    assert heard == []
    assert readable(left) == []


@pytest.mark.parametrize(
    "changes",
    [{"channel": 1}, {"language": "fr"}, {"channel": 1, "language": "fr"}, {}],
    ids=["other channel", "French", "both", "other ids"],
)
@pytest.mark.parametrize("lag_ms", [100, 3_000])
@pytest.mark.parametrize("gap_ms", [800, 2_000])
@pytest.mark.parametrize("digits", [CARD, CARD[:10], CARD[:6]], ids=["card", "telephone", "six digits"])
def test_finals_that_are_sent_again_do_not_let_a_digit_out(changes, lag_ms, gap_ms, digits):
    before, said, opening, segments = dictated(digits, gap_ms, "my number is")
    again = reworded(segments, lag_ms, "{}", **changes)
    again = [msgspec.structs.replace(one, segment_id=f"{one.segment_id}x") for one in again]
    heard, left = left_of(said, [*before, *said], [*opening, *segments, *again], channels=2)
    assert heard == []
    assert readable(left) == []


def test_two_people_who_say_yes_at_once_are_not_each_others_value():
    first = spoken("yes please that is fine", 1_000)
    second = spoken("yes please my card is four five three nine", 1_000, channel=1)
    segments = [final(first, segment_id="a", timing="100ms"), final(second, segment_id="b", timing="100ms")]
    heard, text = left_of(first, [*first, *second], segments, channels=2)
    assert heard == [word.text for word in first]
    assert "yes please that is fine / yes please that is fine" in text


@pytest.mark.parametrize(
    ("turns", "secrets", "kept"),
    [
        (["1 what is your password", "0 fluffy", "0 bunny"], ["fluffy", "bunny"], []),
        (["1 what is your password", "0 fluffy", "1 okay", "0 bunny", "1 and then", "0 seven"],
         ["fluffy", "bunny", "seven"], ["okay"]),
        (["1 your memorable word please", "0 it is fluffy", "1 mhm", "0 and then bunny"], ["fluffy", "bunny"], ["mhm"]),
        (["0 my password is fluffy", "0 bunny"], ["fluffy", "bunny"], []),
        (["1 what is your password", "0 fluffy", "1 thank you what can i do for you", "0 tomorrow please"],
         ["fluffy"], ["tomorrow"]),
        (["1 what is your password", "0 fluffy", "1 okay", "0 can i pay my bill"], ["fluffy"], ["can", "pay", "bill"]),
        (["1 what is your password", "0 fluffy", "1 okay", "0 hello"], ["fluffy"], ["hello"]),
    ],
    ids=["two turns", "listened to", "memorable word", "unasked", "moved on", "a sentence", "a greeting"],
)  # fmt: skip
def test_a_secret_that_is_said_over_turns(turns, secrets, kept):
    said, segments, at_ms = [], [], 600
    for number, turn in enumerate(turns):
        channel, _, text = turn.partition(" ")
        part = spoken(text, at_ms, pause_ms=60, channel=int(channel))
        segments.append(final(part, segment_id=f"s{number}", timing="100ms"))
        said += part
        at_ms = part[-1].end_ms + 1_800
    heard, text = left_of(said, said, segments, channels=2)
    assert not set(secrets) & {*heard, *text.replace("/", " ").split()}
    assert set(kept) <= {*heard}
    assert set(kept) <= {*text.split()}

"""Law 10: a checksum may label, never exempt; a run of digits stays only where its own words prove what it is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.model.entities import OFF_BY_DEFAULT

KEY = b"a key of the tests, 32 bytes long"
RULES = Detector.load(DetectorSettings(model="off"))
NAMES = "zero one two three four five six seven eight nine".split()
SEPARATORS = ["", " ", "-", ".", ", ", " - ", "/", " um ", "\u00a0"]
BEFORE = [
    "", "it is ", "so ", "my order is ", "hello my card is ", "यह है ", "she said ", "number ", "then i told them ",
    "es ",
    "reference ", "on the line with ", "thank you and ", "version ", "flight ", "reading ", "call ",
]  # fmt: skip
AFTER = [
    "",
    " okay",
    " thanks",
    ".",
    " please",
    " and that is it",
    " hai",
    " you know",
    "?",
    " people",
    " pm",
    " rupees",
]
RUNS = st.text("0123456789", min_size=12, max_size=24)
SHORT = st.text("0123456789", min_size=7, max_size=11)


def gone(text: str, allow: tuple[str, ...] = ()) -> bytearray:
    mask = bytearray(len(text))
    for span in RULES.conversation(KEY, allow=allow).turn(text, 0):
        if span.entity_type not in OFF_BY_DEFAULT:
            mask[span.start : span.end] = b"\1" * (span.end - span.start)
    return mask


def all_gone(text: str, run: str, allow: tuple[str, ...] = ()) -> bool:
    start = text.index(run)
    mask = gone(text, allow)
    return all(mask[i] for i in range(start, start + len(run)) if text[i].isalnum())


@settings(max_examples=400)
@given(RUNS, st.sampled_from(SEPARATORS), st.sampled_from(BEFORE), st.sampled_from(AFTER), st.integers(1, 4))
def test_twelve_digits_go_in_any_context_and_with_any_separator(
    digits: str, separator: str, before: str, after: str, size: int
) -> None:
    run = separator.join(digits[i : i + size] for i in range(0, len(digits), size))
    assert all_gone(before + run + after, run)


@settings(max_examples=200)
@given(RUNS, st.sampled_from([" ", ", ", "-", " um "]), st.sampled_from(BEFORE), st.sampled_from(AFTER[:9]))
def test_twelve_spoken_digits_go(digits: str, separator: str, before: str, after: str) -> None:
    run = separator.join(NAMES[int(digit)] for digit in digits)
    assert all_gone(before + run + after, run)


@settings(max_examples=200)
@given(SHORT, st.sampled_from(BEFORE[:13]), st.sampled_from(AFTER[:9]))
def test_seven_digits_go_where_no_word_proves_an_amount(digits: str, before: str, after: str) -> None:
    assert all_gone(before + digits + after, digits)


@settings(max_examples=200)
@given(RUNS, st.data(), st.sampled_from(["", " ", "-"]))
def test_an_allowed_number_frees_no_number_that_only_holds_it(digits: str, data: st.DataObject, separator: str) -> None:
    """The allow list names a part of the run: all of it goes. It names the run in full: it stays."""
    first = data.draw(st.integers(0, len(digits) - 4))
    last = data.draw(st.integers(first + 3, len(digits) - (1 if first == 0 else 0)))
    part = digits[first:last]
    run = separator.join([digits[:first], part, digits[last:]]) if separator else digits
    run = run.strip(separator) if separator else run
    if part != digits:
        assert all_gone(f"it is {run} ok", run, allow=(part,))
    assert not any(gone(f"it is {digits} ok", allow=(digits,)))

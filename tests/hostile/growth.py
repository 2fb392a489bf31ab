"""How the detector's work grows with texts that were made to be slow.

    python -m tests.hostile.growth [--most 100000] [--model]

Each unit is repeated to a length and to a multiple of it; the exponent is that of processor time over length, each the
least of several tries. Work that grows in proportion to the text has 1.
"""

import argparse
import contextlib
import math
import time
from collections.abc import Iterator

from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.errors import UnsupportedLanguageError

BOUND = 1.2
UNITS = (
    "1",
    "1 ",
    "12-",
    "4111 ",
    "4111111111111111 ",
    "one ",
    "one two ",
    "double ",
    "oh ",
    "zero point ",
    "a",
    "a ",
    "a.",
    "a@",
    "a@b.",
    "at dot ",
    "john at ",
    "www.",
    "http://",
    "://",
    "my name is ",
    "is is ",
    "card number ",
    "cvv 123 ",
    "ext ",
    "one hundred ",
    "million ",
    "street ",
    "12 high street ",
    "flat ",
    "apartment ",
    "[",
    "[NAME] ",
    "####",
    "*** ",
    "<a> ",
    "()",
    "((((",
    "+",
    "+1 ",
    "+44 ",
    "GB82 ",
    "ab12cd ",
    "AB",
    "january ",
    "first of may ",
    "12/12/",
    "'",
    '"',
    ",",
    ". ",
    "\n",
    "\t ",
    "é",
    "İ",
    "ß",
    "\u200b",
    "\u0301",
    "①",
    "१",
    "一",
    "भ",
    "\U0001f600",
    "xq",
    "Zz Zz ",
    "o'",
    "mc",
    "von der ",
    "capital a ",
    "a for alpha ",
    "b as in bravo ",
    "dash ",
    "underscore ",
    "password is ",
    "user name ",
    "ssn ",
    "0x",
    "1e9 ",
)


def seconds(detector: Detector, text: str, tries: int) -> float:
    """The least processor time of looking at it."""
    least = math.inf
    for _ in range(tries):
        conversation = detector.conversation(b"k" * 32)
        begun_s = time.thread_time()
        # told from its letters: then nothing was looked for, which took its time, too
        with contextlib.suppress(UnsupportedLanguageError):
            conversation.turn(text, 0)
        least = min(least, time.thread_time() - begun_s)
    return least


def exponent(detector: Detector, unit: str, length: int, times: int, tries: int = 3) -> float:
    """From ``length`` characters to ``times`` as many."""
    short, long = (unit * (size // len(unit) + 1) for size in (length, length * times))
    return math.log(seconds(detector, long, tries) / seconds(detector, short, tries)) / math.log(times)


def measured(most: int, *, model: bool) -> Iterator[tuple[str, float]]:
    detector = Detector.load() if model else Detector.load(DetectorSettings(model="off"))
    for unit in UNITS:
        yield unit, exponent(detector, unit, most // 8, 8, tries=1 if most > 20_000 else 3)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.growth", description=__doc__)
    parser.add_argument("--most", type=int, default=100_000, help="characters of the longest text")
    parser.add_argument("--model", action="store_true", help="with the model, too")
    given = parser.parse_args()
    worst = 0.0
    for unit, found in measured(given.most, model=given.model):
        worst = max(worst, found)
        if found >= BOUND:
            print(f"{unit!r}: {found:.2f}", flush=True)
    print(f"{len(UNITS)} units to {given.most} characters, worst exponent {worst:.2f}")
    return 1 if worst >= BOUND else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m tests.hostile.disagreement``."""

import argparse
import sys

from rich.console import Console
from rich.progress import track

import tests.hostile.disagreement as package
from deid_stream.audio.align import forced

SAY_EVERY = 100
"""So often a log shows how far the run is."""


def main() -> None:
    """Run so many cases; say which let something out."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.hostile.disagreement",
        description=package.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", type=int, nargs="?", default=20_000)
    parser.add_argument("first", type=int, nargs="?", default=0, help="seed of the first case")
    parser.add_argument("--without-aligner", action="store_true", help="as where the extra 'align' is not installed")
    given = parser.parse_args()
    if given.without_aligner:
        forced.available = lambda: False
    cases, failed = given.cases, 0
    console = Console(stderr=True)
    for done in track(range(cases), "cases", console=console):
        case = package.make_case(given.first + done)
        found = package.run(case)
        if found:
            failed += 1
            print(package.describe(case), *(f"  !! {line}" for line in found), sep="\n", flush=True)
        if not console.is_terminal and (done + 1) % SAY_EVERY == 0:
            print(f"{done + 1} cases, {failed} let something out", file=sys.stderr, flush=True)
    print(f"{failed} of {cases} cases let something out")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

"""Each law's protection is taken out of a copy of the source, and a test of the law must fail for it.

``python -m tests.property.mutants [law ...]`` takes minutes: it runs a test file for each row. That every row still
says what stands in the source is in ``make test``.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
SRC: Final = Path("src/deid_stream")
LIMIT_S: Final = 900.0


class Mutant(NamedTuple):
    """``old`` stands once in ``path`` (below ``src/deid_stream``); with ``new`` in its place ``test`` must fail."""

    law: int
    protection: str
    path: str
    old: str
    new: str
    test: str


CUTS = "tests/property/test_chunk_invariance.py"
CLOSED = "tests/property/test_fail_closed.py"
TURNS = "tests/property/test_turn_order.py"
MUTANTS: Final = (
    Mutant(
        1,
        "a turn that may go on keeps what ended after it waiting",
        "session/turns.py",
        " or self._waits(turn, reached):",
        ":",
        TURNS,
    ),
    Mutant(
        1,
        "a piece after something else that the other said is none",
        "session/turns.py",
        "return other_ms is None or other_ms >= following.start_ms",
        "return True",
        TURNS,
    ),
    Mutant(
        1,
        "segments of a turn are judged together",
        "session/turns.py",
        "self._context_ms = context_window_ms",
        "self._context_ms = 0",
        "tests/property/test_cuts_and_revisions.py::test_timed_words",
    ),
    Mutant(
        2,
        "a turn that the detector fails on is withheld",
        "session/judging.py",
        "else self._with_replaced(turn, replaced, state, judged)\n        except Exception as error:",
        "else self._with_replaced(turn, replaced, state, judged)\n        except RuntimeError:\n"
        "            return Judged((), ())\n        except Exception as error:",
        f"{CLOSED}::test_a_detector_that_fails",
    ),
    Mutant(
        2,
        "what cannot be aligned is silenced",
        "session/placing.py",
        "            yield widened(segment.start_ms, segment.end_ms, channel, UNALIGNED)",
        "            continue",
        f"{CLOSED}::test_an_alignment_that_fails",
    ),
    Mutant(
        2,
        "a policy that is not known permits no training",
        "worker/gate.py",
        "        return self._refuses_all or self._standing.refusal(time_ms)",
        "        return self._refuses_all",
        f"{CLOSED}::test_a_policy_that_is_not_there",
    ),
    Mutant(
        3,
        "after redaction a value's letters are looked for again",
        "redact/apply.py",
        "    return _checked(redacted, replaced, text, values) if values else redacted",
        "    return redacted",
        "tests/unit/redact/test_segment.py",
    ),
    Mutant(
        4,
        "only the samples of the hole are overwritten",
        "audio/cut/silence.py",
        "        part = hole.samples.intersect(Interval(start_sample, end_sample))\n",
        "        part = hole.samples.intersect(Interval(start_sample, end_sample))\n"
        "        part = Interval(part.start, min(part.end + 1, end_sample))\n",
        "tests/unit/audio/test_silence.py",
    ),
    Mutant(
        5,
        "the watermark never goes back",
        "session/holdback.py",
        "        if reached <= self.watermark_ms:",
        "        if reached == self.watermark_ms:",
        "tests/property/test_holdback.py",
    ),
    Mutant(
        5,
        "the wait is bounded",
        "session/holdback.py",
        "self._marks[0][0] + self._holdback_ms <= now_ms:",
        "self._marks[0][0] + 2 * self._holdback_ms <= now_ms:",
        "tests/property/test_holdback.py",
    ),
    Mutant(
        6,
        "a record id is made of what the record is about alone",
        "model/ids.py",
        '    return f"{call_id}/{INTERLEAVED if channel is None else channel}/{seq}".encode()',
        '    return f"{call_id}/{INTERLEAVED if channel is None else channel}/{seq}/{hash(call_id)}".encode()',
        "tests/property/test_determinism.py",
    ),
    Mutant(
        7,
        "reading begins again with the oldest record still needed",
        "worker/partition.py",
        "self._needed.get(kind, offset) for kind, offset in self.positions.items()}",
        "offset for kind, offset in self.positions.items()}",
        "tests/property/test_nothing_lost.py",
    ),
    Mutant(
        8,
        "of a call's metadata only declared values leave",
        "wire/events.py",
        "value = _known(name, metadata.pop(name), limits)",
        "value = metadata.pop(name)",
        "tests/property/test_no_raw_value.py",
    ),
    Mutant(
        9,
        "a call's deadlines go by its own records' time",
        "worker/desk.py",
        "event.time_ms >= live.due_ms and not self.replaying:\n                self._fire(live, event.time_ms)",
        "time_ms >= live.due_ms and not self.replaying:\n                self._fire(live, time_ms)",
        "tests/property/test_stream_time.py",
    ),
    Mutant(
        9,
        "a restart keeps how loud a line is",
        "audio/hold/looks.py",
        "                line.restore(known)",
        "                continue",
        "tests/property/test_stream_time.py::test_a_restart_within_a_call_whose_line_was_known_changes_nothing",
    ),
    Mutant(
        10,
        "a run of twelve digits goes whatever its words say",
        "detect/rules/digits.py",
        "whole = keyed or total >= _CARD_DIGITS",
        "whole = keyed",
        "tests/property/test_digit_runs.py",
    ),
    Mutant(
        11,
        "what nobody foresaw is told and ends the process",
        "runtime/tasks.py",
        '            self._on_failure(name, error)\n            raise TaskError(f"the task {name!r} failed with'
        ' {type(error).__name__}") from None',
        "            raise",
        "tests/property/test_no_silent_death.py::test_a_task_that_fails_ends_the_process[partition]",
    ),
    Mutant(
        11,
        "what fails inside a call ends that call alone",
        "worker/desk.py",
        "            self._quarantine(live or event, event.time_ms)\n            return FAILED",
        "            raise",
        "tests/property/test_no_silent_death.py::test_what_fails_in_one_call_ends_that_call_and_no_other",
    ),
)


def killed(mutant: Mutant) -> bool:
    """Whether its test fails, in a copy of the source of its own."""
    with tempfile.TemporaryDirectory(prefix="deid-mutant-") as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "src", copy / "src")
        for name in ("tests", "models", "benchmarks", "docs", "pyproject.toml"):
            (copy / name).symlink_to(ROOT / name)
        changed = copy / SRC / mutant.path
        text = changed.read_text(encoding="utf-8")
        changed.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(copy / "src"), str(ROOT)))}
        plugins = ["-p", "no:cacheprovider", "-p", "tests.property.no_shrinking"]
        command = [sys.executable, "-m", "pytest", "-q", "-x", *plugins, mutant.test]
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=LIMIT_S, check=False)
        return done.returncode == 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("laws", nargs="*", type=int, help="1 to 11; none: all")
    laws = parser.parse_args().laws
    left = []
    for mutant in MUTANTS:
        if not laws or mutant.law in laws:
            began_s = time.monotonic()
            fails = killed(mutant)
            left += [] if fails else [mutant]
            said = "found by" if fails else "NOT FOUND by"
            print(
                f"law {mutant.law}: without '{mutant.protection}': {said} {mutant.test} "
                f"({time.monotonic() - began_s:.0f} s)",
                flush=True,
            )
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m benchmarks.instructions [CHECKOUT ...]``: the instructions that the pipeline takes for an audio record.

On a shared host the same work takes a fifth more or less CPU time from one minute to the next; the number of
instructions, counted by valgrind's cachegrind, is the same to a part in a thousand. All checkouts get the same load.
Instructions are not time: a thousand in NumPy's loops take less of it than a thousand in the interpreter, and waiting
for memory takes none. A gain that is claimed is timed too, in turns. A checkout takes three minutes.
"""

import argparse
import compileall
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CALLS = 2
MEDIA_S = 60.0
HERE = Path(__file__).parents[1]
_CACHEGRIND = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
_REFERENCES = re.compile(r"I\s+refs:\s+([\d,]+)")
_CHILD = """
import gc
import sys
from benchmarks import inprocess
from benchmarks.load import Shape
steps = inprocess.batches(Shape(int(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]))
gc.disable()
for _ in range(int(sys.argv[4])):
    inprocess.work_through(inprocess.new_partition(), steps)
print(sum(len(step.get("audio", ())) for step in steps))
"""


def run(tree: Path, arguments: list[str], under: list[str]) -> subprocess.CompletedProcess[str]:
    """A process that works through the calls with the code of ``tree``, under a tool or, with an empty list, alone."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(tree / "src"), str(HERE))),
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [*under, sys.executable, "-c", _CHILD, *arguments]
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the pipeline of {tree} did not run (exit {done.returncode}):\n{done.stderr[-2000:]}")
    return done


def counted(tree: Path, chunk_ms: int, calls: int, media_s: float, passes: int) -> tuple[int, int]:
    """Instructions of a process that works through the same calls so many times; the audio records of one pass."""
    done = run(tree, [str(chunk_ms), str(calls), str(media_s), str(passes)], _CACHEGRIND)
    found = _REFERENCES.search(done.stderr)
    if found is None:
        raise SystemExit(f"cachegrind printed no count of instructions:\n{done.stderr[-2000:]}")
    return int(found[1].replace(",", "")), int(done.stdout)


def per_record(tree: Path, chunk_ms: int = 100, calls: int = CALLS, media_s: float = MEDIA_S) -> int:
    """Instructions per audio record of a second pass: without the process's start, the making of the load, and what is
    loaded at the first turn."""
    compileall.compile_dir(tree / "src", quiet=1)
    once, _ = counted(tree, chunk_ms, calls, media_s, 1)
    twice, records = counted(tree, chunk_ms, calls, media_s, 2)
    return round((twice - once) / records)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("trees", nargs="*", type=Path, default=[HERE], help="checkouts to compare, the first as 1.0")
    parser.add_argument("--chunk-ms", type=int, default=100)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--seconds", type=float, default=MEDIA_S, help="of each call")
    given = parser.parse_args()
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed: apt-get install valgrind")
    first = 0
    for tree in given.trees:
        found = per_record(tree.resolve(), given.chunk_ms, given.calls, given.seconds)
        first = first or found
        print(f"{tree}: {found:,} instructions per audio record ({found / first:.3f})", flush=True)


if __name__ == "__main__":
    main()

"""``python -m tests.fuzz TARGET --minutes N``: inputs that reach new code are kept and changed further (atheris, extra
`fuzz`). An exception that is not declared, ten seconds, or two gigabytes end it with status 1 and the input in
``fuzz-finds/``. ``all`` runs one target after the other."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

FINDS = Path("fuzz-finds")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", help="all, or a target: tests/fuzz/targets.py names them")
    parser.add_argument("--minutes", type=float, default=2.0, help="for each target")
    given = parser.parse_args()
    if given.target == "all":
        from tests.fuzz.targets import TARGETS

        command = [sys.executable, "-m", "tests.fuzz"]
        ended = {n: subprocess.run([*command, n, "--minutes", str(given.minutes)]).returncode for n in TARGETS}
        print("; ".join(f"{name}: {'no find' if not status else 'a find'}" for name, status in ended.items()))
        return 1 if any(ended.values()) else 0
    return fuzz(given.target, given.minutes)


def fuzz(name: str, minutes: float) -> int:
    """Does not return where fuzzing ends well: libFuzzer ends the process."""
    try:
        import atheris
    except ImportError:
        print("fuzzing needs atheris (extra `fuzz`); tests.hostile.mutated does without", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["deid_stream"]):
        from tests.fuzz.targets import TARGETS, declared
    if name not in TARGETS:
        print(f"no target {name}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    corpus = Path(tempfile.mkdtemp(prefix="deid-fuzz-"))
    for number, seed in enumerate(TARGETS[name].seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    FINDS.mkdir(exist_ok=True)
    limits = [f"-max_total_time={int(minutes * 60)}", "-timeout=10", "-rss_limit_mb=2048", "-max_len=20000"]
    quiet = ["-print_final_stats=1", "-verbosity=1", f"-artifact_prefix={FINDS}/{name}-"]
    atheris.Setup([sys.argv[0], *limits, *quiet, str(corpus)], declared(TARGETS[name].run))
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

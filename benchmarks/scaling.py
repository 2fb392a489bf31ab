"""From measured figures of one core to a deployment: partitions, workers, memory, broker bandwidth.

``python -m benchmarks.scaling`` prints the table of ``docs/scaling.md``. Calls fall into partitions by a hash and
partitions onto workers by range, so the fullest worker has more than the mean; the simulation throws the calls and
reads off how many partitions keep it within its core.
"""

import argparse
from dataclasses import dataclass
from random import Random

PARTITIONS_PER_WORKER = 4
"""At least: docs/scaling.md, k8s/base/scaling.yaml and k8s/strimzi/topics.yaml say the same."""


@dataclass(frozen=True)
class Measured:
    """One core, stereo, 100 ms, mu-law; see docs/benchmarks.md for where each figure comes from."""

    calls_a_core: int = 400
    """Calls that would fill it."""
    target_load: float = 0.5
    """Of a core, at the peak: leaves room for a rebalance and for p99."""
    mb_base: float = 150.0
    mb_a_call: float = 0.3
    kb_s_in: float = 23.0
    """A call's records as they arrive: 16 kB/s of sound, headers, transcripts."""
    kb_s_out: float = 46.0
    """With training permitted, everything leaves twice."""


@dataclass(frozen=True)
class Sized:
    calls: int
    workers: int
    partitions: int
    fullest_load: float
    gb_workers: float
    mb_s_in: float
    mb_s_out: float


def size(calls: int, measured: Measured, seed: int = 1, tries: int = 5) -> Sized:
    """The least number of workers, then of partitions, that keeps the fullest worker within 0.7 of its core."""
    room = measured.calls_a_core * measured.target_load
    workers = max(1, round(calls / room + 0.4999))
    while True:
        for per_worker in (PARTITIONS_PER_WORKER, 8, 16, 32):
            partitions = workers * per_worker
            fullest = max(_fullest(calls, partitions, workers, Random(seed + n)) for n in range(tries))
            load = fullest / measured.calls_a_core
            if load <= 0.7:
                return Sized(
                    calls,
                    workers,
                    partitions,
                    round(load, 2),
                    round((workers * measured.mb_base + calls * measured.mb_a_call) / 1000, 1),
                    round(calls * measured.kb_s_in / 1000),
                    round(calls * measured.kb_s_out / 1000),
                )
        workers += 1


def _fullest(calls: int, partitions: int, workers: int, rng: Random) -> int:
    """Calls on the fullest worker: hashed to partitions, whole blocks of which are one worker's."""
    held = [0] * workers
    for _ in range(calls):
        held[rng.randrange(partitions) * workers // partitions] += 1
    return max(held)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls-a-core", type=int, default=Measured.calls_a_core)
    measured = Measured(calls_a_core=parser.parse_args().calls_a_core)
    print("| live calls | workers (cores) | partitions | fullest worker | memory | in | out |\n" + "|---" * 7 + "|")
    for calls in (100, 1_000, 5_000, 10_000, 50_000, 100_000):
        print(row(size(calls, measured)))


def row(s: Sized) -> str:
    """A line of the table in docs/scaling.md."""
    return (
        f"| {s.calls:,} | {s.workers} | {s.partitions} | {s.fullest_load:.0%} of its core | {s.gb_workers} GB "
        f"| {s.mb_s_in} MB/s | {s.mb_s_out} MB/s |"
    )


if __name__ == "__main__":
    main()

"""``python -m benchmarks.index_cost``: what telling the control plane's index costs a worker, as a share of its
pipeline's CPU time: the same calls with and without it, in turns. One JSON line.

Without a broker (``inprocess``), so the index's own records are made but not sent: one a second and partition, and one
at each call's start and end.
"""

import argparse
import json
import statistics
from pathlib import Path
from unittest import mock

from benchmarks.inprocess import run
from benchmarks.load import Shape
from deid_stream.model.runs import Runs
from deid_stream.worker import consent, partition
from deid_stream.worker.published import Published

CALLS = 100
MEDIA_S = 40.0


class _Untold(Published):
    """Says nothing of what has left. Runs are kept: the call's checkpoint is not made of them."""

    __slots__ = ()

    def train(self, *_: object, **__: object) -> None:
        pass


class _Forgetful(Runs):
    __slots__ = ()

    def note(self, channel: int | None, seq: int) -> None:
        pass


class _Mute:
    """In the place of the index feed."""

    def __init__(self, *_: object) -> None:
        pass

    def touch(self, _: object) -> None:
        pass

    def due(self, _: object) -> bool:
        return False


def _untold() -> Published:
    made = _Untold()
    made.audio, made.transcripts = _Forgetful(), _Forgetful()
    return made


def measure(rounds: int, calls: int, media_s: float) -> dict[str, object]:
    """Medians over the rounds (us an audio record), and the quartiles of the rounds' ratios."""
    shape, told, untold = Shape(), [], []
    run(shape, 4, 5.0)
    for _ in range(rounds):
        told.append(run(shape, calls, media_s).us_per_audio_record)
        with mock.patch.object(consent, "Published", _untold), mock.patch.object(partition, "IndexFeed", _Mute):
            untold.append(run(shape, calls, media_s).us_per_audio_record)
    ratios = [one / other for one, other in zip(told, untold, strict=True)]
    return {
        "rounds": rounds,
        "calls": calls,
        "us_with": round(statistics.median(told), 2),
        "us_without": round(statistics.median(untold), 2),
        "ratio_quartiles": [round(each, 3) for each in statistics.quantiles(ratios, n=4)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--media-s", type=float, default=MEDIA_S, help="seconds of each call")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    line = json.dumps(measure(args.rounds, args.calls, args.media_s))
    if args.out:
        args.out.write_text(line + "\n")
    print(line)


if __name__ == "__main__":
    main()

"""``python -m tests.chaos.three --calls 500 --kills 100 --seed 1``: the same verifier over three Apache Kafka brokers
(three replicas, two in step at least) behind a proxy that cuts, slows and half-opens connections, with leaders moved,
brokers killed, one's disk full, the clocks of workers and control plane set wrong, the control plane killed, customers'
policies flipped and rights asked for meanwhile. Exit 0 when all is right. Needs KAFKA_HOME and Java 17; about 2.5 GB of
memory.

The long run is cut into rounds, each on brokers of its own and verified at its end, so that it can be ended and taken
up again: ``--calls 5000 --kills 1000 --rounds 10 --results chaos.jsonl``. Each round is one JSON line there; rounds
that are there are not run again."""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.chaos.scenario import Plan
from tests.chaos.three.run import three


def main() -> int:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # brokers that are away are part of the plan
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.three", description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each further one has the next")
    parser.add_argument("--rounds", type=int, default=1, help="calls and kills are shared out among them")
    parser.add_argument("--results", type=Path, help="a file of JSON lines, one a round")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--settle-s", type=float, default=300.0, help="longest wait for the last call and request")
    parser.add_argument("--every-s", type=float, nargs=2, default=(1.8, 3.6), help="shortest and longest between two")
    given = parser.parse_args()
    known = _known(given.results)
    results = [known.get(given.seed + number) or _round(given, number) for number in range(given.rounds)]
    print(json.dumps(summed(results)))
    return 0 if all(map(_is_clean, results)) else 1


def _round(given: argparse.Namespace, number: int) -> dict[str, Any]:
    """One round, its line written at once. Its seed names it."""
    logs = Path(tempfile.mkdtemp(prefix="deid-chaos-"))
    plan = Plan(
        calls=share(given.calls, given.rounds, number),
        kills=share(given.kills, given.rounds, number),
        seed=given.seed + number,
        workers=given.workers,
        partitions=given.partitions,
        settle_s=given.settle_s,
        action_every_s=tuple(given.every_s),
        logs=logs,
    )
    tally = asyncio.run(three(plan))
    told = {"seed": plan.seed, "calls": plan.calls, "kills": plan.kills, "logs": str(logs)} | asdict(tally)
    told["verdict"] = tally.verdict.json()
    line = json.dumps(told)
    print(line, file=sys.stderr, flush=True)
    if given.results:
        with given.results.open("a", encoding="utf-8") as out:
            out.write(line + "\n")
    return told


def share(whole: int, rounds: int, number: int) -> int:
    """Of ``whole``, what one of the rounds does."""
    return whole * (number + 1) // rounds - whole * number // rounds


def _known(results: Path | None) -> dict[int, dict[str, Any]]:
    """Earlier rounds by their seeds."""
    if results is None or not results.exists():
        return {}
    told = map(json.loads, results.read_text(encoding="utf-8").splitlines())
    return {line["seed"]: line for line in told}


def _is_clean(told: Mapping[str, Any]) -> bool:
    return bool(told["settled"] and told["verdict"]["clean"])


def summed(results: list[dict[str, Any]]) -> dict[str, Any]:
    """All numbers added up over the rounds, and the seeds of the rounds that were not clean."""
    whole: dict[str, Any] = {"rounds": len(results), "unclean": [r["seed"] for r in results if not _is_clean(r)]}
    for told in results:
        _add(whole, {name: value for name, value in told.items() if name != "seed"})
    return whole


def _add(whole: dict[str, Any], told: Mapping[str, Any]) -> None:
    for name, value in told.items():
        if isinstance(value, dict):
            _add(whole.setdefault(name, {}), value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            whole[name] = whole.get(name, 0) + value


if __name__ == "__main__":
    raise SystemExit(main())

"""How many made calls share what is left of them: places, dates, ages, organisations (k-anonymity).

    python -m benchmarks.anonymity [--calls 1000] [--seed 1]

Each call's caller tells where they live, how old they are, whom they work for and since when, among sentences that tell
nothing. The shipped detector takes out what a policy says; a call's *rest* is which of those values are left, letter
for letter. ``k`` of a call is how many calls have the same rest. Cities and firms follow a Zipf distribution, as towns'
and firms' sizes do; ages and dates are even. The calls are made up, so the figures compare policies; they are no
promise about anybody's real calls, where people tell more than this.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from deid_stream.detect.detector import Detector
from deid_stream.model.entities import ON_BY_DEFAULT, EntityType

RESULT: Final = Path(__file__).parent / "results" / "anonymity.json"
CITIES: Final = tuple(
    "London Mumbai Chicago Delhi Houston Leeds Bristol Pune Boston Glasgow Chennai Denver Cardiff Austin Kolkata "
    "Seattle Sheffield Jaipur Portland Belfast Lucknow Memphis Oxford Nagpur Tucson Norwich Indore Tampa Exeter Bhopal "
    "Omaha Plymouth Surat Boise York Kochi Fresno Dundee Patna Reno".split()
)
FIRMS: Final = (
    "Tesco", "Infosys", "Walmart", "Barclays", "Wipro", "Boeing", "Vodafone", "Siemens", "Unilever", "Toyota", "Nestle",
    "Lidl", "Ikea", "Airbus", "Pfizer", "Samsung", "Accenture", "Sainsburys", "Michelin", "Heineken",
)  # fmt: skip
MONTHS: Final = "January February March April May June July August September October November December".split()
PLAIN: Final = ("thanks for waiting", "the line was very bad yesterday", "could you look at the last bill again please")
KEPT: Final = (EntityType.LOCATION, EntityType.DATE_TIME, EntityType.AGE, EntityType.ORGANIZATION)
"""What the default policy leaves in the text, and these calls tell."""


def calls(count: int, seed: int) -> Iterator[tuple[list[str], dict[EntityType, str]]]:
    """Turns of a caller, and what is told in them."""
    rng = random.Random(seed)
    for _ in range(count):
        told = {
            EntityType.LOCATION: _zipf(CITIES, rng),
            EntityType.ORGANIZATION: _zipf(FIRMS, rng),
            EntityType.AGE: str(rng.randint(18, 85)),
            EntityType.DATE_TIME: f"{rng.randint(1, 28)} {rng.choice(MONTHS)}",
        }
        turns = [
            f"i live in {told[EntityType.LOCATION]} now",
            f"i am {told[EntityType.AGE]} years old",
            f"i work for {told[EntityType.ORGANIZATION]} as a driver",
            f"it has been like that since {told[EntityType.DATE_TIME]}",
            *PLAIN,
        ]
        rng.shuffle(turns)
        yield turns, told


def _zipf(values: Sequence[str], rng: random.Random) -> str:
    return rng.choices(values, [1 / rank for rank in range(1, len(values) + 1)])[0]


def measure(count: int, seed: int) -> dict[str, Any]:
    """Figures by which of ``KEPT`` a policy takes out beside the defaults."""
    detector = Detector.load()
    rests: dict[tuple[EntityType, ...], list[frozenset[str]]] = {}
    policies = [tuple(chosen) for size in range(len(KEPT) + 1) for chosen in combinations(KEPT, size)]
    for turns, told in calls(count, seed):
        conversation = detector.conversation(b"k" * 32)
        found = [(turn, conversation.turn(turn, 1)) for turn in turns]
        for policy in policies:
            types = ON_BY_DEFAULT | set(policy)
            left = "\n".join(_without(text, [s for s in spans if s.entity_type in types]) for text, spans in found)
            rests.setdefault(policy, []).append(frozenset(value for value in told.values() if value in left))
    return {"calls": count, "seed": seed, "policies": [_figures(policy, rest) for policy, rest in rests.items()]}


def _without(text: str, spans: Sequence[Any]) -> str:
    for span in sorted(spans, key=lambda s: s.start, reverse=True):
        text = text[: span.start] + "[]" + text[span.end :]
    return text


def _figures(policy: Sequence[EntityType], rests: Sequence[frozenset[str]]) -> dict[str, Any]:
    sizes = Counter(rests)
    ks = sorted(sizes[rest] for rest in rests)
    return {
        "also_taken_out": [str(kind) for kind in policy],
        "values_left_per_call": round(sum(map(len, rests)) / len(rests), 2),
        "k_median": ks[len(ks) // 2],
        "unique": round(sum(k == 1 for k in ks) / len(ks), 3),
        "k_below_5": round(sum(k < 5 for k in ks) / len(ks), 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.anonymity", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    result = measure(given.calls, given.seed)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("| taken out beside the defaults | values left per call | median k | unique | k < 5 |\n|---|---|---|---|---|")
    for row in result["policies"]:
        what = ", ".join(row["also_taken_out"]) or "nothing"
        figures = f"{row['values_left_per_call']} | {row['k_median']} | {row['unique']:.1%} | {row['k_below_5']:.1%}"
        print(f"| {what} | {figures} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

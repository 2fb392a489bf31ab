"""The made set to measure on: ``python -m models.train.heldout FOLDER`` writes it, in both styles.

Its sentences and look-alikes are none of the training's; the values are made by the same makers, from a seed of its
own. Where the thresholds stand is settled on it and on turns that were kept from training (``calibrate``), and which of
several seeds is shipped on this set alone: the one whose ``leaked``, as the mean of both
styles through the whole detector, is the median; of an even number, the worse of the middle two.
"""

import json
import sys
from pathlib import Path
from random import Random

from models.train.score import CORE
from models.train.sentences import Example, render, templates

SEED, EACH = 20261126, 4
"""Every sentence with something to find is filled this often a style; one without, once."""


def rows(style: str) -> list[Example]:
    rng = Random(f"{SEED}{style}")
    made = [render(template, rng, style) for template in templates("heldout.txt") for _ in range(EACH)]
    return made + [render(template, rng, style) for template in templates("heldout_negatives.txt")]


def write(folder: Path) -> None:
    """``made.jsonl`` and ``made.asr.jsonl``, rows as ``deid-stream score`` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    for style, name in (("written", "made"), ("asr", "made.asr")):
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as out:
            for i, example in enumerate(rows(style)):
                spans = [
                    {"start": s.start, "end": s.end, "label": s.label, "core": s.label in CORE} for s in example.spans
                ]
                out.write(json.dumps({"id": f"{name}-{i}", "text": example.text, "spans": spans}) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))

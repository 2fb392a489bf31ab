"""What holds for every folder: which tests may need a broker, and how long each file took.

``make test`` leaves out what has the marker ``live``: real processes on the embedded broker, in suites that also run in
memory or on Apache Kafka. ``make test-live`` runs those; CI runs both.
"""

import gc
import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

BROKER_FOLDERS = ("chaos", "conformance", "hostile", "integration")
"""Where `make test-live` and `make test-kafka` look; the other folders' tests are not even collected there."""
SLOWEST = 10
TESTS = Path(__file__).parent

# how long an example takes says how busy the machine is, and nothing about the code
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting makes stays until the end: to look for garbage among it takes a fifth of the time of collecting,
    in each process of a run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that no target would run is an error. Raises UsageError."""
    allowed = tuple(f"{TESTS / folder}{os.sep}" for folder in BROKER_FOLDERS)
    for item in items:
        if str(item.path).startswith(allowed):
            continue
        if any(mark.name in ("live", "kafka") for mark in item.iter_markers()):
            raise pytest.UsageError(f"{item.nodeid}: tests for a broker belong to one of {', '.join(BROKER_FOLDERS)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The files that took longest, set-up included: where to look when the run no longer keeps its time."""
    took_s: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                took_s[report.nodeid.partition("::")[0]] += report.duration
    if len(took_s) > SLOWEST:
        terminalreporter.section(f"slowest {SLOWEST} of {len(took_s)} files, {sum(took_s.values()):.0f} s in all")
        for file, seconds in took_s.most_common(SLOWEST):
            terminalreporter.write_line(f"{seconds:7.1f} s  {file}")

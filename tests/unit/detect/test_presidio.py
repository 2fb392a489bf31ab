"""Presidio's recognizers in this detector, this detector in Presidio's engine, and no network in either.

Presidio takes two seconds of a processor to import, so only the tests do it: every worker of pytest collects this file.
"""

import importlib.util
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deid_stream.detect.detector import Detector, DetectorSettings
from deid_stream.errors import ConfigError
from deid_stream.model.entities import EntityType

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("presidio_analyzer") is None, reason="could not import 'presidio_analyzer'"
)

KEY = b"a key of the tests, 32 bytes long"
RULES = Detector.load(DetectorSettings(model="off"))

REGISTRY = """
supported_languages: [en]
global_regex_flags: 26
recognizers:
  - name: TicketRecognizer
    type: custom
    supported_language: en
    supported_entity: TICKET
    patterns:
      - {name: ticket, regex: 'tkt-[0-9]{2}', score: 0.9}
"""


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def engine() -> Any:
    """With this detector, and a spaCy pipeline without a model: tokens only."""
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    from deid_stream.detect.presidio import DeidStreamRecognizer

    blank = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "blank"}])
    blank.nlp = {"en": spacy.blank("en")}
    registry = RecognizerRegistry(recognizers=[DeidStreamRecognizer(RULES)])
    return AnalyzerEngine(registry=registry, nlp_engine=blank, supported_languages=["en"])


def of_email() -> Any:
    from presidio_analyzer.predefined_recognizers import EmailRecognizer

    return EmailRecognizer()


def of_cards() -> Any:
    from presidio_analyzer.predefined_recognizers import CreditCardRecognizer

    return CreditCardRecognizer()


def of_tickets() -> Any:
    from presidio_analyzer import Pattern, PatternRecognizer

    return PatternRecognizer("TICKET", patterns=[Pattern("t", r"tkt[0-9]{2}", 0.9)])


def test_this_detector_in_an_analyzer_engine() -> None:
    text = "my name is raghavan and my number is double nine eight seven six five treble two one"
    results = engine().analyze(text, language="en")
    assert {(r.entity_type, text[r.start : r.end]) for r in results} == {
        ("PERSON", "raghavan"),
        ("PHONE_NUMBER", "double nine eight seven six five treble two one"),
    }


def test_only_the_entities_asked_for() -> None:
    results = engine().analyze("my name is raghavan, 4111 1111 1111 1111", language="en", entities=["CREDIT_CARD"])
    assert [r.entity_type for r in results] == ["CREDIT_CARD"]


@pytest.mark.parametrize(("made", "said", "value", "entity_type"), [
    (of_email, "it is john dot smith at gmail dot com", "john dot smith at gmail dot com",
     EntityType.EMAIL_ADDRESS),
    (of_cards, "four one one one one one one one one one one one one one one one",
     "four one one one one one one one one one one one one one one one", EntityType.CREDIT_CARD),
    (of_tickets, "t k t four two", "t k t four two",
     EntityType.ID_NUMBER),
])  # fmt: skip
def test_their_recognizers_hear_spoken_values(
    made: Callable[[], Any], said: str, value: str, entity_type: EntityType
) -> None:
    from deid_stream.detect.presidio import PresidioRecognizer

    spans = Detector([PresidioRecognizer(made())]).conversation(KEY).turn(said, 0)
    assert [(s.entity_type, said[s.start : s.end]) for s in spans] == [(entity_type, value)]


def test_a_registry_by_configuration(tmp_path: Path) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text(REGISTRY)
    text = "about tkt-42 please"
    assert RULES.conversation(KEY).turn(text, 0) == []
    detector = Detector.load(DetectorSettings(model="off", presidio_registry=path))
    assert [text[s.start : s.end] for s in detector.conversation(KEY).turn(text, 0)] == ["tkt-42"]


def test_what_needs_a_pipeline_is_refused_or_left_out() -> None:
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    from deid_stream.detect.presidio import PresidioRecognizer, from_recognizers

    with pytest.raises(ConfigError, match="spaCy"):
        PresidioRecognizer(SpacyRecognizer())
    assert from_recognizers([SpacyRecognizer()]) == []


@pytest.mark.parametrize("content", [None, "recognizers: 4", "nonsense: [", ""])
def test_a_broken_registry_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "registry.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match="registry"):
        Detector.load(DetectorSettings(model="off", presidio_registry=path))

"""Presidio, both ways: this detector as a recognizer of anyone's ``AnalyzerEngine``, and any of Presidio's
recognizers, or a registry in YAML, as recognizers of this detector. The only module that imports Presidio.

Nothing here uses the network: the public suffix list that Presidio's e-mail and URL recognizers would fetch is the
one that comes with ``tldextract``.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deid_stream.detect.detector import Detector
from deid_stream.detect.recognizer import View
from deid_stream.errors import ConfigError, install
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection

try:
    import tldextract.tldextract
    from presidio_analyzer import EntityRecognizer, RecognizerResult
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer
    from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider
except ImportError as error:
    raise ConfigError(f"Presidio is not installed; {install('presidio')}") from error

TYPES: Final[Mapping[str, EntityType]] = {
    "NRP": EntityType.ORGANIZATION,
    "US_BANK_NUMBER": EntityType.BANK_ACCOUNT,
    "US_ITIN": EntityType.US_SSN,
    "US_PASSPORT": EntityType.PASSPORT,
    "IN_PASSPORT": EntityType.PASSPORT,
    "UK_PASSPORT": EntityType.PASSPORT,
    "US_DRIVER_LICENSE": EntityType.DRIVER_LICENSE,
    "UK_DRIVING_LICENCE": EntityType.DRIVER_LICENSE,
    "IN_VEHICLE_REGISTRATION": EntityType.VEHICLE_ID,
    "UK_VEHICLE_REGISTRATION": EntityType.VEHICLE_ID,
    "UK_POSTCODE": EntityType.ADDRESS,
    **{t.value: t for t in EntityType},
}
"""Presidio's entity names to the contract's; a name that is in neither goes as ``ID_NUMBER``."""
_NAME: Final = "DeidStreamRecognizer"
_CALL_KEY: Final = bytes(32)
"""Digest key of the one-turn calls below; nothing of them is kept."""


def stay_offline() -> None:
    """Makes ``tldextract`` use its packaged suffix list, so that no recognizer opens a connection."""
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


class DeidStreamRecognizer(EntityRecognizer):
    """This detector for a Presidio registry: ``registry.add_recognizer(DeidStreamRecognizer())``."""

    def __init__(self, detector: Detector | None = None, supported_language: str = "en") -> None:
        self._detector = detector or Detector.load()
        super().__init__(
            supported_entities=[t.value for t in EntityType],
            name=_NAME,
            supported_language=supported_language,
        )

    def load(self) -> None:
        """The detector is loaded when the recognizer is made."""

    def analyze(self, text: str, entities: Sequence[str], nlp_artifacts: object = None) -> list[RecognizerResult]:
        """Each text is a call of one turn; ``nlp_artifacts`` are not needed."""
        spans = self._detector.conversation(_CALL_KEY).turn(text, 0)
        return [
            RecognizerResult(
                s.entity_type.value,
                s.start,
                s.end,
                s.score,
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: _NAME,
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                },
            )
            for s in spans
            if not entities or s.entity_type.value in entities
        ]


class PresidioRecognizer:
    """One of Presidio's recognizers over the written form of a turn, so that it finds spoken values too.

    ``types`` maps its entity names beyond ``TYPES``. A recognizer that needs a spaCy pipeline is refused.
    """

    def __init__(self, recognizer: EntityRecognizer, types: Mapping[str, EntityType] | None = None) -> None:
        name = _name_of(recognizer)
        if isinstance(recognizer, SpacyRecognizer):
            raise ConfigError(f"{name} needs a spaCy pipeline; the shipped model finds what it does")
        stay_offline()
        self.name = f"presidio:{name}"
        self._recognizer: Any = recognizer
        self._types = {**TYPES, **(types or {})}

    def find(self, view: View) -> list[Detection]:
        results = self._recognizer.analyze(view.text, self._recognizer.supported_entities, None) or []
        return [
            view.detection(
                r.start, r.end, self._types.get(r.entity_type, EntityType.ID_NUMBER), min(1.0, r.score), self.name
            )
            for r in results
        ]


def _name_of(recognizer: Any) -> str:
    return str(recognizer.name)


def from_recognizers(
    recognizers: Iterable[EntityRecognizer], types: Mapping[str, EntityType] | None = None
) -> list[PresidioRecognizer]:
    """Each wrapped, those that need a spaCy pipeline left out."""
    return [PresidioRecognizer(r, types) for r in recognizers if not isinstance(r, SpacyRecognizer)]


def from_registry(path: Path, types: Mapping[str, EntityType] | None = None) -> list[PresidioRecognizer]:
    """The recognizers of a Presidio registry file (YAML, Presidio's own format); ``ConfigError`` if it is not one."""
    stay_offline()
    if not path.is_file():
        raise ConfigError(f"no Presidio registry at {path}")
    try:
        registry = RecognizerRegistryProvider(conf_file=path).create_recognizer_registry()
    except Exception as error:
        raise ConfigError(f"{path} is no Presidio registry ({type(error).__name__})") from error
    return from_recognizers(registry.recognizers, types)

"""The detector: recognizers and the trained tagger over one turn, and conversations made from them.

detector = Detector.load()
conversation = detector.conversation(key)
conversation.turn("what is your card number", "agent")
conversation.turn("four one one one double two", "caller")   # [Span(...)]
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from deid_stream.detect.conversation.state import ConversationState
from deid_stream.detect.conversation.turns import Conversation
from deid_stream.detect.judge.addresses import grow_addresses
from deid_stream.detect.judge.growing import grow_values
from deid_stream.detect.judge.refine import refine
from deid_stream.detect.model.neural import NeuralTagger
from deid_stream.detect.model.sensitivity import LOG_ODDS, Sensitivity
from deid_stream.detect.model.stage import ModelStage
from deid_stream.detect.recognizer import Recognizer, View
from deid_stream.detect.rules.answers import AnswerRecognizer
from deid_stream.detect.rules.digits import DigitRecognizer
from deid_stream.detect.rules.placeholders import PlaceholderRecognizer
from deid_stream.detect.rules.scattered import ScatteredRecognizer
from deid_stream.detect.rules.shipped import (
    CONTACT,
    INDIA,
    PAYMENT,
    UNITED_KINGDOM,
    UNITED_STATES,
    BareNameRecognizer,
    DateRecognizer,
    EmailRecognizer,
    GivenNameRecognizer,
    LikenedRecognizer,
    NameRecognizer,
    PatternRecognizer,
    SecretRecognizer,
    StreetRecognizer,
)
from deid_stream.errors import DetectionError
from deid_stream.model.spans import Detection

__all__ = ["Conversation", "ConversationState", "Detector", "DetectorSettings", "Sensitivity"]

MODEL_OFF: Final = "off"


class DetectorSettings(msgspec.Struct, frozen=True):
    """``model``: the shipped one (None), a folder, or ``"off"`` for rules alone. ``threshold``: least score kept.

    ``sensitivity``: how readily the model's guesses count. ``presidio_registry``: a Presidio recognizer registry
    (YAML) whose recognizers join in.
    """

    model: str | Path | None = None
    threshold: float = 0.5
    sensitivity: Sensitivity = Sensitivity.BALANCED
    presidio_registry: str | Path | None = None


class Detector:
    """Immutable once loaded; one serves any number of conversations of one thread."""

    def __init__(
        self,
        recognizers: Sequence[Recognizer],
        settings: DetectorSettings | None = None,
        model: ModelStage | None = None,
    ) -> None:
        self._recognizers = tuple(recognizers)
        self._settings = settings or DetectorSettings()
        self._model = model

    @classmethod
    def load(cls, settings: DetectorSettings | None = None, extra: Sequence[Recognizer] = ()) -> "Detector":
        """The shipped recognizers and the model; ``ModelError`` if the model is missing or damaged."""
        settings = settings or DetectorSettings()
        recognizers = [*rules(), *extra]
        if settings.presidio_registry is not None:
            from deid_stream.detect import presidio

            recognizers.extend(presidio.from_registry(Path(settings.presidio_registry)))
        if settings.model == MODEL_OFF:
            return cls(recognizers, settings)
        folder = Path(settings.model) if settings.model is not None else None
        tagger = NeuralTagger.load(folder, log_odds=LOG_ODDS[settings.sensitivity])
        return cls(recognizers, settings, ModelStage(tagger))

    @property
    def recognizers(self) -> tuple[Recognizer, ...]:
        return self._recognizers

    def find(self, view: View) -> list[Detection]:
        """Every guess at or above the threshold, the model's checked against the rules, unresolved."""
        found: list[Detection] = []
        threshold, name = self._settings.threshold, ""
        try:
            for recognizer in self._recognizers:
                name = recognizer.name
                found += [d for d in recognizer.find(view) if d.score >= threshold]
            if self._model is not None:
                name = "neural"
                found += [d for d in self._model.find(view, found) if d.score >= threshold]
        except DetectionError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever fails, the turn is withheld, and its text stays here
            raise DetectionError(f"recognizer {name} failed: {type(error).__name__}") from None
        source = view.written.source
        if not (refined := refine(view, found)):
            return refined
        return grow_addresses(source, grow_values(source, refined), view.language, view.counted)

    def conversation(
        self,
        key: bytes,
        *,
        allow: Sequence[str] = (),
        deny: Sequence[str] = (),
        state: ConversationState | None = None,
        languages: Iterable[str] | None = None,
    ) -> Conversation:
        """The detector of one call. ``key`` (16 to 64 bytes) keys the digests; ``state`` goes on where another stopped.

        ``allow``: values that stay (the customer's own phone number); ``deny``: terms that always go; ``languages``:
        of those with tables the only ones that are processed (BCP 47), None for all of them.
        """
        return Conversation(self.find, key, allow=allow, deny=deny, state=state, languages=languages)


def rules() -> list[Recognizer]:
    """The recognizers that need no model."""
    return [
        PlaceholderRecognizer(),
        DigitRecognizer(),
        ScatteredRecognizer(),
        EmailRecognizer(),
        PatternRecognizer("payment", PAYMENT),
        PatternRecognizer("in", INDIA),
        PatternRecognizer("us", UNITED_STATES),
        PatternRecognizer("uk", UNITED_KINGDOM),
        PatternRecognizer("contact", CONTACT),
        SecretRecognizer(),
        DateRecognizer(),
        StreetRecognizer(),
        NameRecognizer(),
        BareNameRecognizer(),
        GivenNameRecognizer(),
        LikenedRecognizer(),
        AnswerRecognizer(),
    ]

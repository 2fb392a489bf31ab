"""Detection, timed: the session that calls it has no clock."""

import time
from collections.abc import Sequence

from deid_stream.detect.conversation.state import ConversationState
from deid_stream.model.spans import Span
from deid_stream.observe.metrics import Histogram
from deid_stream.session.ports import ConversationFactory, TurnDetector


class TimedDetector:
    """A ``ConversationFactory`` whose conversations tell ``seconds`` how long each turn took."""

    def __init__(self, detector: ConversationFactory, seconds: Histogram) -> None:
        self._detector = detector
        self._seconds = seconds

    def conversation(
        self,
        key: bytes,
        *,
        allow: Sequence[str] = (),
        deny: Sequence[str] = (),
        state: ConversationState | None = None,
        languages: Sequence[str] | None = None,
    ) -> TurnDetector:
        return _Timed(
            self._detector.conversation(key, allow=allow, deny=deny, state=state, languages=languages), self._seconds
        )


class _Timed:
    def __init__(self, conversation: TurnDetector, seconds: Histogram) -> None:
        self._conversation = conversation
        self._seconds = seconds

    def turn(
        self, text: str, speaker: int | str, prev: str | None = None, *, language: str | None = None
    ) -> list[Span]:
        began_s = time.perf_counter()
        try:
            return self._conversation.turn(text, speaker, prev, language=language)
        finally:
            self._seconds.observe(time.perf_counter() - began_s)

    def state(self) -> ConversationState:
        return self._conversation.state()

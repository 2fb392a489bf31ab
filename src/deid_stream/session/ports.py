"""The interfaces of a session: what it asks of its detector, and what it tells the worker about source offsets."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from deid_stream.detect.conversation.state import ConversationState
from deid_stream.model.spans import Span


class TurnDetector(Protocol):
    """What a session asks of a conversation; ``detect.detector.Conversation`` is one."""

    def turn(
        self, text: str, speaker: int | str, prev: str | None = None, *, language: str | None = None
    ) -> list[Span]: ...
    def state(self) -> ConversationState: ...


class ConversationFactory(Protocol):
    """Opens a call's conversation; ``detect.detector.Detector`` is one."""

    def conversation(
        self,
        key: bytes,
        *,
        allow: Sequence[str] = (),
        deny: Sequence[str] = (),
        state: ConversationState | None = None,
        languages: Sequence[str] | None = None,
    ) -> TurnDetector: ...


class NeededOffsets(NamedTuple):
    """Smallest source offsets that must be read again after a restart; -1: none."""

    transcripts: int
    audio: int


class Positions(NamedTuple):
    """Source offsets below which the checkpoint has seen every record of the partition."""

    transcripts: int
    audio: int

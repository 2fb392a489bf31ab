"""Feeds a session and gathers what leaves, in forms that do not depend on how the call was cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from deid_stream.model.events import Event
from deid_stream.model.outputs import AuditEntry, CallSummary, Output, SanitizedAudio, SanitizedSegment
from deid_stream.policy.policy import UNKNOWN, CompiledPolicy
from deid_stream.session.call import CallSession
from deid_stream.session.ports import ConversationFactory
from deid_stream.session.settings import SessionSettings
from deid_stream.units import FOREVER_MS
from tests.support.made_calls import SecretDetector

KEY = b"k" * 32


@dataclass
class Left:
    """What left a session."""

    audio: dict[tuple[int | None, int], bytes] = field(default_factory=dict)
    segments: dict[tuple[int, int], SanitizedSegment] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    summaries: list[CallSummary] = field(default_factory=list)
    order: list[Output] = field(default_factory=list)

    def take(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            self.order.append(output)
            match output:
                case SanitizedAudio():
                    key = (output.chunk.channel, output.chunk.seq)
                    assert key not in self.audio, "a chunk left twice"
                    assert len(output.data) == len(output.chunk.data)
                    self.audio[key] = output.data
                case SanitizedSegment():
                    self.segments[output.channel, output.seq] = output
                case AuditEntry():
                    self.audit.append(output)
                case CallSummary():
                    self.summaries.append(output)

    def sound(self) -> dict[int | None, bytes]:
        """Each channel's audio as one run of bytes, whatever the chunks were."""
        joined: dict[int | None, bytes] = {}
        for (channel, _), data in sorted(self.audio.items(), key=lambda item: item[0][1]):
            joined[channel] = joined.get(channel, b"") + data
        return joined

    def clear_words(self) -> list[tuple[int, int | None, str]]:
        """Every word that can still be read, with its channel and time, whatever the segments were."""
        return sorted(
            (segment.channel, word.start_ms, word.text)
            for segment in self.segments.values()
            for word in segment.words
            if "[" not in word.text
        )

    def reasons(self) -> set[tuple[str, str]]:
        return {(entry.action.value, entry.reason) for entry in self.audit}


def new_session(
    call_id: str = "call-1",
    customer_id: str = "acme",
    *,
    settings: SessionSettings | None = None,
    policy: CompiledPolicy = UNKNOWN,
    detector: ConversationFactory | None = None,
) -> CallSession:
    return CallSession(
        call_id,
        customer_id,
        detector=detector or SecretDetector(),
        key=KEY,
        settings=settings or SessionSettings(),
        policy=policy,
    )


def feed(session: CallSession, events: Sequence[Event], *, close: bool = True) -> Left:
    left = Left()
    for event in events:
        session.receive(event)
        left.take(session.outputs())
    if close:
        session.advance(FOREVER_MS)
        left.take(session.outputs())
    return left

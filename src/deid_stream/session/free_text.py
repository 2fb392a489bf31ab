"""Redacts free text in a call's metadata.

Each field is a conversation of its own, so that neither its text nor the moment at which the start comes changes what
is found elsewhere. The fields share their values' numbers, which begin at 1: they are not those of the call's turns,
but keyed operators write the same in both. The policy is the one in force when the start is taken in; only the redacted
text is kept. A field that nobody can read is left out (law 2), and the audit counts it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from deid_stream.detect.conversation.known import KnownValues
from deid_stream.detect.conversation.state import ConversationState
from deid_stream.errors import UnsupportedLanguageError
from deid_stream.model.events import CallStarted
from deid_stream.model.outputs import AuditAction
from deid_stream.model.spans import Span
from deid_stream.policy.policy import UNKNOWN, CompiledPolicy
from deid_stream.redact.apply import redact_segment
from deid_stream.session.ledger import Ledger
from deid_stream.session.ports import ConversationFactory, TurnDetector

_DETECTOR: Final = "free_text_detector"
_LANGUAGE: Final = "free_text_language"
_NO_POLICY: Final = "free_text_policy"
"""The customer has no policy, or none that could be read, so nobody knows what it wants redacted."""
_WRITER: Final = "metadata"
"""The speaker that the detector is given for a field; the field's name counts as the question."""


class FreeText:
    """The free text of one call."""

    def __init__(self, ledger: Ledger, *, detector: ConversationFactory, key: bytes, pseudonym_key: bytes) -> None:
        self._ledger = ledger
        self._detector = detector
        self._key = key
        self._pseudonym_key = pseudonym_key

    def redacted(self, event: CallStarted, policy: CompiledPolicy) -> dict[str, str]:
        """The event's free text as it may leave, by field."""
        found: dict[str, list[Span]] = {}
        refused: Counter[str] = Counter()
        known = KnownValues()
        # in one order, whatever the producer's is: values are numbered in it
        for name, text in sorted(event.free_text.items()):
            if policy.version == UNKNOWN.version:
                refused[_NO_POLICY] += 1
                continue
            try:
                field = self._open(policy, known)
                spans = field.turn(text, _WRITER, name.replace("_", " "), language=_language(event))
                known = field.state().known
            except Exception as error:  # noqa: BLE001 - any error of a recognizer, ours or a plugged-in one
                refused[_LANGUAGE if isinstance(error, UnsupportedLanguageError) else _DETECTOR] += 1
                continue
            found[name] = [span for span in spans if policy.operator(span.entity_type) is not None]
        self._ledger.rewritten([span for spans in found.values() for span in spans], event.time_ms)
        for reason, count in sorted(refused.items()):
            self._ledger.audit(AuditAction.DROPPED, reason, event.time_ms, counts={"fields": count})
        return self._written(event.free_text, found, policy)

    def _open(self, policy: CompiledPolicy, known: KnownValues) -> TurnDetector:
        state = ConversationState(known=known)
        return self._detector.conversation(
            self._key, allow=policy.allow, deny=policy.deny, state=state, languages=policy.languages
        )

    def _written(
        self, texts: Mapping[str, str], found: Mapping[str, Sequence[Span]], policy: CompiledPolicy
    ) -> dict[str, str]:
        """The texts, redacted. What is a value in one field is masked in the others, too (law 3)."""
        values = [texts[name][span.start : span.end] for name, spans in found.items() for span in spans]
        operator_of, key = policy.operator, self._pseudonym_key
        return {
            name: redact_segment(texts[name], (), spans, channel=0, operator_of=operator_of, key=key, heard=values).text
            for name, spans in found.items()
        }


def _language(event: CallStarted) -> str | None:
    tag = event.metadata.get("language")
    return tag if isinstance(tag, str) else None

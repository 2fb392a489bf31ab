"""Retell: webhooks and call objects with ``transcript_object``. Word times are seconds."""

from collections.abc import Iterator
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes, control
from deid_stream.wire.providers.fields import child, entries, has_list, role, text, words_in_seconds
from deid_stream.wire.segments import Draft


def _call(document: Fields) -> Fields:
    return child(document, "call") or document


def _is_call(document: Fields) -> bool:
    return has_list(_call(document), "transcript_object")


def _utterances(document: Fields) -> Iterator[Draft]:
    """While the call goes on its transcript comes again and again, and the last utterance may still grow."""
    live = document.get("event") == "transcript_updated"
    found = list(entries(_call(document), "transcript_object", "$.call"))
    for index, (at, utterance) in enumerate(found):
        yield Draft(
            text=text(utterance, "content"),
            role=role(utterance, "role"),
            words=words_in_seconds(utterance, "words", "word"),
            is_final=not live or index + 1 < len(found),
            at=at,
        )


PROVIDER: Final = Provider(
    "retell",
    "Retell",
    (
        Form("call with transcript_object", _is_call, _utterances),
        control(
            "event", "call_started", "transfer_started", "transfer_bridged", "transfer_cancelled", "transfer_ended"
        ),
    ),
    Capabilities(WordTimes.EXACT, channels=True, restates=True),
)

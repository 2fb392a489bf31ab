"""Bland: the webhook after a call (when each turn was written down) and corrected transcripts (times in seconds)."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes
from deid_stream.wire.providers.fields import (
    ended_by_next,
    entries,
    has_list,
    role,
    rough_length_ms,
    seconds_as_ms,
    text,
)
from deid_stream.wire.segments import Draft

_STAMP: Final = re.compile(r"20\d\d-[\d-]{5}[T ][\d:]{8}(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?")


def _epoch_ms(fields: Fields, name: str) -> float | None:
    stamp = text(fields, name) or ""
    if not _STAMP.fullmatch(stamp):
        return None
    try:
        parsed = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return None
    offset = parsed.utcoffset()
    since = parsed.replace(tzinfo=None) - datetime(1970, 1, 1) - (offset or datetime.resolution * 0)
    return since.total_seconds() * 1000


def _transcripts(document: Fields) -> Iterator[Draft]:
    """A turn is written down when it is over. Without the call's start its first turn's begin is taken for it."""
    found = [(at, turn) for at, turn in entries(document, "transcripts") if role(turn, "user") or not turn]
    stamps = [stamp for _, turn in found if (stamp := _epoch_ms(turn, "created_at")) is not None]
    origin = _epoch_ms(document, "started_at")
    if origin is None and stamps:
        origin = min(stamps) - rough_length_ms(text(found[0][1], "text"))
    for at, turn in found:
        stamp, said = _epoch_ms(turn, "created_at"), text(turn, "text")
        end = None if stamp is None or origin is None else max(0.0, stamp - origin)
        yield Draft(
            text=said,
            role=role(turn, "user"),
            start_ms=None if end is None else max(0.0, end - rough_length_ms(said)),
            end_ms=end,
            segment_id=None,
            at=at,
        )


def _corrected(document: Fields) -> Iterator[Draft]:
    drafts = [
        Draft(
            text=text(turn, "text"),
            role=role(turn, "speaker_label", "user"),
            start_ms=seconds_as_ms(turn, "start"),
            end_ms=seconds_as_ms(turn, "end"),
            at=at,
        )
        for at, turn in entries(document, "corrected")
    ]
    yield from ended_by_next(drafts)


PROVIDER: Final = Provider(
    "bland",
    "Bland",
    (
        Form("corrected transcript", lambda document: has_list(document, "corrected"), _corrected),
        Form(
            "webhook with transcripts",
            lambda document: has_list(document, "transcripts") and "call_id" in document,
            _transcripts,
        ),
    ),
    Capabilities(WordTimes.NONE, channels=True),
)

"""From overlapping guesses to spans: nothing that was guessed is lost, each character has one owner."""

from collections.abc import Iterable, Iterator
from typing import Final

from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection, Origin, Span
from deid_stream.text.tokens import is_word_char
from deid_stream.units import CharIndex, Interval

_RANK: Final[dict[T, int]] = {
    T.EMAIL_ADDRESS: 9, T.UPI_ID: 9, T.IBAN_CODE: 8, T.IN_GSTIN: 8, T.IN_PAN: 8, T.UK_NINO: 8, T.IFSC: 8,
    T.US_SSN: 7, T.IN_AADHAAR: 7, T.UK_NHS: 7, T.CREDIT_CARD: 7, T.CARD_CVV: 7, T.CARD_EXPIRY: 7, T.PASSWORD: 7,
    T.IP_ADDRESS: 7, T.PASSPORT: 7, T.DRIVER_LICENSE: 7, T.VEHICLE_ID: 7, T.DATE_OF_BIRTH: 6, T.USERNAME: 6,
    T.ADDRESS: 6, T.BANK_ACCOUNT: 5, T.PHONE_NUMBER: 5, T.PERSON: 5, T.ID_NUMBER: 4, T.URL: 3,
    T.LOCATION: 2, T.ORGANIZATION: 2, T.AGE: 1, T.DATE_TIME: 1,
}  # fmt: skip
_FIRST: Final = frozenset({Origin.PLACEHOLDER, Origin.CUSTOMER})
_JOINING: Final = frozenset({T.PERSON, T.ADDRESS})
_DICTATED: Final = frozenset(
    {
        T.IN_PAN,
        T.IN_GSTIN,
        T.IFSC,
        T.UK_NINO,
        T.UK_NHS,
        T.US_SSN,
        T.IN_AADHAAR,
        T.IBAN_CODE,
        T.BANK_ACCOUNT,
        T.CREDIT_CARD,
    }
    | {T.DATE_OF_BIRTH, T.PHONE_NUMBER, T.ID_NUMBER, T.PASSPORT, T.DRIVER_LICENSE, T.VEHICLE_ID}
)
"""Said in groups, written with commas between: one value. The pauses between the groups are silenced too."""
_WORD_REACH: Final = 24
"""Characters by which an edge within a word moves at most to reach the word's border. A smaller value leaves the rest
of long words in clear."""


def resolve(text: str, detections: Iterable[Detection]) -> list[Span]:
    """Spans of ``text``: sorted, disjoint, on word borders, covering every character that was detected.

    Where guesses overlap, a placeholder (signs included) or a denied term keeps the characters; else the more specific
    type (then the better score, then the longer). What the other covered beyond remains a span of its own type.
    """
    ranked = sorted((d for d in detections if d.end > d.start), key=_precedence)
    if not ranked:
        return []
    owned = bytearray(len(text))
    spans: list[Span] = []
    for detection in ranked:
        start, end = max(0, detection.start), min(len(text), detection.end)
        whole = detection.origin is Origin.PLACEHOLDER
        if not whole:
            start, end = _to_words(text, start, end)
        for piece in _free(owned, start, end):
            left, right = piece if whole else _trim(text, piece.start, piece.end)
            if right > left:
                spans.append(Span(left, right, detection.entity_type, detection.score, detection.detector))
        owned[start:end] = b"\1" * (end - start)
    spans.sort()
    return _join(text, spans)


def _precedence(detection: Detection) -> tuple[bool, int, float, int, int, str, T]:
    return (
        detection.origin not in _FIRST,
        -_RANK[detection.entity_type],
        -detection.score,
        detection.start - detection.end,
        detection.start,
        detection.detector,
        detection.entity_type,
    )


def _free(owned: bytearray, start: CharIndex, end: CharIndex) -> Iterator[Interval]:
    """What of ``[start, end)`` nobody owns yet."""
    at = start
    while at < end:
        left = owned.find(0, at, end)
        if left < 0:
            return
        right = owned.find(1, left, end)
        at = right if right >= 0 else end
        yield Interval(left, at)


def _to_words(text: str, start: CharIndex, end: CharIndex) -> tuple[CharIndex, CharIndex]:
    """Moves the edges outward to the borders of the words they cut."""
    limit = max(0, start - _WORD_REACH)
    while start > limit and is_word_char(text[start]) and is_word_char(text[start - 1]):
        start -= 1
    limit = min(len(text), end + _WORD_REACH)
    while end < limit and is_word_char(text[end]) and is_word_char(text[end - 1]):
        end += 1
    return start, end


def _trim(text: str, start: CharIndex, end: CharIndex) -> tuple[CharIndex, CharIndex]:
    """Drops spaces and signs from the edges; an opening "+" or "(" of a number stays."""
    while start < end and not text[start].isalnum() and text[start] not in "+(#":
        start += 1
    while end > start and not is_word_char(text[end - 1]) and text[end - 1] != ")":
        end -= 1
    if not any(map(str.isalnum, text[start:end])):
        return start, start
    return start, end


def _join(text: str, spans: list[Span]) -> list[Span]:
    """Neighbours of one type with nothing between them but a space (in addresses and numbers a comma too) are one."""
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else None
        if last is not None and last.entity_type is span.entity_type and span.entity_type in _JOINING | _DICTATED:
            gap = text[last.end : span.start]
            if len(gap) <= 3 and (not gap.strip() or (span.entity_type is not T.PERSON and gap.strip() in ",.-")):
                joined[-1] = Span(last.start, span.end, span.entity_type, max(last.score, span.score), last.detector)
                continue
        joined.append(span)
    return joined

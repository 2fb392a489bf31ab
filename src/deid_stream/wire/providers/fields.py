"""Reading fields out of JSON that may hold anything: the value where it has the right type, else None."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from deid_stream.errors import OversizedError
from deid_stream.model.events import Word
from deid_stream.wire.limits import MAX_WORD_CHARS, bounded
from deid_stream.wire.providers.base import Fields
from deid_stream.wire.segments import AGENT, CUSTOMER, MS_A_CHARACTER, Draft, word

_DURATION: Final = re.compile(r"PT(?:(\d{1,4})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?")
_ROLES: Final = {
    **dict.fromkeys(("agent", "assistant", "bot", "robot", "internal", "outbound", "outbound_track"), AGENT),
    **dict.fromkeys(("customer", "caller", "user", "external", "inbound", "inbound_track"), CUSTOMER),
}
_SENTENCE_END: Final = (".", "?", "!", "।", "。")
_PAUSE_MS: Final = 1_500
"""A pause as long as the context window ends a piece of a long text: nothing is detected across it anyway."""
_LONG_WORDS: Final = 40
"""From here on a piece ends with its sentence."""
_LONGEST_WORDS: Final = 200
_USUAL: Final = 1e12
"""Numbers below it need no further look."""


def text(fields: Fields, *names: str) -> str | None:
    """The first of ``names`` that holds text."""
    return next((value for name in names if isinstance(value := fields.get(name), str)), None)


def number(fields: Fields, *names: str) -> float | None:
    """The first of ``names`` that holds a number, or digits in text with an optional ``s`` for seconds."""
    for name in names:
        value = fields.get(name)
        if type(value) is float and -_USUAL < value < _USUAL:
            return value
        if value is not None and (found := bounded(value)) is not None:
            return found
    return None


def whole(fields: Fields, *names: str) -> int | None:
    """A count or an index."""
    value = number(fields, *names)
    return None if value is None else int(value)


def seconds_as_ms(fields: Fields, *names: str) -> float | None:
    """Seconds to milliseconds, to the microsecond (so that 1.1 s is 1100 ms and not a hair more)."""
    value = number(fields, *names)
    return None if value is None else round(value * 1000, 3)


def duration_ms(fields: Fields, name: str) -> float | None:
    """An ISO 8601 duration (``PT1.5S``)."""
    found = _DURATION.fullmatch(text(fields, name) or "")
    if found is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return round((hours * 3600 + minutes * 60 + seconds) * 1000, 3)


def is_true(value: object) -> bool:
    """A boolean, or one in text as web forms send it."""
    return value is True or value == "true"


def role(fields: Fields, *names: str) -> str | None:
    """Whose side speaks, from the word that the provider has for it."""
    label = text(fields, *names)
    return None if label is None else _ROLES.get(label.lower())


def child(fields: Fields, *names: str) -> Fields:
    """The object under ``names``, one in the other; empty where there is none."""
    found: object = fields
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def has_list(fields: Fields, name: str) -> bool:
    """Whether ``name`` is a list, empty or not."""
    return isinstance(fields.get(name), list)


def objects(fields: Fields, name: str) -> Iterator[Fields]:
    """The objects in the list ``name``; nothing where there is none."""
    value = fields.get(name)
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def entries(fields: Fields, name: str, at: str = "$") -> Iterator[tuple[str, Fields]]:
    """Every entry of the list ``name`` with its path; one that is no object is empty, so that it fails as a segment
    and is told."""
    value = fields.get(name)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield f"{at}.{name}[{index}]", item if isinstance(item, dict) else {}


def first(fields: Fields, name: str) -> Fields:
    """The first object in the list ``name``, or an empty one. Recognisers put the best alternative first."""
    return next(objects(fields, name), {})


def words_in_seconds(fields: Fields, name: str, *spellings: str, confidence: str = "confidence") -> list[Word]:
    """The words of the list ``name`` with ``start`` and ``end`` in seconds."""
    return [
        word(
            (text(w, *spellings) or "").strip(),
            seconds_as_ms(w, "start"),
            seconds_as_ms(w, "end"),
            number(w, confidence),
        )
        for w in objects(fields, name)
    ]


class Spoken(NamedTuple):
    """A word with who said it."""

    word: Word
    speaker: str | None = None


def join(words: Iterable[Spoken]) -> str:
    """What the words say, one after the other."""
    return " ".join(spoken.word.text for spoken in words if spoken.word.text)


def attach(words: list[Spoken], punctuation: str) -> None:
    """A mark that the provider sends apart belongs to the word before it."""
    if words:
        last = words[-1]
        before = last.word
        own = Word(punctuation, None, before.end_ms, before.confidence)
        words[-1] = last._replace(word=glued(before, own))


def glued(before: Word, piece: Word) -> Word:
    """A word and what follows it without a blank; the least confidence of the two. Raises OversizedError where the
    document goes on and on without one."""
    if len(before.text) > MAX_WORD_CHARS:
        raise OversizedError(
            f"a word of more than {MAX_WORD_CHARS} characters", at="$", mend="send words with their blanks"
        )
    known = [c for c in (before.confidence, piece.confidence) if c is not None]
    end_ms = piece.end_ms if piece.end_ms is not None else before.end_ms
    return Word(before.text + piece.text, before.start_ms, end_ms, min(known, default=None))


def cut(
    words: Iterable[Spoken], *, at: str = "$", channel: int | None = None, language: str | None = None
) -> Iterator[Draft]:
    """Segments out of one long list of words: where the speaker changes, at pauses, and at the end of a sentence once
    it is long. Words without times stay with those before them."""
    piece: list[Spoken] = []
    last_end_ms: int | None = None
    for spoken in words:
        if piece and _ends(piece, spoken, last_end_ms):
            yield _piece(piece, at, channel, language)
            piece = []
        piece.append(spoken)
        last_end_ms = spoken.word.end_ms if spoken.word.end_ms is not None else last_end_ms
    if piece:
        yield _piece(piece, at, channel, language)


def _ends(piece: list[Spoken], following: Spoken, last_end_ms: int | None) -> bool:
    if following.speaker != piece[-1].speaker or len(piece) >= _LONGEST_WORDS:
        return True
    start_ms = following.word.start_ms
    if start_ms is not None and last_end_ms is not None and start_ms - last_end_ms >= _PAUSE_MS:
        return True
    return len(piece) >= _LONG_WORDS and piece[-1].word.text.endswith(_SENTENCE_END)


def _piece(piece: list[Spoken], at: str, channel: int | None, language: str | None) -> Draft:
    return Draft(
        text=join(piece),
        words=[spoken.word for spoken in piece],
        speaker=piece[0].speaker,
        role=_ROLES.get((piece[0].speaker or "").lower()),
        channel=channel,
        language=language,
        at=at,
    )


def by_speaker(draft: Draft, speakers: list[str | None]) -> Iterator[Draft]:
    """The draft as it is; or, where its words are of several speakers and say what its text says, one draft for each
    run of one speaker."""
    known = {speaker for speaker in speakers if speaker is not None}
    spoken = [Spoken(w, s) for w, s in zip(draft.words, speakers, strict=True)]
    if len(known) < 2 or join(spoken) != draft.text:
        draft.speaker = draft.speaker or next(iter(known), None)
        yield draft
        return
    parts = list(_runs(spoken))
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        yield Draft(
            text=join(part),
            words=[s.word for s in part],
            speaker=part[0].speaker,
            segment_id=f"{draft.segment_id}-{index}" if draft.segment_id else None,
            channel=draft.channel,
            is_final=draft.is_final,
            revision=draft.revision,
            language=draft.language,
            transcribed_until_ms=draft.transcribed_until_ms if last else None,
            at=draft.at,
        )


def _runs(spoken: list[Spoken]) -> Iterator[list[Spoken]]:
    run: list[Spoken] = []
    for s in spoken:
        if run and s.speaker != run[-1].speaker:
            yield run
            run = []
        run.append(s)
    if run:
        yield run


def label(fields: Fields, *names: str) -> str | None:
    """A speaker's label: text or a small number."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str):
            return value
        if (index := whole(fields, name)) is not None:
            return str(index)
    return None


def rough_length_ms(said: str | None) -> int:
    """How long a text without an end took at most."""
    return len(said or "") * MS_A_CHARACTER + 1_000


def ended_by_next(drafts: list[Draft]) -> list[Draft]:
    """Drafts that say only when they began, in their order: each lasts until somebody else speaks or as long as its
    letters may take, whichever is first."""
    following: float | None = None
    for draft in reversed(drafts):
        start = draft.start_ms
        if start is None:
            continue
        if draft.end_ms is None:
            end = start + rough_length_ms(draft.text)
            draft.end_ms = end if following is None or following <= start else min(end, following)
        if following is None or start < following:
            following = start
    return drafts


def any_of(*tests: Callable[[Fields], bool]) -> Callable[[Fields], bool]:
    """Whether a document passes one of the tests."""
    return lambda document: any(test(document) for test in tests)

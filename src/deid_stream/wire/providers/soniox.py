"""Soniox: finished transcripts and real-time messages, both lists of tokens. Times are milliseconds."""

from collections.abc import Iterable, Iterator
from typing import Final

from deid_stream.wire.providers.base import Capabilities, Fields, Form, Provider, WordTimes
from deid_stream.wire.providers.fields import Spoken, cut, glued, has_list, label, number, objects, text
from deid_stream.wire.segments import Draft, word

_MARKERS: Final = ("<end>", "<fin>")


def _words(tokens: Iterable[Fields]) -> list[Spoken]:
    """Tokens are parts of words: one with a leading blank begins a word. Translations were not spoken."""
    words: list[Spoken] = []
    for token in tokens:
        piece = text(token, "text") or ""
        if piece in _MARKERS or token.get("translation_status") == "translation":
            continue
        own = word(piece.strip(), number(token, "start_ms"), number(token, "end_ms"), number(token, "confidence"))
        speaker = label(token, "speaker")
        if words and piece[:1] not in (" ", "\n") and words[-1].speaker == speaker:
            words[-1] = Spoken(glued(words[-1].word, own), speaker)
        elif own.text:
            words.append(Spoken(own, speaker))
    return words


def _is_realtime(document: Fields) -> bool:
    return has_list(document, "tokens") and ("final_audio_proc_ms" in document or "finished" in document)


def _realtime(message: Fields) -> Iterator[Draft]:
    """Final tokens come once, the others again with each message. All finals of a message are one piece."""
    until = number(message, "final_audio_proc_ms")
    tokens = list(objects(message, "tokens"))
    finals = list(
        cut(_words(t for t in tokens if t.get("is_final") is True), at="$.tokens", language=_language(tokens))
    )
    if finals:
        finals[-1].transcribed_until_ms = until
    yield from finals
    for draft in cut(_words(t for t in tokens if t.get("is_final") is not True), at="$.tokens"):
        draft.is_final = False
        yield draft


def _language(tokens: Iterable[Fields]) -> str | None:
    return next((tag for token in tokens if (tag := text(token, "language"))), None)


def _finished(document: Fields) -> Iterator[Draft]:
    tokens = list(objects(document, "tokens"))
    if not tokens and text(document, "text"):
        yield Draft(text=text(document, "text"))
    yield from cut(_words(tokens), at="$.tokens", language=_language(tokens))


PROVIDER: Final = Provider(
    "soniox",
    "Soniox",
    (
        Form("real-time tokens", _is_realtime, _realtime),
        Form("finished transcript", lambda document: has_list(document, "tokens"), _finished),
    ),
    Capabilities(WordTimes.EXACT, interims=True, speakers=True),
)

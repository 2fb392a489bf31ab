"""What a provider declares: its names, what its transcripts have, and a reader for each form of its documents."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from deid_stream.errors import UnknownFormError
from deid_stream.wire.segments import Draft

Fields = Mapping[str, object]
"""A JSON object that may hold anything."""


ITEMS: Final = "items"
"""The name under which a document that is a list is read."""


class WordTimes(StrEnum):
    EXACT = "exact"
    """Word times are right within some 100 ms."""
    LATE = "late"
    """100 ms late on average and off by up to 400: text is aligned again where the aligner is installed."""
    NONE = "none"
    """Words have no times: text is aligned, or its sound is silenced as a whole."""


class Capabilities(NamedTuple):
    word_times: WordTimes
    interims: bool = False
    channels: bool = False
    """Documents say which channel or party a segment belongs to."""
    speakers: bool = False
    """Speakers within one channel are told apart."""
    restates: bool = False
    """A later document may repeat segments of an earlier one, under the same ids."""


class Form(NamedTuple):
    """One form of a provider's documents."""

    name: str
    matches: Callable[[Fields], bool]
    read: Callable[[Fields], Iterable[Draft]]
    """Nothing for messages without words, which are known to have none."""
    telling: bool = True
    """True: no other provider has a form like this, so the provider need not be named."""


class Provider(NamedTuple):
    name: str
    title: str
    forms: tuple[Form, ...]
    capabilities: Capabilities
    aliases: tuple[str, ...] = ()

    @property
    def timing(self) -> str:
        """The timing profile of its word times (``audio.profiles``)."""
        return "late" if self.capabilities.word_times is WordTimes.LATE else "100ms"

    def form_of(self, document: Fields) -> Form | None:
        """The first form that the document has."""
        return next((form for form in self.forms if form.matches(document)), None)

    def read(self, document: Fields) -> Iterator[Draft]:
        """The document's segments. Raises UnknownFormError where it is of no form that is read."""
        form = self.form_of(document)
        if form is None:
            known = ", ".join(form.name for form in self.forms)
            raise UnknownFormError(
                f"a document of {self.title} of a form that is not read", at="$", mend=f"send one of: {known}"
            )
        yield from form.read(document)


def nothing(_document: Fields) -> tuple[Draft, ...]:
    """A message that holds no words."""
    return ()


def kind_in(name: str, values: Iterable[str]) -> Callable[[Fields], bool]:
    """Whether the field ``name`` holds one of ``values``."""
    known = frozenset(values)

    def matches(document: Fields) -> bool:
        value = document.get(name)
        return isinstance(value, str) and value in known

    return matches


def control(name: str, *values: str) -> Form:
    """Messages without words, told by the field ``name``."""
    return Form(f"messages without words, by {name}", kind_in(name, values), nothing)

"""Where rules and the model are weighed against each other before anything is resolved.

``persons``, ``places`` and ``values`` each judge one kind of guess, ``things`` knows what only looks like a person,
``trim`` cuts a guess of the model to what can be a value. What a question, a cue or an earlier turn stands behind is
never dropped.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from deid_stream.detect.judge.persons import hides_person, is_city, is_firm, may_be_thing, parted, person
from deid_stream.detect.judge.places import place, uncounted
from deid_stream.detect.judge.things import Thing, things
from deid_stream.detect.judge.trim import tidied
from deid_stream.detect.judge.values import (
    NUMERIC,
    VALUED,
    born,
    date,
    foreign_evidence,
    number_evidence,
    secret,
    value,
)
from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import (
    FIELDS,
    VERBS_HI,
)
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection, Origin
from deid_stream.units import Interval

_ASSIGNED: Final = re.compile(r" ?=")
"""What stands before it is the name of a field: "client_ip = ?"."""
_PLACED: Final = frozenset({T.LOCATION, T.ORGANIZATION})
_TRUSTED: Final = frozenset({Origin.QUESTION, Origin.TURN, Origin.KNOWN, Origin.CUSTOMER, Origin.PLACEHOLDER})


def refine(view: View, detections: list[Detection]) -> list[Detection]:
    """The detections of one turn, model guesses checked, names grown. What is let go is noted in ``view.removed``."""
    text = view.written.source
    cased = not text.islower() and not text.isupper()
    refined: list[Detection] = []
    plain = [Interval(*view.written.to_source(p.start, p.end)) for p in view.plain if p.sure and p.kind != "date"]
    known = things(text) if any(d.entity_type is T.PERSON or d.origin is Origin.MODEL for d in detections) else []
    places = [d for d in detections if d.origin is Origin.MODEL and d.entity_type is T.LOCATION]
    firms = [d for d in detections if d.origin is Origin.MODEL and is_firm(text, d)]
    for detection in detections:
        before = len(refined)
        if detection.origin is Origin.MODEL:
            for piece in tidied(text, detection, view.everyday, cased=cased):
                refined.extend(_of_piece(view, text, piece, known, plain, places))
        elif detection.origin is Origin.GAZETTEER and is_city(text, detection, places):
            view.removed.append("judge/city")
            continue
        elif detection.origin is Origin.GAZETTEER and any(f.start <= detection.start < f.end for f in firms):
            view.removed.append("judge/person")
            continue
        elif detection.origin is Origin.TURN and T.PERSON not in view.expected and _is_goods(detection, known):
            pass
        elif known and may_be_thing(view, detection):
            for part in parted(text, detection, known):
                refined.extend(_of_rule(view, text, part) if part.entity_type is T.PERSON else (part,))
        else:
            refined.extend(_of_rule(view, text, detection))
        if len(refined) == before:
            view.removed.append(_rule_id(view, text, detection))
    return refined


def _is_goods(detection: Detection, known: list[Thing]) -> bool:
    """A turn that is nothing but a known thing: "victoria sponge"."""
    return any(t.kind is None and t.start <= detection.start and detection.end <= t.end for t in known)


def _rule_id(view: View, text: str, detection: Detection) -> str:
    """Of the judge that has let go a guess."""
    kind = detection.entity_type
    if detection.origin is Origin.MODEL:
        if view.written.between(detection.start, detection.end).strip().lower() in FIELDS:
            return "judge/field"
        if view.foreign and not foreign_evidence(view, text, detection):
            return "judge/foreign"
    if kind in (T.ADDRESS, T.LOCATION):
        return "judge/place"
    if kind is T.PERSON:
        return "judge/person"
    if kind is T.DATE_OF_BIRTH:
        return "judge/date"
    return "judge/number" if kind in NUMERIC else "judge/value"


def _of_piece(
    view: View, text: str, piece: Detection, known: list[Thing], plain: list[Interval], places: list[Detection]
) -> Iterator[Detection]:
    """What stays of a guess of the model that has been cut to what can be a value."""
    if view.written.between(piece.start, piece.end).strip().lower() in FIELDS or _ASSIGNED.match(text, piece.end):
        return
    if piece.entity_type in _PLACED and any(t.start < piece.end and piece.start < t.end for t in known):
        yield piece
        return
    for part in parted(text, piece, known) if known and may_be_thing(view, piece) else (piece,):
        if part.entity_type is piece.entity_type:
            yield from _of_model(view, text, part, plain, places)
        else:
            yield part


def _of_rule(view: View, text: str, detection: Detection) -> Iterator[Detection]:
    if detection.origin is Origin.PLACEHOLDER:
        yield detection
    elif detection.entity_type is T.PERSON and detection.origin not in _TRUSTED:
        yield from person(view, text, detection)
    elif detection.entity_type is T.DATE_OF_BIRTH:
        yield from date(text, detection)
    else:
        yield detection


def _of_model(
    view: View, text: str, detection: Detection, plain: list[Interval], places: list[Detection]
) -> Iterator[Detection]:
    kind = detection.entity_type
    if view.foreign and not foreign_evidence(view, text, detection):
        return
    if kind not in view.expected and VERBS_HI.issuperset(text[detection.start : detection.end].lower().split()):
        return
    if kind is T.PERSON or hides_person(text, detection, places):
        yield from person(view, text, msgspec.structs.replace(detection, entity_type=T.PERSON))
    elif kind is T.DATE_OF_BIRTH:
        yield from born(view, text, detection)
    elif kind in (T.PASSWORD, T.USERNAME):
        yield from secret(view, text, detection, plain)
    elif kind in (T.ADDRESS, T.LOCATION):
        left = uncounted(detection, view.counted) if kind is T.ADDRESS else detection
        if left is not None:
            yield from place(view, text, left)
    elif kind in NUMERIC and not number_evidence(view, text, detection):
        return
    elif kind in VALUED:
        yield from value(view, text, detection, plain)
    else:
        yield detection

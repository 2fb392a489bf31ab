"""What a recogniser writes in place of a value that it has taken out itself: ``[NAME]``, ``<PHONE>``, ``####``.

The text is harmless, the sound is not: the value is still in the audio at these words. So every placeholder is a
value of the type that it names, or of ``ID_NUMBER`` where it names none or one that the default policy would keep.
Works on the source text.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from deid_stream.detect.recognizer import View
from deid_stream.detect.vocabulary import word_set
from deid_stream.model.entities import EntityType as T
from deid_stream.model.spans import Detection, Origin
from deid_stream.text.tokens import visible

PLACEHOLDER: Final = "placeholder"
"""Rule id."""
OTHERWISE: Final = T.ID_NUMBER
"""Type of a placeholder that names none: every policy that redacts anything redacts this one."""
_INSIDE: Final = r"[^\W_][\w .:/&'#-]{0,48}"
_BRACKETED: Final = re.compile(
    rf"\{{\{{\s*(?P<b0>{_INSIDE}?)\s*\}}\}}|\[\[?\s*(?P<b1>{_INSIDE}?|[*#_x.-]{{1,48}})\s*\]\]?"
    rf"|</?(?P<b2>{_INSIDE}?)/?>|\$?\{{\s*(?P<b3>{_INSIDE}?)\s*\}}|[«‹《]\s*(?P<b4>{_INSIDE}?)\s*[»›》]"
    rf"|[【〔⟨〈]\s*(?P<b6>{_INSIDE}?)\s*[】〕⟩〉]|\$(?P<variable>(?-i:[A-Z][A-Z_]{{2,30}}))\b"
    rf"|\(\s*(?P<weak>{_INSIDE}?)\s*\)|%(?P<b5>[A-Z][A-Z_]{{2,30}})%",
    re.IGNORECASE,
)
_DOUBTFUL: Final = frozenset({"weak", "b4", "variable"})
"""Signs that stand around other words too: brackets of speech, quotation marks, a price's sign."""
_MASK: Final = re.compile(
    r"(?P<signs>[#*•●█■▇▒░]{2,})"
    r"|(?<![^\W_])(?:(?:X{3,}|x{4,})(?:[ -]?(?:X{2,}|x{2,}))*|X{2,}(?:[ -]X{2,})+)(?![^\W_])"
    r"|(?<!\w)_{3,}(?!\w)"
)
_MASK_BORDERS: Final = frozenset(' \t\n\r[]<>{}()"')
_MASKED_WORD: Final = 40
"""Characters of a word on either side of its masking signs that belong to the placeholder at most."""
_BARE: Final = re.compile(r"(?<![\w])(?:[A-Z]{2,}(?:_[A-Z]+)*_(?:[A-Z]+|\d{1,3})|REDACTED|MASKED)(?![\w])")
_BLEEP: Final = re.compile(
    r"(?<![^\W_])(?P<before>(?:a|the|that|this|loud|to|long|short) )?(?:bleep(?:ed)?|beep ?beep)"
    r"(?! (?:sound|noise|test))(?![^\W_])",
    re.IGNORECASE,
)
_SOUNDS: Final = word_set("placeholders.sounds")
"""Events that hold no speech; the words beside them may stand."""
_UNHEARD: Final = re.compile(
    r"unk|unknown|inaudible|unintelligible|indistinct|crosstalk|foreign(?: language)?|unclear|redacted|masked|removed"
    r"|censored|blank audio|bleep(?:ed)?|beep|pii|phi|pci|sensitive|private|anonymi[sz]ed|hidden|filtered|expletive"
    r"|profanity"
)
_NAMES: Final[tuple[tuple[T, str], ...]] = (
    (T.CARD_CVV, r"cvv|cvc|security code|card verification"),
    (T.CARD_EXPIRY, r"expir|exp date|valid thru"),
    (T.PASSWORD, r"password|passcode|passphrase|\bpin\b(?! ?code)|otp|secret|one time"),
    (T.CREDIT_CARD, r"credit|debit|card|payment|\bpan number|visa|amex"),
    (T.US_SSN, r"ssn|social|itin|tax id"),
    (T.IN_AADHAAR, r"aadhaa?r"),
    (T.IN_PAN, r"\bin pan\b|\bpan\b"),
    (T.UK_NHS, r"nhs"),
    (T.UK_NINO, r"nino|insurance number"),
    (T.PASSPORT, r"passport"),
    (T.DRIVER_LICENSE, r"licen[cs]e"),
    (T.IBAN_CODE, r"iban|swift|\bbic\b"),
    (T.UPI_ID, r"\bupi\b|\bvpa\b"),
    (T.BANK_ACCOUNT, r"bank|routing|sort code|account"),
    (T.EMAIL_ADDRESS, r"e ?mail"),
    (T.PHONE_NUMBER, r"phone|mobile|\bcell|\bfax\b|\btel\b|telephone"),
    (T.DATE_OF_BIRTH, r"birth|\bdob\b"),
    (T.USERNAME, r"user ?name|user id|handle|login"),
    (T.IP_ADDRESS, r"\bip\b|\bmac\b"),
    (T.VEHICLE_ID, r"vehicle|\bplate\b|\bvin\b"),
    (T.ADDRESS, r"address|street|\bzip|post ?code|postal|location"),
    (T.PERSON, r"name|person|\bper\b|speaker id|patient|doctor|\bmr\b"),
)
_TYPES: Final = tuple((entity_type, re.compile(words)) for entity_type, words in _NAMES)
_OTHERS: Final = re.compile(
    r"\b(?:numbers?|num|digits?|id|date|dates|dob|time|age|ages|city|state|country|gpe|loc|org(?:ani[sz]ation)?"
    r"|company|money"
    r"|url|uri|ssn|nric|medical|condition|drug|injury|blood|occupation|nationality|religion|gender|event|entity|misc"
    r"|imei|ein"
    r"|passphrase|hotel|language|marital|political|statistics|vehicle|websites?|healthcare|account)\b"
)


_HINT: Final = re.compile(r"[\[<{(«‹《【〔⟨〈%#*•●█■▇▒░]|__|X{2}|xxxx|[A-Z]{2}|[Ee][Ee][Pp]")
"""Without one of these a text holds no placeholder."""
_SIGN: Final = re.compile(r"[\[<{(«‹《【〔⟨〈%#*•●█■▇▒░_A-Z]")
"""One character of each, but of what is all small letters: one set is searched for much faster than alternatives."""


class PlaceholderRecognizer:
    """Tokens that stand for a value that the recogniser has removed."""

    name = PLACEHOLDER

    def find(self, view: View) -> list[Detection]:
        text, at = visible(view.written.source)
        may_be = _SIGN.search(text) or "xxxx" in text or "eep" in text
        if not may_be or not _HINT.search(text):
            return []
        found = placeholders(text)
        return [msgspec.structs.replace(one, start=at[one.start], end=at[one.end - 1] + 1) for one in found]


def placeholders(text: str) -> Iterator[Detection]:
    """The placeholders of source ``text``, signs included, in no order; their detections own what they cover."""
    for match in _BRACKETED.finditer(text):
        kind = match.lastgroup or ""
        inner = match.group(kind) if kind else ""
        entity_type = _named(inner, sure=kind in _DOUBTFUL)
        if entity_type is not None:
            yield _detection(*match.span(), entity_type)
    yield from _masks(text)
    for match in _BARE.finditer(text):
        entity_type = _named(match.group(), sure=True)
        if entity_type is not None:
            yield _detection(*match.span(), entity_type)
    if "eep" in text or "EEP" in text:
        for match in _BLEEP.finditer(text):
            if match.group("before") is None:
                yield _detection(*match.span(), OTHERWISE)


def _detection(start: int, end: int, entity_type: T) -> Detection:
    return Detection(start, end, entity_type, 1.0, PLACEHOLDER, Origin.PLACEHOLDER)


def _masks(text: str) -> Iterator[Detection]:
    """Stars, hashes, crosses in place of characters, with the few characters that are left of the value."""
    done = 0
    for match in _MASK.finditer(text):
        start, end = match.span()
        if match.group("signs") is not None:
            if start < done:
                continue
            while start > done and match.start() - start < _MASKED_WORD and text[start - 1] not in _MASK_BORDERS:
                start -= 1
            while end < len(text) and end - match.end() < _MASKED_WORD and text[end] not in _MASK_BORDERS:
                end += 1
            while end > match.end() and text[end - 1] in ".,;:!?'":
                end -= 1
            done = end
            if not _is_mask(text[start:end]):
                continue
        yield _detection(start, end, OTHERWISE)


def _is_mask(token: str) -> bool:
    """Not stress ("**now**"), not a sign beside a word."""
    letters = [c for c in token if c.isalpha() and c not in "xX"]
    if not letters:
        return True
    masks = sum(c in "#*•●█■▇▒░" for c in token)
    stressed = token.startswith("**") and token.rstrip(".,!?").endswith("**")
    return masks >= 2 and not stressed and len(letters) <= 2


def _named(inner: str, *, sure: bool) -> T | None:
    """The type that a placeholder names; None where it is an event, or, with ``sure``, where it names nothing."""
    low = " ".join(re.sub(r"[\W_]+|\d+", " ", inner.lower()).split())
    if not low:
        return None if sure or inner[:1].isdigit() else OTHERWISE
    if _SOUNDS.issuperset(low.split()):
        return None
    if _UNHEARD.fullmatch(low.removesuffix(" text").removesuffix(" value").removesuffix(" name")):
        return OTHERWISE
    for entity_type, words in _TYPES:
        if words.search(low):
            return entity_type if not sure or _is_tag(inner) else None
    if sure:
        return OTHERWISE if _is_tag(inner) and _OTHERS.search(low) else None
    return OTHERWISE


def _is_tag(inner: str) -> bool:
    """Written as tags are: capitals, or words joined by underscores; "(my name)" is no tag."""
    return inner.isupper() or "_" in inner

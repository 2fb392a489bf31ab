"""Language tags: BCP 47 in its canonical spelling, cut to what a recogniser needs to say."""

import re
from typing import Final

UNDETERMINED: Final = "und"
DEFAULT: Final = "en"

_TAG: Final = re.compile(
    r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|001|150|419))?((?:[-_][A-Za-z0-9]{1,8}){0,6})"
)
_NAMES: Final = {
    "arabic": "ar", "bengali": "bn", "chinese": "zh", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en",
    "finnish": "fi", "french": "fr", "german": "de", "greek": "el", "gujarati": "gu", "hebrew": "he", "hindi": "hi",
    "hungarian": "hu", "indonesian": "id", "italian": "it", "japanese": "ja", "kannada": "kn", "korean": "ko",
    "malayalam": "ml", "marathi": "mr", "norwegian": "no", "polish": "pl", "portuguese": "pt", "punjabi": "pa",
    "romanian": "ro", "russian": "ru", "spanish": "es", "swedish": "sv", "tamil": "ta", "telugu": "te", "thai": "th",
    "turkish": "tr", "ukrainian": "uk", "urdu": "ur", "vietnamese": "vi",
}  # fmt: skip
"""Names of languages as Whisper and its servers write them, with their tags."""
_THREE_LETTERS: Final = {
    "ara": "ar", "ben": "bn", "cmn": "zh", "deu": "de", "eng": "en", "fra": "fr", "guj": "gu", "heb": "he", "hin": "hi",
    "ind": "id", "ita": "it", "jpn": "ja", "kan": "kn", "kor": "ko", "mal": "ml", "mar": "mr", "nld": "nl", "nor": "no",
    "pan": "pa", "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru", "spa": "es", "swe": "sv", "tam": "ta", "tel": "te",
    "tha": "th", "tur": "tr", "ukr": "uk", "urd": "ur", "vie": "vi", "zho": "zh",
}  # fmt: skip
"""ISO 639-3 codes, as ElevenLabs writes them, with the shorter code that BCP 47 asks for."""


def canonical(tag: str | None) -> str:
    """Language, script and region of a tag (``en-IN``, ``zh-Hans``); ``und`` for what is none. Variants and extensions
    are left out: they say nothing of use, and eight free characters could hold anything. None counts as English."""
    if not tag:
        return DEFAULT
    named = _NAMES.get(tag.lower())
    if named is not None:
        return named
    found = _TAG.fullmatch(tag)
    if found is None:
        return UNDETERMINED
    language, script, region, _ = found.groups()
    parts = [_THREE_LETTERS.get(language.lower(), language.lower())]
    if script:
        parts.append(script.title())
    if region:
        parts.append(region.upper())
    return "-".join(parts)

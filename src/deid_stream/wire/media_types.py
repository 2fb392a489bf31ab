"""Content types of audio as they are published: parameters that are not known are left out."""

from typing import Final

_CANONICAL: Final = {
    "audio/basic": "audio/basic",
    "audio/pcmu": "audio/PCMU",
    "audio/pcma": "audio/PCMA",
    "audio/x-mulaw": "audio/x-mulaw",
    "audio/x-alaw": "audio/x-alaw",
    "audio/l16": "audio/L16",
    "audio/pcm": "audio/pcm",
}
_PARAMETERS: Final = ("rate", "channels", "encoding")
_OPUS: Final = b"audio/ogg;codecs=opus"


def canonical_type(content_type: bytes) -> bytes:
    """A content type that has been parsed, in its canonical spelling, with the parameters that say how to read the
    bytes, in the order in which they were given, and no other."""
    # Opus may have any further parameter, also one that is no ASCII
    media, *rest = content_type.decode("ascii", "replace").split(";")
    name = _CANONICAL.get(media.strip().lower())
    if name is None:
        return _OPUS
    given: dict[str, str] = {}
    for part in rest:
        parameter, _, value = part.partition("=")
        given[parameter.strip().lower()] = value.strip().strip('"').lower()
    known = _PARAMETERS if name == "audio/pcm" else _PARAMETERS[:2]
    return ";".join([name, *(f"{p}={value}" for p, value in given.items() if p in known)]).encode()

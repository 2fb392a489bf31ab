"""Which fields of a call's metadata are free text, and how much of one is read."""

from typing import Final

from deid_stream.wire.limits import DEFAULT_VOCABULARIES

MAX_FREE_TEXT_CHARS: Final = 1_000
"""Of one field: detection takes some 80 us per character, and all of the partition waits for it."""
MAX_FREE_TEXT_FIELDS: Final = 8
OWN_FIELDS: Final = frozenset(
    {"call_id", "customer_id", "type", "event", "channels", "minor", "duration_ms", "metadata"}
)
FURTHER_FIELDS: Final = frozenset({"language", "from", "to", "subject"})
"""Of the metadata, beside the vocabularies: read for what they say, and never passed on as they are."""
_MADE_FIELDS: Final = frozenset({"from_ref", "to_ref", "from_country", "to_country"})
_TAKEN: Final = OWN_FIELDS | FURTHER_FIELDS | _MADE_FIELDS | DEFAULT_VOCABULARIES.keys()
_MAX_NAME_CHARS: Final = 64


def field_names(said: str) -> frozenset[str]:
    """The names of a comma-separated list."""
    return frozenset(name.strip() for name in said.split(",") if name.strip())


def fault(said: str, *, encrypted: bool) -> str:
    """What is wrong with such a list, else "". Repeats no name but this program's own. ``encrypted``: transcripts leave
    encrypted; then nothing of what people write may leave otherwise."""
    names = field_names(said)
    if taken := sorted(names & _TAKEN):
        return f"names {taken[0]}, which has a meaning of its own"
    if len(names) > MAX_FREE_TEXT_FIELDS:
        return f"names {len(names)} fields; at most {MAX_FREE_TEXT_FIELDS} may be free text"
    if any(len(name) > _MAX_NAME_CHARS for name in names):
        return f"names a field of more than {_MAX_NAME_CHARS} characters"
    if names and encrypted:
        return "cannot be set together with encrypt_outputs: summaries of calls are not encrypted"
    return ""


def readable(value: object) -> str | None:
    """The text of such a field; None for what is no text or too long."""
    return value if isinstance(value, str) and len(value) <= MAX_FREE_TEXT_CHARS else None

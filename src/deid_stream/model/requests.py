"""The kinds of privacy requests, and a request."""

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    DELETION = "deletion"
    ACCESS = "access"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    WITHDRAWAL = "withdrawal"
    HOLD = "hold"
    RELEASE = "release"
    """Ends a hold, a restriction, an objection or a withdrawal."""
    FULFILLED = "fulfilled"
    """What an access request was granted for has been handed over."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request in the words of whoever made it. Its subject is raw, so ``repr`` does not show it."""

    request_id: str
    kind: Kind
    customer_id: str
    call_id: str = ""
    subject: str = ""
    target: str = ""
    """Of ``release`` and ``fulfilled``: the request that is meant."""
    requested_by: str = ""
    verified_by: str = ""

    def __repr__(self) -> str:
        return f"<Request {self.kind}>"

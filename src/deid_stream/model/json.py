"""Types of JSON whose fields are not known beforehand, and the exceptions that reading any JSON raises."""

from typing import Any, Final, TypeAlias

import msgspec

JsonObject: TypeAlias = dict[str, Any]

UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What ``msgspec`` raises for bytes that others wrote: no JSON or another shape, text that is no UTF-8, lists in lists
without end."""

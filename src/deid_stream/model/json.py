"""The one name for a JSON object whose fields are not known beforehand."""

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

"""Call events: started and ended, with whatever the producer knows about the call."""

from collections.abc import Mapping
from typing import Any

from deid_stream.errors import DecodeError, UnknownTypeError
from deid_stream.model.events import CallEnded, CallStarted
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.cloudevents import Headers, Limits
from deid_stream.wire.json import read_object
from deid_stream.wire.segments import Identity, agreed

_MAX_CHANNELS = 64
_OWN_FIELDS = frozenset({"call_id", "customer_id", "type", "event", "channels", "minor", "duration_ms", "metadata"})
_FALSE = (False, None, 0, "", "false", "False", "no", "0")


def decode_event(
    key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int, offset: int, limits: Limits
) -> CallStarted | CallEnded:
    """One ``calls.events`` record: ``call.started.v1`` or ``call.ended.v1`` by ``ce_type``, else by the JSON's
    ``type`` or ``event``. What is not ours (from, to, direction, region, agent ...) is the call's raw metadata."""
    attributes = dict(headers)
    fields = read_object(ce.check_size(value, limits.max_transcript_bytes))
    kind = _kind(attributes.get(ce.TYPE), fields)
    identity = Identity(
        call_id=ce.call_id_of(key, attributes) if key or attributes.get(ce.SUBJECT) else None,
        customer_id=ce.customer_id_of(attributes) if attributes.get(ce.CUSTOMER_ID) else None,
        channel=None,
        time_ms=timestamp_ms,
        offset=offset,
    )
    call_id = agreed("call_id", _text(fields.get("call_id")), identity.call_id)
    customer_id = agreed("customer_id", _text(fields.get("customer_id")), identity.customer_id)
    if kind == "ended":
        return CallEnded(
            call_id=call_id,
            customer_id=customer_id,
            time_ms=timestamp_ms,
            offset=offset,
            duration_ms=_duration(fields.get("duration_ms")),
        )
    return CallStarted(
        call_id=call_id,
        customer_id=customer_id,
        time_ms=timestamp_ms,
        offset=offset,
        channels=_channels(fields.get("channels")),
        minor=fields.get("minor") not in _FALSE,
        metadata=_metadata(fields),
    )


def _kind(ce_type: bytes | None, fields: Mapping[str, Any]) -> str:
    named = ce_type.decode(errors="replace") if ce_type else fields.get("type") or fields.get("event")
    if not isinstance(named, str):
        raise UnknownTypeError(f"no ce_type; it must be {ce.STARTED_V1} or {ce.ENDED_V1}")
    kind = named.lower().replace("_", ".").removesuffix(".v1").removeprefix("call.")
    if kind not in ("started", "ended"):
        raise UnknownTypeError(f"ce_type on the event topic must be {ce.STARTED_V1} or {ce.ENDED_V1}")
    return kind


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DecodeError("call_id and customer_id must be text")
    return str(value)


def _channels(value: Any) -> int:
    """A count, or a list with one entry a channel; 0 where nothing is said."""
    count = len(value) if isinstance(value, list) else 0 if value is None else value
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MAX_CHANNELS:
        raise DecodeError(f"channels must be a count within 0 to {_MAX_CHANNELS}, or a list")
    return count


def _duration(value: Any) -> Ms | None:
    """Media length; None where it is missing or not a media time (the end itself matters more than its length)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= ce.MAX_MEDIA_MS:
        return None
    return int(value)


def _metadata(fields: Mapping[str, Any]) -> dict[str, Any]:
    nested = fields.get("metadata")
    metadata = dict(nested) if isinstance(nested, dict) else {}
    return metadata | {name: value for name, value in fields.items() if name not in _OWN_FIELDS}

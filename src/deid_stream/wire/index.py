"""Records of ``deid.index``: what workers tell the control plane of the calls that they let leave."""

from collections.abc import Sequence
from typing import Final

import msgspec

from deid_stream.errors import DecodeError
from deid_stream.model.ids import joined
from deid_stream.model.json import UNDECODABLE
from deid_stream.model.published import Claim, Claims
from deid_stream.units import Ms
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.output import Record

VERSION: Final = 1
CALLS: Final = 500
"""Calls of one record: some 200 kB, with long ids and many gaps."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Claims)


def encode_claims(partition: int, calls: Sequence[Claim], time_ms: Ms) -> list[Record]:
    """As few records as hold them all."""
    key = b"%d" % partition
    records = []
    for start in range(0, len(calls), CALLS):
        part = tuple(calls[start : start + CALLS])
        value = _encoder.encode(Claims(v=VERSION, partition=partition, time_ms=time_ms, calls=part))
        own_id = joined(partition, time_ms, start)
        headers = [header for header in ce.own_headers(ce.INDEX_V1, own_id, str(partition), "") if header[1]]
        records.append(Record(key, value, headers))
    return records


def read_claims(value: bytes | None) -> Claims:
    """Raises DecodeError where it is none of this version."""
    try:
        claims = _decoder.decode(value or b"")
    except UNDECODABLE:
        raise DecodeError("a record of the index is not what a worker writes") from None
    if claims.v != VERSION:
        raise DecodeError(f"a record of the index has version {claims.v}; this program reads {VERSION}")
    return claims

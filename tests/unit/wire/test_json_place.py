"""What is not JSON says where it ends to be, in lines and bytes, and nothing of what stands there."""

import pytest

from deid_stream.errors import DecodeError
from deid_stream.wire.json import read_object


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (b'{"a": 1,\n "b": [1, 2\n}', " near line 3, byte 1"),
        (b"{secret words", " near line 1, byte 2"),
        (b'{"a": 1} secret', " near line 1, byte 11"),
        (b'{"a":\n"\xff"}', " near line 2, byte 2"),
        (b'{"a": "secret', ": it ends too early"),
        (b"", ": it ends too early"),
    ],
)
def test_what_is_not_json_is_told_by_its_place(value: bytes, place: str) -> None:
    with pytest.raises(DecodeError) as refused:
        read_object(value)
    assert str(refused.value) == f"the value is not JSON{place}; send one JSON object in UTF-8"

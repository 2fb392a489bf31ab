"""Language tables are data: others can be added, a broken one is refused by name."""

import pytest

from deid_stream.errors import ConfigError
from deid_stream.text.languages import Lexicon, available, lexicon, parse_table
from deid_stream.text.normalise import normalise

SPANISH = b"""
code = "es"
[units]
cero = 0
uno = 1
dos = 2
tres = 3
[teens]
diez = 10
[repeats]
doble = 2
"""


def test_a_table_of_ones_own() -> None:
    spanish = Lexicon([parse_table(SPANISH)])
    assert normalise("uno doble dos tres", spanish).text == "1223"
    assert normalise("one two", spanish).text == "one two"


def test_packaged_tables() -> None:
    assert {"en", "hi_latn"} <= set(available())


@pytest.mark.parametrize("raw", [b"code = 3", b"units = ", b'code = "x"\nnonsense = 1\n[units]', b"\xff"])
def test_a_broken_table_is_refused(raw: bytes) -> None:
    with pytest.raises(ConfigError, match="language table"):
        parse_table(raw)


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(ConfigError, match="klingon"):
        lexicon(("klingon",))

"""Spanish as callers say it: what goes, and the sentences beside it that stay."""

import pytest

from deid_stream.detect.detector import Detector
from deid_stream.model.entities import OFF_BY_DEFAULT

KEY = b"a key of the tests, 32 bytes long"

# What stands in braces goes.
GOES = [
    "nací el {tres de mayo de mil novecientos ochenta y dos}",
    "fecha de nacimiento {doce de agosto del noventa y uno}",
    "nací el {3 de mayo de 1982}",
    "la contraseña es {mariposa azul}",
    "la clave secreta es {luna llena} y ya está",
    "vivo en {calle serrano 45}",
    "{calle mayor número doce}",
    "mi teléfono es el {seis cinco cuatro tres dos uno nueve ocho siete}",
    "mi correo es {lucia punto perez arroba gmail punto com}",
    "el pin es {cuatro ocho uno cinco}",
]
STAYS = [
    "la clave es la misma", "la contraseña es muy larga", "la contraseña no es válida",
    "la contraseña es incorrecta", "la palabra clave es obligatoria",
    "cuesta mil doscientos euros", "mañana a las diez y media", "el tres de mayo compré un coche",
    "mil gracias por todo",
    "el pago fue de doscientos cincuenta euros", "me cobraron dos veces", "muchas gracias por su ayuda",
]  # fmt: skip


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load()


def redacted(text: str, detector: Detector) -> list[str]:
    spans = detector.conversation(KEY).turn(text, "caller", language="es")
    return [text[s.start : s.end] for s in spans if s.entity_type not in OFF_BY_DEFAULT]


@pytest.mark.parametrize("line", GOES)
def test_goes_whole_and_nothing_else(line: str, detector: Detector) -> None:
    value = line[line.index("{") + 1 : line.index("}")]
    assert redacted(line.replace("{", "").replace("}", ""), detector) == [value]


@pytest.mark.parametrize("line", STAYS)
def test_stays(line: str, detector: Detector) -> None:
    assert redacted(line, detector) == []

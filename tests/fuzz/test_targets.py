"""Every target takes its own seeds, which reach past the door; the long runs are by command."""

import pytest

from deid_stream.errors import DeidError
from tests.fuzz.doors import TOKEN, pages
from tests.fuzz.targets import TARGETS, declared
from tests.hostile.mutated import UndeclaredError


def _accepted(run: object, seed: bytes) -> bool:
    try:
        run(seed)  # type: ignore[operator]
    except DeidError:
        return False
    return True


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_seeds_are_read_and_what_is_cut_short_is_no_find(name: str) -> None:
    target = TARGETS[name]
    seeds = list(target.seeds())
    assert sum(_accepted(target.run, seed) for seed in seeds) * 2 > len(seeds)
    for seed in seeds[:12]:
        for part in (seed[: len(seed) // 2], seed[1:], seed.replace(b"0", b"-9"), b"", b"\xff" * 40):
            declared(target.run)(part)


def test_an_error_that_is_not_declared_is_a_find() -> None:
    def run(_: bytes) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        declared(run)(b"")


def test_the_pages_target_sees_what_comes_without_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    request = b"GET /api/sound?id=c-1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n"
    pages(request % TOKEN.encode())
    pages(request % b"wrong")
    monkeypatch.setattr("deid_stream.dashboard.pages.Guard.admits", lambda *_: True)
    with pytest.raises(UndeclaredError):
        pages(request % b"wrong")

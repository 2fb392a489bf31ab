"""A slice of the mutated inputs (``python -m tests.hostile.mutated --count 500000``: the rest), and what was found."""

import pytest

from deid_stream.errors import DeidError, StateError
from deid_stream.session import state
from deid_stream.worker import checkpoint
from deid_stream.worker.checkpoint import CheckpointLog
from tests.hostile import mutated

COUNT = 5_000
BOUND_S = 1.0
"""Generous: this is a test of what is raised. The command holds ``mutated.BOUND_S``."""


def test_only_declared_errors_come_of_changed_inputs() -> None:
    assert sum(mutated.SHARES.values()) == 100
    assert [str(find) for find in mutated.run(COUNT, 1, BOUND_S)] == []


class BoomError(DeidError):
    pass


@pytest.mark.parametrize(
    ("raised", "declared", "found"),
    [
        (ValueError("x"), (), "ValueError"),
        (KeyError("x"), (DeidError,), "KeyError"),
        (RecursionError("x"), (DeidError,), "RecursionError"),
        (BoomError("x"), (), "BoomError"),
        (BoomError("x"), (DeidError,), None),
    ],
)
def test_what_is_not_declared_is_found(
    raised: Exception, declared: tuple[type[Exception], ...], found: str | None
) -> None:
    def read() -> None:
        raise raised

    find = mutated.once(mutated.Target("made", list, lambda *_: read, declared), [None], "0/0", BOUND_S)
    assert (find.what if find else None) == found


def test_what_takes_too_long_is_found() -> None:
    find = mutated.once(mutated.Target("made", list, lambda *_: lambda: sum(range(100_000))), [None], "0/0", 0.0)
    assert find is not None
    assert find.what == "too long"


def test_a_fault_that_nobody_foresaw_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """``decode`` raises nothing; its fault ``internal`` stands for what it would have raised."""
    monkeypatch.setitem(
        __import__("deid_stream.wire.decode", fromlist=["_READERS"])._READERS, "events", lambda *_: 1 / 0
    )
    target = next(target for target in mutated.TARGETS if target.name == "records")
    finds = [mutated.once(target, target.seeds(), f"0/{number}", BOUND_S) for number in range(40)]
    assert {find.what for find in finds if find} == {"UndeclaredError"}


DEEP = b"[" * 100_000 + b"]" * 100_000
BASE = b'{"v":1,"kind":"base","epoch":1,"writer":"w",%s}'


@pytest.mark.parametrize(
    "raw", [DEEP, BASE % (b'"calls":[%s]' % DEEP), BASE % (b'"unknown":%s' % DEEP), BASE % (b'"positions":%s' % DEEP)]
)
def test_a_checkpoint_that_is_nested_too_deep_is_none(raw: bytes) -> None:
    log = CheckpointLog()
    log.add(raw)
    assert checkpoint.read(raw) is None
    assert log.restored.epoch == 0


@pytest.mark.parametrize("version", [1, state.VERSION])
def test_a_call_state_that_is_nested_too_deep_is_said_so(version: int) -> None:
    snapshot = b'{"v":%d,"call_id":"c","customer_id":"a","lifecycle":{"metadata":{"x":%s}},"metadata":{"x":%s}}'
    with pytest.raises(StateError):
        state.decode(snapshot % (version, DEEP, DEEP))

"""Closed calls: known for hours and up to a number, with what has left of them."""

from deid_stream.model.outputs import SeqRange
from deid_stream.worker.ended import MEMORY_CALLS, MEMORY_MS, EndedCall, EndedCalls

LEFT = (SeqRange(0, 0, 4),)


def test_a_checkpoint_gets_each_call_once_and_a_base_all() -> None:
    ended = EndedCalls([EndedCall("old", 1)])
    ended.add(EndedCall("new", 2))
    assert [call.call_id for call in ended.take(2, everything=False)] == ["new"]
    assert ended.take(2, everything=False) == []
    assert [call.call_id for call in ended.take(2, everything=True)] == ["old", "new"]


def test_what_changes_is_written_again() -> None:
    ended = EndedCalls([EndedCall("a", 1)])
    ended.add(EndedCall("a", 1, told=True))
    assert [call.told for call in ended.take(2, everything=True)] == [True]
    assert len(ended) == 1


def test_they_are_forgotten_by_age() -> None:
    ended = EndedCalls([EndedCall("old", 1_000), EndedCall("young", MEMORY_MS)])
    ended.take(MEMORY_MS, everything=False)
    assert ended.get("old") is not None
    ended.take(MEMORY_MS + 1_001, everything=False)
    assert ended.get("old") is None
    assert ended.get("young") is not None


def test_they_are_forgotten_by_number_the_oldest_first() -> None:
    ended = EndedCalls(EndedCall(str(n), n) for n in range(MEMORY_CALLS + 3))
    ended.take(10, everything=False)
    assert len(ended) == MEMORY_CALLS
    assert [ended.get(str(n)) is None for n in range(4)] == [True, True, True, False]


def test_what_has_left_can_be_taken_back() -> None:
    retraction = EndedCall("a", 1, "acme", LEFT, ()).retraction(9, "minor")
    assert retraction is not None
    assert (retraction.call_id, retraction.transcripts, retraction.reason) == ("a", LEFT, "minor")
    assert EndedCall("a", 1, "acme").retraction(9, "minor") is None

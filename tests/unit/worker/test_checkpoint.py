"""Checkpoints: what one owner writes, another reads; what does not fit together is left out."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.model.outputs import SeqRange
from deid_stream.worker.checkpoint import (
    DELTA_SLOTS,
    PART_BYTES,
    CheckpointLog,
    CheckpointWriter,
    Progress,
    Restored,
    base_offset,
    read,
)
from deid_stream.worker.consent import CallFacts
from deid_stream.worker.ended import EndedCall


def snapshot(call_id: str, value: int = 0) -> bytes:
    return msgspec.json.encode({"call_id": call_id, "value": value})


class Log:
    """A partition of the checkpoint topic."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.keys: list[bytes] = []

    def write(self, writer: CheckpointWriter, calls=(), closed=(), time_ms=0, full=None) -> None:
        full = writer.wants_base if full is None else full
        written = writer.encode(
            Progress(positions={"audio": time_ms}, needed={"audio": time_ms}, time_ms=time_ms), calls, closed, full=full
        )
        first = len(self.records)
        self.keys += [key for key, _ in written]
        self.records += [value for _, value in written]
        writer.written(first)

    def restored(self, start: int = 0) -> Restored:
        log = CheckpointLog()
        for value in self.records[start:]:
            log.add(value)
        return log.restored


def test_an_empty_log_says_nothing():
    assert Log().restored() == Restored()


def test_deltas_change_what_the_base_said():
    log, writer = Log(), CheckpointWriter(3, 1, "w")
    log.write(writer, [snapshot("a"), snapshot("b")], time_ms=10)
    log.write(writer, [snapshot("a", 1), snapshot("c")], [EndedCall("b", 15)], time_ms=20)
    restored = log.restored()
    assert restored.calls == {"a": snapshot("a", 1), "c": snapshot("c")}
    assert restored.closed == {"b": EndedCall("b", 15)}
    assert restored.progress.positions == {"audio": 20}
    assert restored.progress.time_ms == 20


def test_offsets_of_topics_that_are_not_read_here_are_passed_over():
    log, writer = CheckpointLog(), CheckpointWriter(0, 1, "w")
    offsets = {"audio": 7, "PERSON": 3, "0": 1, "events": -1}
    for _, value in writer.encode(Progress(positions=offsets, needed=offsets), [], [], full=True):
        log.add(value)
    assert log.restored.progress == Progress(positions={"audio": 7}, needed={"audio": 7})


def test_the_last_record_says_where_reading_begins():
    log, writer = Log(), CheckpointWriter(0, 1, "w")
    log.write(writer, [snapshot("old")], full=True)
    log.write(writer, [snapshot("new")], full=True)
    log.write(writer, [snapshot("newer")])
    last = len(log.records) - 1
    start = base_offset(log.records[last], last)
    assert start == 1
    assert log.restored(start).calls.keys() == {"new", "newer"}


def test_a_large_base_comes_in_parts_and_counts_only_when_whole():
    log, writer = Log(), CheckpointWriter(0, 1, "w")
    log.write(writer, [snapshot("first")])
    big = [msgspec.json.encode({"call_id": str(n), "pad": "x" * 1_000}) for n in range(1_500)]
    log.write(writer, big, full=True)
    assert len(log.records) > 3
    assert len(log.restored().calls) == 1_500
    last = len(log.records) - 1
    assert base_offset(log.records[last], last) == 1
    log.records.pop()
    assert log.restored().calls.keys() == {"first"}


BROKER_LIMIT_BYTES = 900_000
"""Of one record: Apache Kafka's default is 1,048,588 bytes for a whole batch."""


def test_a_large_delta_comes_in_parts_and_counts_only_when_whole():
    log, writer = Log(), CheckpointWriter(0, 1, "w")
    log.write(writer, [snapshot("first")], time_ms=1)
    many = [msgspec.json.encode({"call_id": str(n), "pad": "x" * 3_000}) for n in range(700)]
    log.write(writer, many, [EndedCall("first", 5)], time_ms=2, full=False)
    assert max(map(len, log.records)) < BROKER_LIMIT_BYTES
    assert len(log.records) > 3
    whole = log.restored()
    assert len(whole.calls) == 700
    assert whole.progress.positions == {"audio": 2}
    log.records.pop()
    broken = log.restored()
    assert (broken.calls.keys(), broken.progress.positions) == ({"first"}, {"audio": 1})


def test_many_closed_calls_are_split_too():
    log, writer = Log(), CheckpointWriter(0, 1, "w")
    closed = [EndedCall(f"{n:036d}", n, "customer", (SeqRange(0, 0, 9),), (SeqRange(1, 0, 999),)) for n in range(9_000)]
    log.write(writer, [snapshot("a")], closed)
    assert max(map(len, log.records)) < BROKER_LIMIT_BYTES
    assert log.restored().closed == {call.call_id: call for call in closed}


def test_one_call_larger_than_a_part_has_a_record_of_its_own():
    log, writer = Log(), CheckpointWriter(0, 1, "w")
    large = msgspec.json.encode({"call_id": "large", "pad": "x" * (PART_BYTES + 1)})
    log.write(writer, [snapshot("a"), large, snapshot("b")])
    assert len(log.records) == 3
    assert log.restored().calls.keys() == {"a", "large", "b"}


def test_a_delta_of_the_replaced_owner_does_not_break_the_new_one_s_base():
    log, old, new = Log(), CheckpointWriter(0, 1, "old"), CheckpointWriter(0, 2, "new")
    log.write(old, [snapshot("a")])
    big = [msgspec.json.encode({"call_id": str(n), "pad": "x" * 1_000}) for n in range(1_500)]
    log.write(new, big, full=True)
    late = Log()
    late.write(old, [snapshot("a", 1)], full=False)
    log.records.insert(2, late.records[0])
    assert len(log.restored().calls) == 1_500


def test_a_call_whose_name_cannot_be_read_is_left_out_and_counted():
    log, writer = Log(), CheckpointWriter(0, 1, "w")
    log.write(writer, [snapshot("a"), b'{"value":1}', b'{"call_id":7}', snapshot("b")])
    restored = log.restored()
    assert (restored.calls.keys(), restored.unreadable) == ({"a", "b"}, 2)


def test_closed_calls_as_version_0_1_0_wrote_them_are_read():
    log, writer = Log(), CheckpointWriter(0, 1, "w")
    log.write(writer)
    log.records[0] = log.records[0].replace(b'"closed":[]', b'"closed":[["gone",1700000003400]]')
    assert log.restored().closed == {"gone": EndedCall("gone", 1_700_000_003_400)}


@pytest.mark.parametrize(
    ("epoch", "writer", "counts"),
    [(1, "zombie", False), (0, "zombie", False), (2, "zombie", True)],
)
def test_a_replaced_owner_s_late_records_are_ignored(epoch, writer, counts):
    log = Log()
    log.write(CheckpointWriter(0, 1, "owner"), [snapshot("mine")])
    log.write(CheckpointWriter(0, epoch, writer), [snapshot("theirs")])
    assert log.restored().calls.keys() == ({"theirs"} if counts else {"mine"})


def test_a_zombie_s_delta_after_its_replacement_is_ignored():
    log, old, new = Log(), CheckpointWriter(0, 1, "old"), CheckpointWriter(0, 2, "new")
    log.write(old, [snapshot("a")])
    log.write(new, [snapshot("a", 1)])
    log.write(old, [snapshot("a", 99)], time_ms=99)
    last = len(log.records) - 1
    assert log.restored(base_offset(log.records[last], last)).calls == {"a": snapshot("a", 1)}


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b'{"v":2,"kind":"base","epoch":1,"writer":"w"}', b"[]"])
def test_what_is_no_checkpoint_is_passed_over(value):
    assert read(value) is None
    assert base_offset(value, 7) is None
    log = CheckpointLog()
    log.add(value)
    assert log.restored == Restored()


def test_keys_are_few_however_long_it_goes_on():
    log, writer = Log(), CheckpointWriter(5, 1, "w")
    for number in range(3 * DELTA_SLOTS):
        log.write(writer, [snapshot("a", number)])
    assert len(set(log.keys)) <= DELTA_SLOTS + 2
    assert all(key == b"5" or key.startswith(b"5/") for key in log.keys)
    assert log.restored().calls == {"a": snapshot("a", 3 * DELTA_SLOTS - 1)}


def test_without_an_offset_the_next_record_is_a_base_again():
    writer = CheckpointWriter(0, 1, "w")
    writer.encode(Progress(), [], [], full=True)
    writer.written(-1)
    assert writer.wants_base


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["change", "close"])), max_size=60), st.data())
def test_reading_from_the_base_gives_the_same_as_reading_all(steps, data):
    log, writer = Log(), CheckpointWriter(0, 1, "w")
    calls: dict[str, bytes] = {}
    closed: dict[str, EndedCall] = {}
    for number, (name, what) in enumerate(steps):
        changed, closing = [], []
        if what == "change":
            calls[name] = snapshot(name, number)
            closed.pop(name, None)
            changed = [calls[name]]
        elif calls.pop(name, None):
            closed[name] = EndedCall(name, number)
            closing = [closed[name]]
        full = writer.wants_base or data.draw(st.booleans())
        log.write(writer, calls.values() if full else changed, closed.values() if full else closing, number, full)
    if not log.records:
        return
    last = len(log.records) - 1
    restored = log.restored(base_offset(log.records[last], last))
    assert restored.calls == calls
    assert restored.closed.items() >= closed.items()


def test_what_the_gate_knows_comes_back():
    log, writer = Log(), CheckpointWriter(3, 1, "w")
    facts = CallFacts("a", 5, "acme", withheld=True, said="opt_out", subject="subject-1")
    for _, value in writer.encode(Progress(), [snapshot("a")], [], [facts], full=True):
        log.records.append(value)
    assert log.restored().facts == {"a": facts}


def test_who_was_being_retracted_in_0_1_0_is_the_control_planes_business_now():
    log = CheckpointLog()
    log.add(
        b'{"v":1,"kind":"base","epoch":1,"writer":"w","positions":{"audio":7},"retracting":["acme"],"policies":{"0":3}}'
    )
    assert (log.restored.epoch, log.restored.progress.positions) == (1, {"audio": 7})

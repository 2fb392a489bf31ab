"""What has left is remembered as ranges of record ids, so that it can be taken back."""

from random import Random

import msgspec
import pytest

from deid_stream.model.outputs import AuditEntry, Retraction, SanitizedAudio, SanitizedSegment, SeqRange
from deid_stream.session.ledger import Ledger
from tests.support.made_calls import audio_chunks, make_timeline

CHUNK = audio_chunks(make_timeline(3, turns=2), [100])[0]


def audio(seq: int, channel: int = 0) -> SanitizedAudio:
    chunk = msgspec.structs.replace(CHUNK, channel=channel, seq=seq)
    return SanitizedAudio(chunk=chunk, data=chunk.data, redacted_ms=0)


def text(seq: int, channel: int = 0) -> SanitizedSegment:
    return SanitizedSegment(
        call_id="c", customer_id="acme", seq=seq, segment_id=f"s{seq}", revision=0, channel=channel, language="en",
        start_ms=0, end_ms=1, text="", words=(), entities=(),
    )  # fmt: skip


def taken_back(ledger: Ledger) -> Retraction:
    retraction = ledger.retraction(5, "minor")
    assert retraction is not None
    return retraction


def ranges_of(seqs: list[int]) -> tuple[SeqRange, ...]:
    ledger = Ledger("c", "acme")
    for seq in seqs:
        ledger.publish(audio(seq))
    return taken_back(ledger).audio


@pytest.mark.parametrize(
    ("seqs", "expected"),
    [
        ([0, 1, 2, 3], [(0, 3)]),
        ([0, 1, 5, 6], [(0, 1), (5, 6)]),
        ([5, 6, 1], [(1, 1), (5, 6)]),
        ([4, 4, 3], [(3, 3), (4, 4)]),
        ([0, 1, 0], [(0, 1)]),
    ],
)
def test_record_ids_that_left_are_kept_as_ranges(seqs: list[int], expected: list[tuple[int, int]]) -> None:
    assert [(known.first, known.last) for known in ranges_of(seqs)] == expected


def test_ranges_are_bounded_and_forget_no_record() -> None:
    seqs = Random(1).sample(range(0, 120, 2), 50)
    ranges = ranges_of(seqs)
    assert len(ranges) <= 32
    assert all(any(known.first <= seq <= known.last for known in ranges) for seq in seqs)


def test_channels_and_kinds_are_kept_apart() -> None:
    ledger = Ledger("c", "acme")
    for output in (audio(0), audio(1), audio(0, channel=1), text(0, channel=1), text(1, channel=1)):
        ledger.publish(output)
    retraction = taken_back(ledger)
    assert retraction.audio == (SeqRange(0, 0, 1), SeqRange(1, 0, 0))
    assert retraction.transcripts == (SeqRange(1, 0, 1),)


def test_where_nothing_left_nothing_is_taken_back() -> None:
    ledger = Ledger("c", "acme")
    assert ledger.retraction(5, "minor") is None
    ledger.forbid(5)
    assert ledger.drain() == []


def test_a_minors_records_are_taken_back_once_and_no_more_leave() -> None:
    ledger = Ledger("c", "acme")
    ledger.publish(audio(0))
    ledger.drain()
    ledger.publish(audio(1))  # not taken by the worker yet
    ledger.forbid(5)
    ledger.forbid(6)
    ledger.publish(audio(2))
    retraction, entry = ledger.drain()
    assert isinstance(retraction, Retraction)
    assert retraction.audio == (SeqRange(0, 0, 1),)
    assert isinstance(entry, AuditEntry)
    assert (entry.action.value, entry.reason, entry.counts) == ("retracted", "minor", {"records": 2})


def test_a_restored_ledger_takes_back_what_left_before() -> None:
    ledger = Ledger("c", "acme")
    ledger.publish(audio(0))
    ledger.publish(text(0))
    again = Ledger("c", "acme")
    again.restore(ledger.state(), minor=False)
    again.publish(audio(1))
    assert taken_back(again).audio == (SeqRange(0, 0, 1),)
    assert taken_back(again).transcripts == (SeqRange(0, 0, 0),)

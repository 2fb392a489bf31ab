"""The audit's chains: what joins, what shows."""

import random

import pytest

from deid_stream.wire.chain import Break, Chain, Head, PartitionCheck, link_of

Line = tuple[bytes, bytes, list[tuple[str, bytes]]]


def written(count: int, chain: Chain | None = None, name: str = "line") -> list[Line]:
    chain = chain or Chain("worker")
    lines = []
    for number in range(count):
        key, value = b"c%d" % (number % 3), b'{"%s":%d}' % (name.encode(), number)
        lines.append((key, value, chain.headers(key, value)))
    return lines


def checked(lines: list[Line], *, expired: bool = False, first_offset: int = 0) -> PartitionCheck:
    check = PartitionCheck(expired=expired)
    for offset, line in enumerate(lines, first_offset):
        check.take(offset, *line)
    return check


def breaks(lines: list[Line], **options: bool) -> list[tuple[str, int]]:
    return [(found.what, found.offset) for found in checked(lines, **options).breaks]


def test_a_chain_as_written_is_whole():
    (report,) = checked(written(50)).reports()
    assert (report.writer, report.first, report.lines, report.head.position) == ("worker", 0, 50, 50)
    assert (report.repeats, report.branches) == (0, 0)
    assert breaks(written(50)) == []


def test_the_same_lines_have_the_same_hashes():
    assert checked(written(9)).reports()[0].head == checked(written(9)).reports()[0].head
    assert checked(written(9)).reports()[0].head != checked(written(9, name="lime")).reports()[0].head


def test_every_single_line_cut_out_of_the_middle_shows():
    lines = written(20)
    for number in range(1, 19):
        assert breaks(lines[:number] + lines[number + 1 :]) == [("cut", number)]


def test_every_changed_value_or_key_shows_in_the_line_after():
    lines = written(20)
    for number in range(19):
        for changed in ((b"c9", *lines[number][1:]), (lines[number][0], b'{"line":99}', lines[number][2])):
            assert breaks([*lines[:number], changed, *lines[number + 1 :]]) == [("cut", number + 1)]


@pytest.mark.parametrize(("header", "value"), [(0, b"control"), (1, b"7"), (2, b"0" * 64)])
def test_a_changed_place_shows(header: int, value: bytes):
    lines = written(10)
    key, content, headers = lines[5]
    moved = [*headers[:header], (headers[header][0], value), *headers[header + 1 :]]
    assert breaks([*lines[:5], (key, content, moved), *lines[6:]])


def test_two_lines_that_changed_places_show():
    lines = written(10)
    lines[4], lines[5] = lines[5], lines[4]
    assert breaks(lines)[0] == ("cut", 4)


def test_a_beginning_may_have_expired_but_not_be_cut():
    lines = written(10)[4:]
    assert breaks(lines, expired=True) == []
    assert checked(lines, expired=True).reports()[0].first == 4
    assert breaks(lines) == [("beginning_cut", 0)]


def test_a_cut_end_shows_by_what_a_checkpoint_knows():
    chain = Chain("worker")
    lines = written(10, chain)
    whole, cut = checked(lines), checked(lines[:7])
    for check in (whole, cut):
        check.ends({"worker": [chain.head]})
    assert whole.breaks == []
    assert cut.breaks == [Break("end_cut", "worker", 9, -1)]
    empty = checked([])
    empty.ends({"worker": [chain.head, Head()]})
    assert [found.what for found in empty.breaks] == ["end_cut"]


def test_an_end_that_was_written_again_otherwise_is_not_what_was_known():
    chain = Chain("worker")
    lines = written(10, chain)
    forged = Chain("worker", link_of(*lines[6]).after)
    check = checked([*lines[:7], *written(3, forged, name="forged")])
    check.ends({"worker": [chain.head]})
    assert [found.what for found in check.breaks] == ["end_cut"]


def test_writers_in_one_partition_have_chains_of_their_own():
    both = [line for pair in zip(written(9), written(9, Chain("control")), strict=True) for line in pair]
    assert breaks(both) == []
    assert [report.writer for report in checked(both).reports()] == ["control", "worker"]
    assert breaks(both[:6] + both[7:]) == [("cut", 7)]


def test_lines_written_again_after_a_crash_are_repeats_or_a_branch_and_hide_no_cut():
    chain = Chain("worker")
    known = written(6, chain)
    checkpoint = chain.head
    lost = written(4, chain)
    same = written(4, Chain("worker", checkpoint))
    other = written(4, Chain("worker", checkpoint), name="other")
    assert same == lost
    (report,) = checked([*known, *lost, *same]).reports()
    assert (report.lines, report.repeats, report.branches) == (10, 4, 0)
    (report,) = checked([*known, *lost, *other]).reports()
    assert (report.lines, report.repeats, report.branches) == (14, 0, 1)
    assert breaks([*known, *lost, *other]) == []
    assert breaks([*known, *lost, *other[1:]]) == [("cut", 10)]
    assert breaks([*known, *lost[1:], *other]) == [("cut", 6)]


def test_a_chain_that_begins_again_shows():
    assert breaks([*written(5), *written(5, name="again")]) == [("begun_again", 5)]


def test_lines_of_no_chain_are_those_from_before_there_were_any():
    stranger = (b"c", b"{}", [("ce_type", b"deid.audit.v1")])
    check = checked([stranger, stranger, *written(3)])
    assert (check.unchained, check.breaks) == (2, [])
    assert breaks([*written(3), stranger]) == [("unchained", 3)]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("ce_chain", b"worker")],
        [("ce_chain", b"worker"), ("ce_chainseq", b"x"), ("ce_chainprev", b"")],
        [("ce_chain", b"worker"), ("ce_chainseq", b"9" * 40), ("ce_chainprev", b"")],
        [("ce_chain", b"\xff"), ("ce_chainseq", b"1"), ("ce_chainprev", b"")],
        [("ce_chain", b"worker"), ("ce_chainseq", b"1"), ("ce_chainprev", b"\xff")],
    ],
)
def test_a_place_that_cannot_be_read_is_none(headers: list[tuple[str, bytes]]):
    assert link_of(b"c", b"{}", headers) is None


def test_whatever_is_cut_changed_or_moved_shows():
    """Any one thing done to a chain, at random, but for its end, which needs a checkpoint to show."""
    for seed in range(300):
        rng = random.Random(seed)
        lines = written(rng.randrange(4, 40))
        at = rng.randrange(1, len(lines) - 1)
        harm = rng.choice(["cut", "change", "insert", "move"])
        if harm == "cut":
            del lines[at : rng.randrange(at + 1, len(lines))]
        elif harm == "change":
            lines[at] = (lines[at][0], b"{}", lines[at][2])
        elif harm == "insert":
            lines.insert(at, (b"c", b"{}", [*lines[at][2][:2], ("ce_chainprev", b"%064x" % seed)]))
        else:
            lines.insert(0, lines.pop(at))
        assert breaks(lines), (seed, harm)

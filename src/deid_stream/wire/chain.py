"""The audit as hash chains, so that a line which was changed, moved or removed can be detected.

Each writer (``worker``, ``control``, ``spotcheck``, ``dashboard``, ``fetch``) has a chain of its own in each
partition of the audit topic. Three headers are a line's place in it: the writer, the position from 0, and the hash of
the line before.
The hash covers the place, the record's key and its value, so each hash stands for all lines before it. The value
itself says nothing of the chain, so it is the same in whatever order the calls of a partition came to an end.

A writer goes on from what it knows it has written. Without transactions it may have written more than it knows: it then
writes those lines again, either the same (a *repeat*) or, where the order came out another way, as a *branch* from the
last line that it knew. Both join the chain at a line that stands in the topic, so neither hides a cut."""

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from deid_stream.wire.cloudevents import Headers

WRITER: Final = "ce_chain"
POSITION: Final = "ce_chainseq"
PREVIOUS: Final = "ce_chainprev"
WORKER: Final = "worker"
CONTROL: Final = "control"
SPOTCHECK: Final = "spotcheck"
DASHBOARD: Final = "dashboard"
FETCH: Final = "fetch"
KEY_COMMANDS: Final = "keys"
RIGHTS_COMMANDS: Final = "rights"
_REMEMBERED: Final = 100_000
"""Newest lines of a chain of which the hash is remembered, so that a branch may start from them. It must be more than
one batch writes; each line takes 200 bytes of memory."""


class Head(msgspec.Struct, frozen=True, array_like=True):
    """How far a chain has come: the position of its next line, and the hash of its last (hex, empty: none)."""

    position: int = 0
    hash: str = ""


class Link(msgspec.Struct, frozen=True):
    """A line's place in its chain."""

    writer: str
    position: int
    previous: str
    hash: str

    @property
    def after(self) -> Head:
        return Head(self.position + 1, self.hash)


class Chain:
    """Makes the headers of new lines of one writer's chain in one partition. ``head``: how far the chain has come;
    None: it begins."""

    def __init__(self, writer: str, head: Head | None = None) -> None:
        self._writer = writer
        self.head = head or Head()

    def headers(self, key: bytes | None, value: bytes) -> list[tuple[str, bytes]]:
        """The headers that make a record with this ``key`` and ``value`` the next line of the chain. Each call adds a
        line."""
        position, previous = self.head.position, self.head.hash
        self.head = Head(position + 1, _hash(self._writer, position, previous, key, value))
        return [
            (WRITER, self._writer.encode()),
            (POSITION, b"%d" % position),
            (PREVIOUS, previous.encode()),
        ]


def link_of(key: bytes | None, value: bytes | None, headers: Headers) -> Link | None:
    """The place of a record in its chain, by its headers; None where it has none, or a damaged one."""
    found: Mapping[str, bytes] = dict(headers)
    writer, position, previous = found.get(WRITER), found.get(POSITION), found.get(PREVIOUS)
    if not writer or position is None or previous is None or not position.isdigit() or len(position) > 18:
        return None
    try:
        name, before = writer.decode(), previous.decode("ascii")
    except UnicodeDecodeError:
        return None
    return Link(name, int(position), before, _hash(name, int(position), before, key, value or b""))


def _hash(writer: str, position: int, previous: str, key: bytes | None, value: bytes) -> str:
    digest = hashlib.sha256()
    # each part is preceded by its length, so that no part can pass for another
    for part in (writer.encode(), b"%d" % position, previous.encode(), key or b"", value):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


class Break(msgspec.Struct, frozen=True):
    """A line at which a chain is not intact."""

    what: str
    """``cut`` (lines before this one are gone), ``beginning_cut``, ``end_cut``, ``begun_again``, ``misplaced`` or
    ``unchained`` (a line of no chain among chained ones)."""
    writer: str
    position: int
    offset: int
    """Offset of the line that shows the break; -1: it shows at the end of the partition."""


class ChainReport(msgspec.Struct, frozen=True):
    """What a partition's lines prove of one writer's chain."""

    writer: str
    first: int
    """Position of the first line that is there; above 0 where older ones have expired."""
    head: Head
    lines: int
    repeats: int
    branches: int


class PartitionCheck:
    """``take`` every line of one partition of the audit in offset order, then ask.

    ``expired``: the log no longer begins at its first record, so chains may begin in their middle.
    """

    def __init__(self, *, expired: bool) -> None:
        self._expired = expired
        self._chains: dict[str, _Checked] = {}
        self.breaks: list[Break] = []
        self.unchained = 0
        """Lines from before there were chains."""

    def take(self, offset: int, key: bytes | None, value: bytes | None, headers: Headers) -> Link | None:
        """Check the next line. Returns its place in its chain, right or wrong; None where it has none."""
        link = link_of(key, value, headers)
        if link is None:
            if self._chains:
                self.breaks.append(Break("unchained", "", -1, offset))
            else:
                self.unchained += 1
            return None
        chain = self._chains.get(link.writer)
        if chain is None:
            chain = self._chains[link.writer] = _Checked(link)
            if link.position and not self._expired:
                self._broken("beginning_cut", link, offset)
        elif (what := chain.take(link)) is not None:
            self._broken(what, link, offset)
        return link

    def ends(self, known: Mapping[str, Iterable[Head]]) -> None:
        """Check the ends of the chains against heads that a checkpoint or a manifest knows, by writer. A chain that
        does not come as far, or has another line there, has lost its end."""
        for writer, heads in known.items():
            for head in heads:
                chain = self._chains.get(writer)
                if head.position and (chain is None or not chain.has(head)):
                    self.breaks.append(Break("end_cut", writer, head.position - 1, -1))

    def reports(self) -> list[ChainReport]:
        return [chain.report() for _, chain in sorted(self._chains.items())]

    def _broken(self, what: str, link: Link, offset: int) -> None:
        self.breaks.append(Break(what, link.writer, link.position, offset))


class _Checked:
    """One chain as far as it has been read."""

    def __init__(self, first: Link) -> None:
        self._first = first
        self._head = first.after
        self._lines = 1
        self._repeats = self._branches = 0
        self._known = {first.hash: first.position}
        self._order = deque([first.hash])

    def take(self, link: Link) -> str | None:
        """Check the next line of the chain. Returns the kind of break (``Break.what``); None where there is none."""
        if link.hash in self._known:
            self._repeats += 1
            return None
        before = self._known.get(link.previous)
        wrong = None
        if before is None:
            # the line before the first one that is left may itself have expired
            again = link.previous == self._first.previous and link.position == self._first.position
            if again and link.position:
                self._branches += 1
            else:
                wrong = "cut" if link.previous else "begun_again"
        elif link.position != before + 1:
            wrong = "misplaced"
        elif link.previous != self._head.hash:
            self._branches += 1
        self._lines += 1
        self._head = link.after
        self._known[link.hash] = link.position
        self._order.append(link.hash)
        if len(self._order) > _REMEMBERED:
            del self._known[self._order.popleft()]
        return wrong

    def has(self, head: Head) -> bool:
        """Whether the chain has that head. One that is too old to be remembered counts as there, since the lines after
        it have been checked against it."""
        position = self._known.get(head.hash)
        if position is not None:
            return position + 1 == head.position
        oldest = self._known[self._order[0]]
        return head.position <= oldest

    def report(self) -> ChainReport:
        return ChainReport(
            self._first.writer, self._first.position, self._head, self._lines, self._repeats, self._branches
        )

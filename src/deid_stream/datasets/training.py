"""Sanitized calls for a training job, in a plain ``for`` loop:

    from deid_stream.datasets.training import TrainingSet

    for call in TrainingSet("localhost:9092"):
        for segment in call.segments:
            train(call.clip(segment), segment.text)

What is handed out is what the training topics hold when the loop begins: calls that are closed, whose customer has
not opted out since, none of whose records has been retracted. Reading runs in a thread of its own, so the loop works
in a notebook as well.
"""

import asyncio
import contextlib
import copy
import os
import queue
import threading
from collections.abc import AsyncGenerator, Iterator
from typing import Final, TypeVar

import msgspec

from deid_stream.config import Settings, load_settings
from deid_stream.custody.ring import read_keys
from deid_stream.datasets.calls import SanitizedCall
from deid_stream.datasets.export.manifest import Filter
from deid_stream.datasets.held import HeldCall
from deid_stream.datasets.topics import ALL, Shard, Surveyed, TrainingTopics
from deid_stream.errors import ConfigError
from deid_stream.kafka.connect import connect
from deid_stream.units import Ms

CLIENT_ID: Final = "deid-stream-datasets"
_AHEAD: Final = 4
"""Calls that are read ahead of the loop. More take more memory; with fewer the loop waits for the broker."""
_LEFT_S: Final = 0.2
"""While the queue is full, how often the reading thread looks whether the loop was left. Longer: it ends later."""
_CLOSE_S: Final = 10.0
"""How long a loop that is left waits for the reading thread to end."""

Item = TypeVar("Item")


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls are wanted; by default all."""

    customers: frozenset[str] = frozenset()
    """Customer ids; empty: every customer."""
    since_ms: Ms | None = None
    until_ms: Ms | None = None
    """Calls that ended from ``since_ms`` on and before ``until_ms``, in record time, epoch ms; None: no bound."""
    whole_calls: bool = False
    """True: without the calls of which training has only a part."""

    @classmethod
    def matching(cls, wanted: Filter) -> "Selection":
        """The selection that an exported dataset was made with."""
        return cls(
            customers=frozenset(wanted.customers),
            since_ms=wanted.since_ms,
            until_ms=wanted.until_ms,
            whole_calls=wanted.whole_calls,
        )

    def of(self, surveyed: Surveyed, shard: Shard = ALL) -> dict[str, HeldCall]:
        """The wanted calls of a shard that are closed, by call id."""
        return {
            call_id: call
            for call_id, call in surveyed.held.items()
            if call.closed_at is not None
            and (not self.customers or call.customer_id in self.customers)
            and (self.since_ms is None or call.ended_ms >= self.since_ms)
            and (self.until_ms is None or call.ended_ms < self.until_ms)
            and not (self.whole_calls and call.gaps)
            and shard.has(call_id, surveyed.partitions)
        }


class Resume(msgspec.Struct):
    """Which calls a reader has handed out. ``TrainingSet.state`` gives it as JSON."""

    done: dict[int, int] = {}
    """Offset in ``deid.calls``, by partition: every call whose summary lies below it has been handed out."""
    ahead: dict[int, list[int]] = {}
    """Offsets of the summaries of further calls that have been handed out, by partition: calls are not handed out in
    the order of their summaries."""

    def has(self, call: HeldCall) -> bool:
        """Whether the call has been handed out."""
        at = call.closed_at or 0
        return at < self.done.get(call.partition, 0) or at in self.ahead.get(call.partition, ())


class TrainingSet:
    """An iterable of ``SanitizedCall``. Each iteration (an epoch) reads the topics again from the start, as they are
    when it begins: it gives the calls of the one before, without those that were withdrawn meanwhile, and new ones.

    ``bootstrap_servers``: ``host:port`` of the brokers. Other settings (TLS, SASL, topic prefix) come from ``settings``
    or, as for every command, from ``DEID_*`` in the environment. ``shard`` (index, count): each of ``count`` readers
    gets other calls. ``resume``: the ``state()`` of an earlier reader. The first iteration that comes to its end leaves
    out the calls which that reader has given; later iterations give every call.

    The constructor raises ConfigError where no broker is named, a setting is wrong, the index of ``shard`` is not from
    0 to ``count`` - 1, or ``resume`` is not what ``state()`` gave. Iterating raises TopicError where a topic is
    missing, ForbiddenError, another BrokerError, DigestKeyError or SealedError where records are encrypted and cannot
    be opened, and DecodeError where a record is not one that this service publishes.
    """

    def __init__(
        self,
        bootstrap_servers: str | None = None,
        *,
        selection: Selection | None = None,
        shard: tuple[int, int] = (0, 1),
        resume: str | bytes | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings or load_settings({"bootstrap_servers": bootstrap_servers}, os.environ)
        if not self._settings.bootstrap_servers:
            raise ConfigError("no broker is named: give bootstrap_servers, or set DEID_BOOTSTRAP_SERVERS")
        self._selection = selection or Selection()
        self._shard = Shard(*shard)
        if not 0 <= self._shard.index < self._shard.count:
            raise ConfigError(
                f"shard={shard} is no reader: index counts from 0 and lies below count, as in (0, 2) and (1, 2)"
            )
        self._given = _resume(resume) if resume else Resume()
        self._state = self._given

    def state(self) -> str:
        """What the newest iteration has handed out so far (with what ``resume`` named), as JSON: keep it with your
        checkpoint, and give it as ``resume``. After the end of an iteration it names every call that was there."""
        return msgspec.json.encode(self._state).decode()

    def part(self, index: int, count: int) -> "TrainingSet":
        """The TrainingSet of reader ``index`` (from 0) of ``count``: each call of this set goes to exactly one of them.

        Raises ConfigError for a set with ``resume``: a DataLoader makes its workers' sets anew in each epoch, and every
        epoch would leave out the calls that were given before the interruption.
        """
        if self._given != Resume():
            raise ConfigError("a TrainingSet with resume cannot be shared out: loop over it, or leave resume out")
        own = (self._shard.index * count + index, self._shard.count * count)
        return TrainingSet(selection=self._selection, shard=own, settings=self._settings)

    def __iter__(self) -> Iterator[SanitizedCall]:
        state = self._state = copy.deepcopy(self._given)
        ends: dict[int, int] = {}
        for partition, at, call in in_thread(self._read(state, ends)):
            yield call
            state.ahead.setdefault(partition, []).append(at)
        # everything that was there has been handed out or was not wanted
        state.done |= ends
        state.ahead.clear()
        self._given = Resume()

    async def _read(self, state: Resume, ends: dict[int, int]) -> AsyncGenerator[tuple[int, int, SanitizedCall], None]:
        keys = await asyncio.to_thread(read_keys, self._settings)
        topics = TrainingTopics(connect(self._settings, CLIENT_ID), self._settings.topic_prefix, keys)
        surveyed = await topics.survey(self._shard)
        ends.update(surveyed.closed_until())
        wanted = self._selection.of(surveyed, self._shard)
        left = {call_id: call for call_id, call in wanted.items() if not state.has(call)}
        async with contextlib.aclosing(topics.calls(surveyed, left)) as calls:
            async for call in calls:
                held = left[call.call_id]
                yield held.partition, held.closed_at or 0, call


def _resume(state: str | bytes) -> Resume:
    try:
        return msgspec.json.decode(state, type=Resume)
    except msgspec.DecodeError:
        raise ConfigError("resume is not what TrainingSet.state() gave; to begin anew, leave resume out") from None


def in_thread(source: AsyncGenerator[Item, None]) -> Iterator[Item]:
    """The items of an asynchronous generator, which is read by a thread of its own, up to four items ahead. What it
    raises is raised here. The thread ends when the items do, or when the loop over them is left.
    """
    items: queue.Queue[Item | BaseException | None] = queue.Queue(_AHEAD)
    left = threading.Event()

    def put(item: Item | BaseException | None) -> bool:
        while not left.is_set():
            with contextlib.suppress(queue.Full):
                items.put(item, timeout=_LEFT_S)
                return True
        return False

    async def read() -> None:
        async with contextlib.aclosing(source) as opened:
            async for item in opened:
                if not await asyncio.to_thread(put, item):
                    return

    def run() -> None:
        try:
            asyncio.run(read())
        except BaseException as error:  # noqa: BLE001 - raised again where the items are wanted
            put(error)
        else:
            put(None)

    thread = threading.Thread(target=run, name="deid-stream-datasets", daemon=True)
    thread.start()
    try:
        while (item := items.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        left.set()
        thread.join(_CLOSE_S)

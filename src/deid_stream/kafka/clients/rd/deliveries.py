"""Waits for the broker's answers to what producers have been given, on the event loop.

A thread that waits in ``flush`` needs the interpreter's lock once per delivered record, and while the event loop is
busy each of these times may take five milliseconds. Here the event loop itself looks, every ``LOOK_S``, at all
producers that are waited for; an answer then costs a microsecond.
"""

import asyncio
from typing import Final, Protocol

from confluent_kafka import KafkaException

LOOK_S: Final = 0.003
"""Between two looks. Smaller: more wake-ups of the event loop while batches are on their way; larger: each batch, which
waits for one answer or two, comes that much later."""


class Answered(Protocol):
    """A producer of librdkafka."""

    def poll(self, timeout: float) -> int: ...

    def __len__(self) -> int:
        """Number of records that the broker has not answered yet."""
        ...


class Deliveries:
    """Waits on one event loop for the answers to any number of producers."""

    def __init__(self) -> None:
        self._awaited: dict[Answered, tuple[asyncio.Future[int], float]] = {}
        """By producer, the future that waits for it and its deadline (the loop's time)."""
        self._timer: asyncio.TimerHandle | None = None

    async def of(self, producer: Answered, timeout_s: float) -> int:
        """Wait until a producer's records have been answered, or ``timeout_s`` have passed; the number that have not.
        Callbacks run on the event loop. One at a time may wait for a producer. Raises KafkaException."""
        producer.poll(0)
        if not len(producer):
            return 0
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[int] = loop.create_future()
        self._awaited[producer] = answered, loop.time() + timeout_s
        if self._timer is None:
            self._timer = loop.call_later(LOOK_S, self._look)
        try:
            return await answered
        finally:
            self._awaited.pop(producer, None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        for producer, (answered, until_s) in list(self._awaited.items()):
            try:
                producer.poll(0)
            except KafkaException as error:
                self._tell(producer, answered, error)
                continue
            left = len(producer)
            if not left or now_s >= until_s:
                self._tell(producer, answered, left)
        self._timer = loop.call_later(LOOK_S, self._look) if self._awaited else None

    def _tell(self, producer: Answered, answered: "asyncio.Future[int]", answer: int | KafkaException) -> None:
        del self._awaited[producer]
        if answered.done():
            return
        if isinstance(answer, KafkaException):
            answered.set_exception(answer)
        else:
            answered.set_result(answer)

"""How the control plane handles the records of the three topics that it reads: index, policies and requests."""

from collections.abc import Awaitable, Callable, Sequence

from deid_stream.control.executor import Executor
from deid_stream.control.policies import Policies
from deid_stream.control.reading import Message, TopicReading
from deid_stream.control.register import Register
from deid_stream.control.requests import Desk
from deid_stream.control.windows import Windows
from deid_stream.errors import DecodeError
from deid_stream.kafka.ports import Sender
from deid_stream.observe.logs import get_log
from deid_stream.runtime.clock import wall_clock_ms
from deid_stream.wire.index import read_claims

log = get_log("control")


class Agents:
    """``index``, ``policy`` and ``request`` each handle one record of their topic."""

    def __init__(
        self, register: Register, windows: Windows, policies: Policies, executor: Executor, desk: Desk
    ) -> None:
        self.register = register
        self.executor = executor
        self.topics: list[TopicReading] = []
        """The topics' readers, in the order in which they are read to their end at the start."""
        self.sender: Sender | None = None
        self.earlier: Callable[[], Awaitable[Sequence[Message]]] | None = None
        """Reads the requests made so far; set where the master key has been rotated, else None."""
        self.windows = windows
        self._policies = policies
        self._desk = desk

    async def open(self) -> None:
        """Call it once the tables have been read, and before the first record is taken. Raises BrokerError."""
        self.register.load()
        for customer_id in await self._policies.read():
            self._customer(customer_id)
        for message in await self.earlier() if self.earlier else ():
            self._desk.renamed(message)

    async def index(self, message: Message) -> None:
        """A record of ``deid.index``: which records a worker has published. One that cannot be read is logged and
        skipped."""
        try:
            claims = read_claims(message.value)
        except DecodeError as error:
            log.error("record of the index refused", error=error, partition=message.partition, offset=message.offset)
            return
        self.register.claims(claims, wall_clock_ms())

    async def policy(self, message: Message) -> None:
        """A record of ``customers.policies``."""
        for customer_id in self._policies.apply(
            message.partition, message.offset, message.time_ms, message.key, message.value
        ):
            self._customer(customer_id)

    async def request(self, message: Message) -> None:
        """A record of ``privacy.requests``."""
        assert self.sender is not None  # noqa: S101 - set before the first agent
        await self._desk.take(message, self.sender)

    def _customer(self, customer_id: str) -> None:
        customer = self._policies.customer(customer_id, self.register.known(customer_id))
        if self.register.customer(customer):
            self.executor.opted_out(customer_id)

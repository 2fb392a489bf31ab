"""aiokafka's exceptions as causes, and starting a client so that a failure names its cause."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from aiokafka.errors import (
    CorruptRecordException,
    GroupAuthorizationFailedError,
    IllegalOperation,
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    ProducerFenced,
    RecordListTooLargeError,
    RecordTooLargeError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
    UnsupportedCodecError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)

from deid_stream.errors import BrokerError
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.errors import Cause, broker_error
from deid_stream.kafka.probe import diagnose
from deid_stream.runtime.tasks import uninterrupted

FAILURES: Final = (KafkaError, IllegalOperation, OSError, TimeoutError)
"""What aiokafka raises for what goes wrong at the broker or on the way there."""
SLOW_START_S: Final = 3.0
"""A client over TLS that has not started by then may wait at a port that does not speak TLS. Smaller: slow brokers are
asked twice; larger: such a port is named later."""

_CAUSES: Final[tuple[tuple[type[BaseException], Cause], ...]] = (
    (ProducerFenced, Cause.FENCED),
    (InvalidProducerEpoch, Cause.FENCED),
    (TopicAuthorizationFailedError, Cause.FORBIDDEN),
    (GroupAuthorizationFailedError, Cause.FORBIDDEN),
    (TransactionalIdAuthorizationFailed, Cause.FORBIDDEN),
    (UnknownTopicOrPartitionError, Cause.NO_TOPIC),
    (MessageSizeTooLargeError, Cause.TOO_LARGE),
    (RecordListTooLargeError, Cause.TOO_LARGE),
    (RecordTooLargeError, Cause.TOO_LARGE),
    (UnsupportedCodecError, Cause.CODEC),
    (CorruptRecordException, Cause.DAMAGED),
    (UnsupportedSaslMechanismError, Cause.MECHANISM),
    (SaslAuthenticationFailed, Cause.LOGIN),
    (UnsupportedVersionError, Cause.VERSION),
    (KafkaConnectionError, Cause.SILENT),
    # aiokafka raises it while it has no connection: the broker has refused nothing
    (NodeNotReadyError, Cause.SILENT),
    (KafkaTimeoutError, Cause.SILENT),
    (RequestTimedOutError, Cause.SILENT),
    (TimeoutError, Cause.SILENT),
    (OSError, Cause.DISCONNECTED),
)
_OF_WHAT: Final[dict[type[BaseException], str]] = {
    TopicAuthorizationFailedError: "topic",
    GroupAuthorizationFailedError: "group",
    TransactionalIdAuthorizationFailed: "transactional id",
}


def cause_of(error: BaseException) -> Cause:
    """The cause of an exception of aiokafka; ``OTHER`` where it is not known."""
    return next((cause for kind, cause in _CAUSES if isinstance(error, kind)), Cause.OTHER)


def translate(error: BaseException, doing: str, where: str = "") -> BrokerError:
    """A client error as one of ours. ``where`` names what the request was about, where the error itself does not."""
    if isinstance(error, BrokerError):
        return error
    cause = cause_of(error)
    kind = next((name for known, name in _OF_WHAT.items() if isinstance(error, known)), "")
    where = f"{kind} {_named(error) or where}".strip() if kind else where
    return broker_error(cause, doing, where=where, detail=type(error).__name__)


def _named(error: BaseException) -> str:
    """The topics or groups that an authorisation error carries: names of the deployment, never content."""
    if isinstance(error, TransactionalIdAuthorizationFailed):
        return ""
    names: set[str] = set()
    for argument in error.args:
        if isinstance(argument, str) and " " not in argument:
            names.add(argument)
        elif isinstance(argument, set | frozenset | list | tuple):
            names |= {name for name in argument if isinstance(name, str)}
    return ", ".join(sorted(names))


@asynccontextmanager
async def translated(doing: str, where: str = "") -> AsyncIterator[None]:
    """Raise aiokafka's errors inside the block as errors of this project."""
    try:
        yield
    except FAILURES as error:
        raise translate(error, doing, where) from None


async def connect_error(error: BaseException, connection: Connection, doing: str) -> BrokerError:
    """The error of a client that could not start. aiokafka reports a refused connection, a wrong certificate and a
    wrong password alike; ``diagnose`` tells them apart."""
    translated_error = translate(error, doing)
    if cause_of(error) not in (Cause.SILENT, Cause.DISCONNECTED, Cause.OTHER):
        return translated_error
    with contextlib.suppress(OSError, TimeoutError):
        found = await diagnose(connection)
        if found is not None:
            return broker_error(found.cause, doing, where=found.where, detail=found.detail)
    return translated_error


class Client(Protocol):
    """Any client of aiokafka."""

    def start(self) -> Awaitable[None]: ...


async def start(client: Client, connection: Connection, doing: str = "connecting to the broker") -> None:
    """Start a client; the caller closes it, whatever happens. Raises BrokerError with the cause."""
    try:
        await uninterrupted(attempt(client, connection, doing))
    except FAILURES as error:
        raise await connect_error(error, connection, doing) from None


async def attempt(client: Client, connection: Connection, doing: str) -> None:
    """``client.start()``, ended as soon as it is certain that the port does not speak TLS: a broker that waits for the
    rest of a hello would keep aiokafka until its request times out (15 to 40 s). Raises BrokerError for that, and
    aiokafka's own errors."""
    starting = asyncio.ensure_future(client.start())
    try:
        if connection.tls:
            await asyncio.wait({starting}, timeout=SLOW_START_S)
            if not starting.done():
                await _raise_where_plain(connection, doing)
        await starting
    finally:
        starting.cancel()


async def _raise_where_plain(connection: Connection, doing: str) -> None:
    with contextlib.suppress(OSError, TimeoutError):
        found = await diagnose(connection)
        if found is not None and found.cause is Cause.TLS_TO_PLAIN:
            raise broker_error(found.cause, doing, where=found.where, detail=found.detail)

"""Gives aiokafka, and Faust with it, the bearer token that they ask for."""

import asyncio
from functools import lru_cache

from aiokafka.abc import AbstractTokenProvider

from deid_stream.kafka.connection import Connection
from deid_stream.kafka.errors import broker_error
from deid_stream.kafka.oauth import OAuth, source_of
from deid_stream.kafka.probe import diagnose


class Tokens(AbstractTokenProvider):  # type: ignore[misc]
    """Logs in with each new token once before aiokafka gets it: aiokafka does not notice that a broker refuses a token,
    and waits for its answers for ever."""

    def __init__(self, connection: Connection, oauth: OAuth) -> None:
        self._connection = connection
        self._source = source_of(oauth)
        self._tried = ""

    async def token(self) -> str:
        """Raises LoginError."""
        token = await asyncio.to_thread(self._source.token)
        if token.value != self._tried:
            fault = await diagnose(self._connection)
            if fault is not None:
                raise broker_error(fault.cause, "logging in", where=fault.where, detail=fault.detail)
            self._tried = token.value
        return token.value


@lru_cache(maxsize=16)
def tokens_of(connection: Connection, oauth: OAuth) -> Tokens:
    """Shared by all clients of a connection."""
    return Tokens(connection, oauth)

"""The port ``Kafka``, by aiokafka."""

from contextlib import AbstractAsyncContextManager

from deid_stream.kafka.clients.aio.admin import admin
from deid_stream.kafka.clients.aio.consumers import AioGroupReader, group_offsets, log_reader
from deid_stream.kafka.clients.aio.producers import AioPublishers, sender, supports_transactions
from deid_stream.kafka.connection import Connection
from deid_stream.kafka.ports import (
    Admin,
    GroupOffsets,
    GroupOptions,
    GroupReader,
    Isolation,
    LogReader,
    Publishers,
    Sender,
)


class AioKafka:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def log_reader(self, isolation: Isolation, *, follows: bool = False) -> AbstractAsyncContextManager[LogReader]:
        return log_reader(self.connection, isolation, follows=follows)

    def group_reader(self, options: GroupOptions) -> GroupReader:
        return AioGroupReader(self.connection, options)

    def group_offsets(self, group_id: str) -> AbstractAsyncContextManager[GroupOffsets]:
        return group_offsets(self.connection, group_id)

    def sender(self) -> AbstractAsyncContextManager[Sender]:
        return sender(self.connection)

    def admin(self) -> AbstractAsyncContextManager[Admin]:
        return admin(self.connection)

    async def supports_transactions(self, group_id: str) -> bool:
        return await supports_transactions(self.connection, group_id)

    def publishers(self, group_id: str, prefix: str, *, transactions: bool, timeout_s: float) -> Publishers:
        return AioPublishers(self.connection, group_id, prefix, transactions=transactions, timeout_s=timeout_s)

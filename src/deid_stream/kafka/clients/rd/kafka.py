"""The port ``Kafka`` for a worker: the group and the publishers by librdkafka, all else by aiokafka."""

from deid_stream.kafka.clients.aio.kafka import AioKafka
from deid_stream.kafka.clients.rd.group import RdGroupReader
from deid_stream.kafka.clients.rd.producers import RdPublishers
from deid_stream.kafka.ports import GroupOptions, GroupReader, Publishers


class RdKafka(AioKafka):
    def group_reader(self, options: GroupOptions) -> GroupReader:
        return RdGroupReader(self.connection, options)

    def publishers(self, group_id: str, prefix: str, *, transactions: bool, timeout_s: float) -> Publishers:
        return RdPublishers(self.connection, group_id, prefix, transactions=transactions, timeout_s=timeout_s)

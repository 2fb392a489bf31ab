"""Send calls the right way: for telephone systems, recognisers' proxies and tests."""

from deid_stream.produce.producer import Call, Producer, producer
from deid_stream.produce.records import CallRecords

__all__ = ["Call", "CallRecords", "Producer", "producer"]

"""Keys go where Kafka's own clients put them: published values of the Java client's murmur2, and aiokafka's."""

import pytest
from aiokafka.partitioner import murmur2 as of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from deid_stream.wire.partitions import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "signed"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_the_values_of_the_java_client(key, signed):
    assert murmur2(key) == signed % 2**32


@given(st.binary(max_size=64), st.integers(1, 200))
def test_the_same_partition_as_aiokafka(key, partitions):
    assert partition_of(key, partitions) == (of_aiokafka(key) & 0x7FFFFFFF) % partitions

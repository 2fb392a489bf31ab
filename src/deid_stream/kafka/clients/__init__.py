"""One package a client library: the only importers of ``aiokafka`` and ``confluent_kafka``."""

"""One package per client library. Nothing else imports ``aiokafka`` or ``confluent_kafka``."""

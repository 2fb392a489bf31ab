"""The embedded Kafka-compatible broker and the guard that ends it with its parent."""

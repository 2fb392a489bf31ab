"""The ports by confluent-kafka (librdkafka), for the records that a worker reads and writes: it takes a quarter of
aiokafka's CPU time.

librdkafka has threads of its own. Here one thread more waits for records, and a few wait for the broker's answers to
batches; everything that decides stays on the event loop, which is woken once per batch and not once per record.
"""

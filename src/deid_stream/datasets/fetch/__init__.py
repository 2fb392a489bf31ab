"""Reads one call's records from Kafka and makes of them the files that ``deid-stream replay`` reads."""

"""Kafka as a floor of its own: what runs on it speaks to ``ports``; only ``clients`` imports a Kafka client."""

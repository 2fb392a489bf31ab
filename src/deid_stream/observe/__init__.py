"""Metrics, health probes, logs and traces. None of them holds content of a call."""

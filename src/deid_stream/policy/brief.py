"""Summarises what workers do with a customer's calls now, and the reason where nothing goes to training."""

from deid_stream.model.json import JsonObject
from deid_stream.policy.permit import rfc3339
from deid_stream.policy.status import Standing
from deid_stream.units import Ms


def in_brief(standing: Standing, now_ms: Ms) -> JsonObject:
    """Always ``customer_id``, ``version``, ``status``, ``analytics``, ``training`` and ``legal_hold``; ``reason`` where
    a record of now may not be trained on, ``training_from`` where one of later may, ``error`` where the last record
    cannot be read."""
    refusal = standing.refusal(now_ms)
    row: JsonObject = {
        "customer_id": standing.customer_id,
        "version": standing.policy.version,
        "status": standing.status,
        "analytics": standing.policy.analytics,
        "training": refusal is None,
        "legal_hold": bool(standing.held),
    }
    if refusal is not None:
        row["reason"] = refusal
    if standing.trains_from_ms is not None and standing.trains_from_ms > now_ms:
        row["training_from"] = rfc3339(standing.trains_from_ms)
    if standing.error is not None:
        row["error"] = str(standing.error)
    return row

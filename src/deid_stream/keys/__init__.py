"""The key ring: derives the keys of each purpose, customer and call from a few master keys."""

from deid_stream.keys.ring import MAX_KEY_BYTES, MIN_KEY_BYTES, CallKeys, KeyRing, Purpose

__all__ = ["MAX_KEY_BYTES", "MIN_KEY_BYTES", "CallKeys", "KeyRing", "Purpose"]

"""Held audio by media time."""

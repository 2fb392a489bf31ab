"""Codecs and content types: bytes to samples and back."""

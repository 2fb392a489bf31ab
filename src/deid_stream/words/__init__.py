"""Recogniser words against the text of their segment: where each stands, and how long it can last."""

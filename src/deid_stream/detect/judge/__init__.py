"""Checks guesses against vocabulary and against each other before they are resolved."""

"""Which model this version was released with. ``make train`` writes the line; a folder names a model of one's own."""

from typing import Final

CONFIG_SHA256: Final = "94e8435b474d5857b687ac441753226f1004f529837dcf74fb1d1cd1df609865"
"""SHA-256 (hex) of the shipped ``config.json``, which holds the thresholds and the digests of the weights and the
tokenizer. It stands in the code, so that a change of all files in the model's folder together is noticed."""

"""Which model this version was released with. ``make train`` writes the line; a folder names a model of one's own."""

from typing import Final

CONFIG_SHA256: Final = "84be73141bc4e33a584538556f78e810107d68d97b024b60d0906ba7c51412d3"
"""SHA-256 (hex) of the shipped ``config.json``, which holds the thresholds and the digests of the weights and the
tokenizer. It stands in the code, so that a change of all files in the model's folder together is noticed."""

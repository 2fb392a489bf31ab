"""Which model this version was released with. ``make train`` writes the line; a folder names a model of one's own."""

from typing import Final

CONFIG_SHA256: Final = "3b1bef1d5c4ea7c9ab8a31988c94a7146c2e672fcf6a9c08b89d59cb939c44d5"
"""SHA-256 (hex) of the shipped ``config.json``, which holds the thresholds and the digests of the weights and the
tokenizer. It stands in the code, so that a change of all files in the model's folder together is noticed."""

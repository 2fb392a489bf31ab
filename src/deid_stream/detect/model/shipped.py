"""Which model this version was released with. ``make train`` writes the line; a folder names a model of one's own."""

from typing import Final

CONFIG_SHA256: Final = "3190227ccf6a51882edb47de0c9df025c269cfbbb85bd5a9204f7b66b77a84ab"
"""SHA-256 (hex) of the shipped ``config.json``, which holds the thresholds and the digests of the weights and the
tokenizer. It stands in the code, so that a change of all files in the model's folder together is noticed."""

"""Which model this version was released with. ``make train`` writes the line; a folder names a model of one's own."""

from typing import Final

CONFIG_SHA256: Final = "cdbbff65573e42861fa2aa30f00a1382aaa66322647e34447d1acfe98bbcf6bf"
"""SHA-256 (hex) of the shipped ``config.json``, which holds the thresholds and the digests of the weights and the
tokenizer. It stands in the code, so that a change of all files in the model's folder together is noticed."""

"""Chunks of one call put together again to a recording."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from deid_stream.audio.codec import pcm
from deid_stream.audio.hold.reader import Recording
from deid_stream.errors import AudioFormatError, DecodeError
from deid_stream.model.events import AudioChunk
from deid_stream.units import Ms, ms_to_samples

_LONGEST_MS: Final[Ms] = 12 * 3600 * 1000
"""A whole call is held in memory."""


def compose(chunks: Sequence[AudioChunk]) -> Recording:
    """The call from media time 0 on, int16 ``(frames, channels)``, zeros where no chunk lies.

    Raises AudioFormatError where the chunks have no common format, DecodeError where the call is above 12 hours.
    """
    formats = {(chunk.format.rate_hz, chunk.format.channels, chunk.channel is None) for chunk in chunks}
    if len(formats) != 1:
        raise AudioFormatError("the call's audio has no format, or more than one")
    ((rate_hz, channels, interleaved),) = formats
    if not interleaved:
        channels = 1 + max(chunk.channel or 0 for chunk in chunks)
    placed = [(ms_to_samples(chunk.offset_ms, rate_hz), chunk) for chunk in chunks]
    end = max(start + len(chunk.data) // chunk.format.frame_bytes for start, chunk in placed)
    if end > ms_to_samples(_LONGEST_MS, rate_hz):
        raise DecodeError("the call is above 12 hours, too long to be held as one recording")
    samples = np.zeros((end, channels), np.int16)
    for start, chunk in placed:
        part = pcm.decode(chunk.data, chunk.format)
        target = samples[start : start + len(part)]
        if chunk.channel is None:
            target[:] = part
        else:
            target[:, chunk.channel] = part[:, 0]
    return Recording(samples, rate_hz)

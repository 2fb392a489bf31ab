"""Disguised voices for the training audio of customers whose policy asks for it (``audio.cut.voice``)."""

import numpy as np

from deid_stream.audio.codec import pcm
from deid_stream.audio.cut.voice import Disguise
from deid_stream.model.events import AudioFormat
from deid_stream.units import SampleIndex


class StreamDisguise:
    """Carries the transform of each channel of one stream from chunk to chunk.

    Begins anew where the stream has a gap, and after a restart: the transform's state is sound, so no checkpoint may
    hold it. What a hole silenced stays silent: holes are cut before.
    """

    def __init__(self, fmt: AudioFormat) -> None:
        self._format = fmt
        self._voices: list[Disguise] = []
        self._next: SampleIndex = -1

    def process(self, data: bytes, start: SampleIndex) -> bytes:
        """The chunk that begins at sample ``start``, disguised; as long as ``data``."""
        samples = pcm.decode(data, self._format)
        if start != self._next:
            self._voices = [Disguise(self._format.rate_hz) for _ in range(self._format.channels)]
        self._next = start + len(samples)
        columns = [voice.process(samples[:, at]) for at, voice in enumerate(self._voices)]
        return pcm.encode(np.stack(columns, axis=1), self._format)

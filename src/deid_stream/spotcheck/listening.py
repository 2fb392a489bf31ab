"""Gives the second recogniser the sound around each silenced span of a released call, in a thread."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.cut.findings import findings
from deid_stream.model.events import Word
from deid_stream.model.spans import AudioSpan
from deid_stream.spotcheck.released import Released
from deid_stream.units import Ms


class Recogniser(Protocol):
    """``spotcheck.whisper.SecondRecogniser``, or a made-up one in tests."""

    def words(self, pcm: NDArray[np.int16], rate_hz: int, start_ms: Ms = 0) -> list[Word]: ...


async def listen(released: Released, recogniser: Recogniser, stopped: Callable[[], bool]) -> list[AudioSpan]:
    """The words heard where there should be silence, on every channel. Ends early once ``stopped`` is set."""
    found: list[AudioSpan] = []
    recording = released.recording
    for channel in range(released.channels):
        spans = released.on(channel)
        for window in released.windows(channel):
            if stopped():
                return found
            pcm = recording.pcm(channel, window.start, window.end)
            heard = await asyncio.to_thread(recogniser.words, pcm, recording.rate_hz, window.start)
            found += findings(heard, spans, recording, released.published)
    return found

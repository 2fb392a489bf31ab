"""A call before and after: one spectrogram a channel each, the silenced spans marked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from deid_stream.audio.codec.pcm import decode
from deid_stream.datasets.callfile import CallFile
from deid_stream.datasets.files import atomic_writer
from deid_stream.datasets.replay import Redacted
from deid_stream.datasets.wav import WavFile

_WINDOW: Final = 256
_HOP: Final = 80
_FLOOR_DB: Final = -75.0
_MARK: Final = "#d62728"


def draw(path: Path, call: CallFile, after: WavFile, spans: Sequence[Redacted], roles: Sequence[str]) -> None:
    """Write a PNG. ``spans`` are what was silenced, ``roles`` the channels' names."""
    mpl.rcParams["font.size"] = 9
    channels = call.wav.format.channels
    seconds = call.wav.duration_ms / 1000
    figure = Figure(figsize=(14, 1.9 * 2 * channels + 0.8), layout="constrained")
    grid = figure.subplots(2 * channels, 1, sharex=True)
    for channel in range(channels):
        own = [span for span in spans if span.channel == channel]
        for row, (title, wav) in enumerate((("before", call.wav), ("after", after))):
            axes = grid[2 * channel + row]
            rate_hz = wav.format.rate_hz
            samples = decode(wav.data, wav.format)[:, channel]
            axes.imshow(
                _spectrogram_db(samples),
                origin="lower",
                aspect="auto",
                cmap="magma",
                vmin=_FLOOR_DB,
                vmax=-15,
                extent=(0, seconds, 0, rate_hz / 2000),
            )
            axes.set_ylabel(f"{roles[channel]}\n{title}  kHz")
            for span in own:
                axes.axvspan(span.start_ms / 1000, span.end_ms / 1000, color=_MARK, alpha=0.18, linewidth=0)
                for edge_ms in (span.start_ms, span.end_ms):
                    axes.axvline(edge_ms / 1000, color=_MARK, linewidth=0.8)
                if row == 1:
                    middle = (span.start_ms + span.end_ms) / 2000
                    axes.text(
                        middle,
                        rate_hz / 4000,
                        span.entity_type.replace("_", "\n"),
                        color="white",
                        ha="center",
                        va="center",
                        fontsize=7,
                    )
    grid[-1].set_xlabel("seconds")
    figure.suptitle(f"{call.name}: the spans in red must not leave, and do not", fontsize=11)
    with atomic_writer(path) as out:
        figure.savefig(out, format="png", dpi=90)


def _spectrogram_db(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Power in dB, (frequencies, frames), Hann windows of 32 ms at 8 kHz."""
    padded = np.pad(samples.astype(np.float64) / 32768, (_WINDOW // 2, _WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) / (_WINDOW / 4)
    decibels: NDArray[np.float64] = 20 * np.log10(np.maximum(spectrum, 1e-6)).T
    return decibels

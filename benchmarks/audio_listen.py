"""The second recogniser on redacted calls, and a picture of one."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import audio_measure as measure
from deid_stream.audio.codec import pcm
from deid_stream.audio.cut.findings import findings
from deid_stream.audio.hold.reader import Recording
from deid_stream.model.events import Word
from deid_stream.model.spans import AudioSpan
from deid_stream.spotcheck.whisper import SecondRecogniser
from deid_stream.units import Interval

DIGITS = "zero oh one two three four five six seven eight nine".split()
NEAR_MS = 300


def letters(text: str) -> str:
    """Letters and digits, lower case."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def read_plain(calls: Sequence[measure.LabelledCall], recogniser: SecondRecogniser) -> list[list[list[Word]]]:
    """Words by call and channel, before redaction."""
    return [[recogniser.words(samples, call.reader.rate_hz) for samples in call.reader.samples.T] for call in calls]


def listen(
    calls: Sequence[measure.LabelledCall],
    before: list[list[list[Word]]],
    cut: Callable[[measure.LabelledCall], bytes],
    recogniser: SecondRecogniser,
) -> dict[str, float | int]:
    """Read every call after redaction: PII words read, how many of them were before, and other words lost."""
    read_before = read_after = finds = pii_words = kept = others = 0
    for call, plain in zip(calls, before, strict=True):
        after = pcm.decode(cut(call), call.wav.format)
        for channel in range(after.shape[1]):
            entities = [entity for entity in call.truth if entity.channel == channel]
            before_words = plain[channel]
            after_words = recogniser.words(after[:, channel], call.reader.rate_hz)
            for entity in entities:
                said = [letters(word) for word in entity.text.split()]
                pii_words += len(said)
                read_before += _read(entity, said, before_words)
                read_after += _read(entity, said, after_words)
            secret = [Interval(entity.start_ms - NEAR_MS, entity.end_ms + NEAR_MS) for entity in entities]
            spans = [AudioSpan(e.start_ms, e.end_ms, channel, e.entity_type) for e in entities]
            clear = [word for word in before_words if not any(_middle_in(word, part) for part in secret)]
            finds += len(findings(after_words, spans, Recording(after, call.reader.rate_hz), clear))
            others += len(clear)
            kept += sum(any(_same(word, other) for other in after_words) for word in clear)
    return {
        "pii_words": pii_words,
        "pii_words_read_before": read_before,
        "pii_words_read_after": read_after,
        "spot_check_finds": finds,
        "other_words": others,
        "other_words_lost_share": round(1 - kept / max(1, others), 4),
    }


def _middle_in(word: Word, part: Interval) -> bool:
    return part.start <= ((word.start_ms or 0) + (word.end_ms or 0)) // 2 < part.end


def _read(entity: measure.Truth, said: Sequence[str], heard: Sequence[Word]) -> int:
    """How many of the entity's words (digits also as figures) are read where it was said."""
    figures = [str(DIGITS.index(word) - 1 if word != "zero" else 0) if word in DIGITS else word for word in said]
    stretch = Interval(entity.start_ms, entity.end_ms)
    tokens = [letters(word.text) for word in heard if _middle_in(word, stretch)]
    read = "".join(tokens)
    numbers = re.sub(r"[^0-9]", "", read)
    return sum(
        word in tokens or (len(word) > 3 and word in read) or (figure.isdigit() and figure in numbers)
        for word, figure in zip(said, figures, strict=True)
    )  # a short word must stand alone: "phone" is no "one"


def _same(word: Word, other: Word) -> bool:
    apart = abs((word.start_ms or 0) - (other.start_ms or 0))
    return apart <= 2 * NEAR_MS and letters(word.text) == letters(other.text)


def picture(call: measure.LabelledCall, after: bytes, path: Path) -> None:
    """Spectrograms of the call before and after, one row a channel, the silenced stretches marked."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from PIL import Image

    redacted = pcm.decode(after, call.wav.format)
    channels = redacted.shape[1]
    rate_hz = call.reader.rate_hz
    figure, axes = plt.subplots(2 * channels, 1, figsize=(12, 2.1 * 2 * channels), sharex=True, layout="constrained")
    for channel in range(channels):
        for row, (samples, name) in enumerate([(call.reader.samples, "before"), (redacted, "after")]):
            axis = axes[2 * channel + row]
            sound = samples[:, channel] / 32768 + np.random.default_rng(0).normal(0, 1e-5, len(samples))
            axis.specgram(sound, NFFT=256, noverlap=128, Fs=rate_hz, vmin=-110, vmax=-40, cmap="magma")
            axis.set_ylabel(f"{('agent', 'customer')[channel] if channels == 2 else channel}\n{name}, Hz")
            for entity in call.truth:
                if entity.channel == channel:
                    axis.axvspan(entity.start_ms / 1000, entity.end_ms / 1000, fill=False, edgecolor="cyan", lw=1.2)
                    if row == 0:
                        axis.text(entity.start_ms / 1000, rate_hz / 2 * 0.9, entity.entity_type, color="white", size=7)
    axes[-1].set_xlabel("s")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=70)
    plt.close(figure)
    with Image.open(path) as drawn:
        drawn.convert("RGB").quantize(64).save(path, optimize=True)

"""Changes how redactions look to a speech model that is trained on clips: placeholders in the text, silences in the
sound.

A model that is trained on ``[PERSON_1]`` learns to write it, and one that is trained on digital silence learns that
silence is a word. So both can be made uniform, and clips with placeholders can be left out.
"""

from enum import StrEnum
from typing import Final

import msgspec
import numpy as np

from deid_stream.datasets.calls import Clip, Samples

COMMON: Final = "<redacted>"
_LEAST_ZEROS_MS: Final = 20
"""Shorter runs of zero samples are left: they occur in ordinary speech on a line without noise."""
_QUIETEST: Final = 10
"""The level of the noise is this percentile of the clip's 10 ms frames. A larger value makes it louder."""


class Placeholders(StrEnum):
    """What stands in a clip's text where something was redacted."""

    KEEP = "keep"
    """The published placeholder, for example ``[PERSON_1]``."""
    TYPE = "type"
    """The entity type without a number: ``<person>``."""
    COMMON = "common"
    """``<redacted>``, whatever the type."""
    REMOVE = "remove"
    """Nothing."""
    SKIP = "skip"
    """Clips with a placeholder are left out."""


class Silences(StrEnum):
    """What is heard where sound was silenced."""

    KEEP = "keep"
    """The published samples."""
    NOISE = "noise"
    """Noise, as loud as the clip's quietest frames, in place of runs of zero samples of 20 ms or more."""


class Normalisation(msgspec.Struct, frozen=True):
    """What to do with every clip; by default nothing."""

    placeholders: Placeholders = Placeholders.KEEP
    silences: Silences = Silences.KEEP


def normalise(clip: Clip, how: Normalisation) -> Clip | None:
    """The clip with its text and sound changed as ``how`` says; None: the clip is to be left out. The noise is seeded
    with the clip's id, so the same clip gives the same samples on every run."""
    if how.placeholders is Placeholders.SKIP and clip.entities:
        return None
    if how.placeholders is not Placeholders.KEEP and clip.entities:
        clip = _with_text(clip, how.placeholders)
    if how.silences is Silences.NOISE:
        clip = msgspec.structs.replace(clip, audio=_with_noise(clip))
    return clip


def _with_text(clip: Clip, style: Placeholders) -> Clip:
    text = ""
    entities = []
    at = 0
    for entity_type, start, end in sorted(clip.entities, key=lambda entity: entity[1]):
        text += clip.text[at:start]
        at = end
        word = {Placeholders.TYPE: f"<{entity_type.lower()}>", Placeholders.COMMON: COMMON}.get(style, "")
        if word:
            entities.append((entity_type, len(text), len(text) + len(word)))
        elif text.endswith(" ") and clip.text[at : at + 1] == " ":
            at += 1
        text += word
    return msgspec.structs.replace(clip, text=text + clip.text[at:], entities=tuple(entities))


def _with_noise(clip: Clip) -> Samples:
    zeros = _zero_runs(clip.audio, clip.rate_hz * _LEAST_ZEROS_MS // 1000)
    if not zeros:
        return clip.audio
    samples = clip.audio.copy()
    level = _floor(clip)
    noise = np.random.default_rng(np.frombuffer(clip.id.encode(), np.uint8)).normal(0.0, level, len(samples))
    for start, end in zeros:
        samples[start:end] = np.clip(np.rint(noise[start:end]), -32768, 32767).astype(np.int16)
    return samples


def _floor(clip: Clip) -> float:
    """Root mean square of the clip's quietest frames that are not silent, in steps of int16; at least 1."""
    frame = max(1, clip.rate_hz // 100)
    frames = clip.audio[: len(clip.audio) // frame * frame].astype(np.float64).reshape(-1, frame)
    levels = np.sqrt((frames**2).mean(axis=1)) if len(frames) else np.zeros(0)
    levels = levels[levels > 0]
    return max(1.0, float(np.percentile(levels, _QUIETEST))) if len(levels) else 1.0


def _zero_runs(samples: Samples, least: int) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], (samples == 0).view(np.int8), [0]))))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2) if end - start >= max(1, least)]

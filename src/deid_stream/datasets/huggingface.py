"""Sanitized clips for Hugging Face ``datasets``, with its Audio feature.

``datasets`` needs ``torchcodec`` to handle audio, and FFmpeg to decode it; with ``decode=False`` the WAV bytes come as
they are, without FFmpeg.
"""

from collections.abc import Iterable, Iterator

from deid_stream.datasets.calls import SanitizedCall, clips
from deid_stream.datasets.export.formats import wav_bytes
from deid_stream.datasets.normalise import Normalisation, normalise
from deid_stream.errors import ConfigError
from deid_stream.model.json import JsonObject


def rows(calls: Iterable[SanitizedCall], normalisation: Normalisation | None = None) -> Iterator[JsonObject]:
    """One dictionary per clip: ``id``, ``text``, ``language``, ``customer_id``, ``policy_version``, ``partial``, and
    ``audio`` as ``{"bytes": WAV (mono, 16-bit), "path": None}``. ``normalisation``: None changes nothing."""
    how = normalisation or Normalisation()
    for call in calls:
        for clip in clips(call):
            kept = normalise(clip, how)
            if kept is not None:
                yield {
                    "id": kept.id,
                    "audio": {"bytes": wav_bytes(kept), "path": None},
                    "text": kept.text,
                    "language": kept.language,
                    "customer_id": kept.customer_id,
                    "policy_version": kept.policy_version,
                    "partial": kept.partial,
                }


def to_huggingface(
    calls: Iterable[SanitizedCall], normalisation: Normalisation | None = None, *, decode: bool = True
) -> object:
    """A ``datasets.IterableDataset`` over calls (a TrainingSet, or a list); nothing is copied to disk, and each epoch
    reads the calls again. Raises ConfigError where ``datasets`` is missing."""
    try:
        import datasets
    except ImportError:
        raise ConfigError("to_huggingface needs the package 'datasets' of Hugging Face; install it") from None
    text = datasets.Value("string")
    features = datasets.Features(
        {
            "id": text,
            "audio": datasets.Audio(decode=decode),
            "text": text,
            "language": text,
            "customer_id": text,
            "policy_version": text,
            "partial": datasets.Value("bool"),
        }
    )
    arguments = {"calls": calls, "normalisation": normalisation}
    return datasets.IterableDataset.from_generator(rows, features=features, gen_kwargs=arguments)

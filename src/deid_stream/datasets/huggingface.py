"""Sanitized clips for Hugging Face ``datasets``; its package is all that this needs.

The library's own Audio feature is not used: it needs ``torchcodec`` for every row, even with ``decode=False``, and
``torchcodec`` needs FFmpeg's libraries. Where both are installed, and a model wants another sampling rate:

    to_huggingface(calls, decode=False).cast_column("audio", datasets.Audio(sampling_rate=16_000))
"""

from collections.abc import Iterable, Iterator, Sequence

from deid_stream.datasets.calls import Clip, SanitizedCall, clips
from deid_stream.datasets.export.formats import wav_bytes
from deid_stream.datasets.normalise import Normalisation, normalise
from deid_stream.datasets.training import TrainingSet
from deid_stream.errors import ConfigError
from deid_stream.model.json import JsonObject


def rows(
    calls: Iterable[SanitizedCall], normalisation: Normalisation | None = None, *, decode: bool = False
) -> Iterator[JsonObject]:
    """One dictionary per clip: ``id``, ``text``, ``language``, ``customer_id``, ``policy_version``, ``partial``, and
    ``audio`` as ``{"bytes": WAV (mono, 16-bit), "path": None}``; with ``decode`` as ``{"array": float32 samples in
    [-1, 1], "sampling_rate": Hz}``. ``normalisation``: None changes nothing."""
    how = normalisation or Normalisation()
    for call in calls:
        for clip in clips(call):
            kept = normalise(clip, how)
            if kept is not None:
                yield {
                    "id": kept.id,
                    "audio": _samples(kept) if decode else {"bytes": wav_bytes(kept), "path": None},
                    "text": kept.text,
                    "language": kept.language,
                    "customer_id": kept.customer_id,
                    "policy_version": kept.policy_version,
                    "partial": kept.partial,
                }


def to_huggingface(
    calls: Iterable[SanitizedCall],
    normalisation: Normalisation | None = None,
    *,
    decode: bool = True,
    shards: int = 1,
) -> object:
    """A ``datasets.IterableDataset`` over calls (a TrainingSet, or a list); nothing is copied to disk, and each epoch
    reads the calls again. ``decode``: see ``rows``. ``shards``: how many readers may share it. ``datasets`` stops
    a DataLoader's workers that get no shard, so give at least its ``num_workers``.

    Raises ConfigError where ``datasets`` is missing, ``shards`` is less than 1, or a TrainingSet with ``resume`` is
    given with more than one shard.
    """
    if shards < 1:
        raise ConfigError(f"shards={shards} leaves every call out; give 1 or more")
    try:
        import datasets
    except ImportError:
        raise ConfigError("to_huggingface needs the package 'datasets' of Hugging Face; install it") from None
    text = datasets.Value("string")
    as_bytes = {
        "id": text,
        "audio": {"bytes": datasets.Value("binary"), "path": text},
        "text": text,
        "language": text,
        "customer_id": text,
        "policy_version": text,
        "partial": datasets.Value("bool"),
    }
    # a declared list of floats would turn each array into a list of Python objects, one per sample
    features = None if decode else datasets.Features(as_bytes)
    # datasets shares out the entries of a list among the readers
    arguments = {"parts": _parts(calls, shards), "normalisation": normalisation, "decode": decode}
    return datasets.IterableDataset.from_generator(_rows_of, features=features, gen_kwargs=arguments)


def _parts(calls: Iterable[SanitizedCall], count: int) -> list[Iterable[SanitizedCall]]:
    if isinstance(calls, TrainingSet):
        return [calls.part(index, count) for index in range(count)] if count > 1 else [calls]
    held = list(calls)
    return [held[index::count] for index in range(count)]


def _rows_of(
    parts: Sequence[Iterable[SanitizedCall]], normalisation: Normalisation | None, decode: bool
) -> Iterator[JsonObject]:
    for part in parts:
        yield from rows(part, normalisation, decode=decode)


def _samples(clip: Clip) -> JsonObject:
    return {"array": clip.audio.astype("float32") / 32768.0, "sampling_rate": clip.rate_hz}

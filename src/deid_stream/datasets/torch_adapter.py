"""Sanitized clips for PyTorch: ``DataLoader(TorchClips(calls), num_workers=4)``."""

from collections.abc import Callable, Iterable, Iterator

from deid_stream.datasets.calls import Clip, SanitizedCall, clips
from deid_stream.datasets.normalise import Normalisation, normalise
from deid_stream.errors import ConfigError
from deid_stream.model.json import JsonObject

try:
    import torch
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError:
    raise ConfigError(
        "deid_stream.datasets.torch_adapter needs PyTorch; install it (for example the extra 'train')"
    ) from None

Source = Callable[[int, int], Iterable[SanitizedCall]]
"""Called with a reader's index and the number of readers; returns the calls that this reader is to read, for example
``lambda index, count: TrainingSet("localhost:9092", shard=(index, count))``."""


class TorchClips(IterableDataset[JsonObject]):  # type: ignore[misc,unused-ignore]
    """Clips as dictionaries: ``audio`` (float32 tensor ``(frames,)`` in [-1, 1]), ``sampling_rate`` (Hz), ``text``,
    ``id`` and ``partial``.

    Each worker of a ``DataLoader`` reads its own share of the calls. In a distributed job pass ``rank`` and
    ``world_size``, so that each node does. Iterating raises what ``source`` raises.
    """

    def __init__(
        self, source: Source, *, normalisation: Normalisation | None = None, rank: int = 0, world_size: int = 1
    ) -> None:
        self._source = source
        self._normalisation = normalisation or Normalisation()
        self._rank = rank
        self._world_size = world_size

    def __iter__(self) -> Iterator[JsonObject]:
        worker = get_worker_info()
        workers, own = (worker.num_workers, worker.id) if worker is not None else (1, 0)
        for call in self._source(self._rank * workers + own, self._world_size * workers):
            for clip in clips(call):
                kept = normalise(clip, self._normalisation)
                if kept is not None:
                    yield _example(kept)


def _example(clip: Clip) -> JsonObject:
    return {
        "id": clip.id,
        "audio": torch.from_numpy(clip.audio.astype("float32") / 32768.0),
        "sampling_rate": clip.rate_hz,
        "text": clip.text,
        "partial": clip.partial,
    }

"""Sanitized clips for PyTorch, one at a time or in batches of four:

    from torch.utils.data import DataLoader
    from deid_stream.datasets.torch_adapter import TorchClips, padded
    from deid_stream.datasets.training import TrainingSet

    clips = TorchClips(TrainingSet("localhost:9092"))
    DataLoader(clips, batch_size=None, num_workers=4)
    DataLoader(clips, batch_size=4, collate_fn=padded, num_workers=4)

A stream has neither ``len()`` nor ``shuffle=True``: a DataLoader refuses both for every ``IterableDataset``. Workers
that are started with ``spawn`` or ``forkserver`` (the default on macOS and Windows, and everywhere from Python 3.14)
get a pickled copy of the dataset: a ``TrainingSet`` can be pickled, a lambda cannot.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from deid_stream.datasets.calls import Clip, SanitizedCall, clips
from deid_stream.datasets.normalise import Normalisation, normalise
from deid_stream.datasets.training import TrainingSet
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
"""Called with a reader's index and the number of readers, at the beginning of each epoch; returns the calls that this
reader is to read. A function of a module or a ``functools.partial`` of one can be pickled, a lambda cannot."""


class TorchClips(IterableDataset[JsonObject]):  # type: ignore[misc,unused-ignore]
    """Clips as dictionaries: ``audio`` (float32 tensor ``(frames,)`` in [-1, 1]), ``sampling_rate`` (Hz), ``text``,
    ``id`` and ``partial``.

    ``source``: a TrainingSet (without ``resume``, else ConfigError), or a function that makes each reader's calls. Each
    worker of a ``DataLoader`` reads its own share of the calls, each epoch anew. In a distributed job pass ``rank`` and
    ``world_size``, so that each node does. Iterating raises what ``source`` raises.
    """

    def __init__(
        self,
        source: TrainingSet | Source,
        *,
        normalisation: Normalisation | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._source = source.part if isinstance(source, TrainingSet) else source
        if isinstance(source, TrainingSet):
            source.part(rank, world_size)  # refuses a set that cannot be shared out now, not in a worker
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


def padded(examples: Sequence[JsonObject]) -> JsonObject:
    """A batch, for ``DataLoader(..., batch_size=N, collate_fn=padded)``: ``audio`` as one float32 tensor ``(clips,
    frames)`` with zeros behind the shorter clips, ``frames`` (int64 tensor ``(clips,)``: each clip's length in
    samples), and lists of ``sampling_rate``, ``text``, ``id`` and ``partial``."""
    sounds = [example["audio"] for example in examples]
    lists = {name: [example[name] for example in examples] for name in ("sampling_rate", "text", "id", "partial")}
    return {
        **lists,
        "audio": torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True),
        "frames": torch.tensor([len(sound) for sound in sounds]),
    }


def _example(clip: Clip) -> JsonObject:
    return {
        "id": clip.id,
        "audio": torch.from_numpy(clip.audio.astype("float32") / 32768.0),
        "sampling_rate": clip.rate_hz,
        "text": clip.text,
        "partial": clip.partial,
    }

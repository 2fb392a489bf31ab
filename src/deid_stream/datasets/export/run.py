"""What ``dataset export`` and ``dataset prune`` do: bring a dataset in line with the training topics."""

from collections.abc import Callable
from contextlib import aclosing
from typing import NamedTuple

from deid_stream.datasets.export import dataset, manifest
from deid_stream.datasets.export.dataset import Dataset
from deid_stream.datasets.export.manifest import Manifest, Removal
from deid_stream.datasets.export.storage import Storage
from deid_stream.datasets.topics import Progress, TrainingTopics
from deid_stream.datasets.training import Selection
from deid_stream.errors import ConfigError
from deid_stream.units import Ms


class Steps(NamedTuple):
    """Called while an export or a pruning goes on, for a progress bar."""

    surveyed: Progress = lambda _: None
    """With the number of records that the first pass has read since the last time."""
    wanted: Callable[[int], None] = lambda _: None
    """Once, with the number of calls to export, or of shards to write again."""
    exported: Progress = lambda _: None
    """With the number of those that are done since the last time."""


class Exported(NamedTuple):
    """The result of ``export``."""

    manifest: Manifest
    added: int
    """Number of calls that were added."""
    removal: Removal | None
    """The calls that were taken out; None: none was."""
    customers: set[str]
    """The customers of all closed calls, whether training has records of them or not."""


async def export(topics: TrainingTopics, opened: Dataset, storage: Storage, steps: Steps, now_ms: Ms) -> Exported:
    """Take out of the dataset ``opened`` (which lies at ``storage``) the calls that were withdrawn, have expired or
    have changed, then add the closed calls of its filter that it does not hold. ``now_ms``: epoch ms.

    Raises what ``TrainingTopics`` raises, and ConfigError where a file cannot be read or written.
    """
    surveyed = await topics.survey(progress=steps.surveyed)
    known = opened.manifest
    dataset.sweep(storage, known)
    removal = dataset.remove(storage, known, dataset.reasons(known, surveyed.held, now_ms), now_ms)
    selection = Selection.matching(known.filter)
    here = {call.call_id for call in known.calls}
    wanted = {call_id: call for call_id, call in selection.of(surveyed).items() if call_id not in here}
    steps.wanted(len(wanted))
    added = 0
    async with aclosing(topics.calls(surveyed, wanted, steps.exported)) as calls:
        async for call in calls:
            expired = call.retain_until_ms is not None and call.retain_until_ms <= now_ms
            if not expired and not (known.filter.whole_calls and call.partial):
                added += opened.add(call) > 0
    return Exported(opened.close(surveyed.positions), added, removal, surveyed.held.customers())


class Pruned(NamedTuple):
    """The result of ``prune``."""

    manifest: Manifest
    removal: Removal | None
    """The calls that were taken out; None: none was."""
    problems: list[str]
    """What contradicts that everything withdrawn is out, one sentence each; empty: nothing does."""


async def prune(topics: TrainingTopics, storage: Storage, steps: Steps, now_ms: Ms) -> Pruned:
    """Compare every call of the dataset with what the topics hold now, take out what may not stay, and read the whole
    dataset again. No tombstone needs to be there any more: a call whose records are gone counts as withdrawn.

    Raises ConfigError where the storage holds no dataset or a file cannot be read or written, and what
    ``TrainingTopics`` raises.
    """
    known = manifest.read(storage)
    if known is None:
        raise ConfigError(
            f"{storage.target} holds no dataset ({manifest.FILE_NAME} is missing): is the path right? "
            "`deid-stream dataset export` makes one"
        )
    surveyed = await topics.survey(progress=steps.surveyed)
    dataset.sweep(storage, known)
    why = dataset.reasons(known, surveyed.held, now_ms)
    steps.wanted(len({call.shard for call in known.calls if call.call_id in why}))
    removal = dataset.remove(storage, known, why, now_ms, steps.exported)
    return Pruned(known, removal, dataset.proof(storage, known, why))

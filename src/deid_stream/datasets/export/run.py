"""Topics to an exported dataset, and an exported dataset back to what the topics still allow."""

from collections.abc import Callable
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
    """Who is told how far an export has come."""

    surveyed: Progress = lambda _: None
    """Of records read."""
    wanted: Callable[[int], None] = lambda _: None
    """Once, of how many calls there are to export."""
    exported: Progress = lambda _: None
    """Of calls."""


class Exported(NamedTuple):
    manifest: Manifest
    added: int
    """Calls."""
    removal: Removal | None
    customers: set[str]
    """Of all calls that have closed."""


async def export(topics: TrainingTopics, opened: Dataset, storage: Storage, steps: Steps, now_ms: Ms) -> Exported:
    """Take out what was withdrawn, expired or changed, then add the closed calls that are not there yet."""
    surveyed = await topics.survey(progress=steps.surveyed)
    known = opened.manifest
    dataset.sweep(storage, known)
    removal = dataset.remove(storage, known, dataset.reasons(known, surveyed.held, now_ms), now_ms)
    selection = Selection.matching(known.filter)
    here = {call.call_id for call in known.calls}
    wanted = {call_id: call for call_id, call in selection.of(surveyed).items() if call_id not in here}
    steps.wanted(len(wanted))
    added = 0
    async for call in topics.calls(surveyed, wanted, steps.exported):
        expired = call.retain_until_ms is not None and call.retain_until_ms <= now_ms
        if not expired and not (known.filter.whole_calls and call.partial):
            added += opened.add(call) > 0
    return Exported(opened.close(surveyed.positions), added, removal, surveyed.held.customers())


class Pruned(NamedTuple):
    manifest: Manifest
    removal: Removal | None
    problems: list[str]
    """What speaks against the claim that everything withdrawn is out; empty when nothing does."""


async def prune(topics: TrainingTopics, storage: Storage, steps: Steps, now_ms: Ms) -> Pruned:
    """Compare every call of the dataset with what the topics hold now, take out what may not stay, and read the whole
    dataset again. Does not rely on seeing a tombstone: a call whose records are gone is withdrawn, however long ago."""
    known = manifest.read(storage)
    if known is None:
        raise ConfigError(f"{storage.target} holds no dataset ({manifest.FILE_NAME} is missing)")
    surveyed = await topics.survey(progress=steps.surveyed)
    dataset.sweep(storage, known)
    why = dataset.reasons(known, surveyed.held, now_ms)
    steps.wanted(len({call.shard for call in known.calls if call.call_id in why}))
    removal = dataset.remove(storage, known, why, now_ms, steps.exported)
    return Pruned(known, removal, dataset.proof(storage, known, why))

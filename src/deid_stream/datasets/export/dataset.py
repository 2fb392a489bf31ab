"""Adds calls to an exported dataset, takes calls out of it, and proves that they are out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from deid_stream.datasets.calls import Clip, SanitizedCall, clips
from deid_stream.datasets.export import manifest as manifests
from deid_stream.datasets.export.formats import FORMATS, SHARD_FOLDERS, Format
from deid_stream.datasets.export.manifest import ExportedCall, Filter, Manifest, Removal, Shard
from deid_stream.datasets.export.storage import Storage
from deid_stream.datasets.held import Held
from deid_stream.datasets.normalise import Normalisation, normalise
from deid_stream.errors import ConfigError
from deid_stream.units import Ms

SHARD_BYTES: Final = 256 << 20
"""A shard is written when its clips' samples (16-bit PCM) have come to so many bytes. A larger value costs memory while
it is written, a smaller one gives more files."""


class Dataset:
    """The dataset at ``storage``: opened to be added to, or begun. Two processes must not write one dataset at once.

    ``format_name``: a key of ``FORMATS``. ``filter_``: which calls it holds, for its manifest. ``now_ms``: epoch ms.
    Raises ConfigError where the storage holds a dataset of another format, filter or normalisation, or files without a
    manifest.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        format_name: str,
        filter_: Filter,
        normalisation: Normalisation,
        now_ms: Ms,
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        self._storage = storage
        self._normalisation = normalisation
        self._now_ms = now_ms
        self._shard_bytes = shard_bytes
        self._format = FORMATS[format_name]
        known = manifests.read(storage)
        if known is None:
            if storage.exists("data"):
                raise ConfigError(f"{storage.target} has a folder data and no manifest; export into an empty folder")
            known = Manifest(
                created_ms=now_ms,
                updated_ms=now_ms,
                format=format_name,
                placeholders=normalisation.placeholders,
                silences=normalisation.silences,
                filter=filter_,
            )
        same = (known.format, known.placeholders, known.silences, known.filter)
        if same != (format_name, normalisation.placeholders, normalisation.silences, filter_):
            raise ConfigError(
                f"{storage.target} was exported with another format, filter or normalisation; "
                "use the same again, or another folder"
            )
        self.manifest = known
        self._pending: list[tuple[SanitizedCall, list[Clip]]] = []
        self._pending_bytes = 0
        self._next = 1 + max((int(shard.name) for shard in known.shards), default=-1)

    def holds(self, call_id: str, digest: str) -> bool:
        """Whether the dataset holds the call with exactly these records (``SanitizedCall.digest``)."""
        return any(call.call_id == call_id and call.digest == digest for call in self.manifest.calls)

    def add(self, call: SanitizedCall) -> int:
        """Add a call's clips and return how many there were. Writes a shard when ``shard_bytes`` have come together.
        Raises ConfigError where it cannot be written."""
        found = [kept for clip in clips(call) if (kept := normalise(clip, self._normalisation)) is not None]
        if not found:
            return 0
        self._pending.append((call, found))
        self._pending_bytes += sum(clip.audio.nbytes for clip in found)
        if self._pending_bytes >= self._shard_bytes:
            self._write_shard()
        return len(found)

    def close(self, positions: dict[str, int]) -> Manifest:
        """Write the last shard and the manifest, and return the manifest. ``positions``: the offsets up to which the
        topics were read, by ``topic/partition``."""
        if self._pending:
            self._write_shard()
        self.manifest.positions = positions
        self.manifest.updated_ms = self._now_ms
        manifests.write(self._storage, self.manifest)
        return self.manifest

    def _write_shard(self) -> None:
        name = f"{self._next:05d}"
        self._next += 1
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        shard = _store(self._storage, self._format, name, [clip for _, own in pending for clip in own])
        self.manifest.shards.append(shard)
        for call, own in pending:
            self.manifest.calls.append(
                ExportedCall(
                    call_id=call.call_id,
                    customer_id=call.customer_id,
                    shard=name,
                    clips=len(own),
                    duration_ms=call.duration_ms,
                    partial=call.partial,
                    policy_versions=tuple(sorted({clip.policy_version for clip in own})),
                    retain_until_ms=call.retain_until_ms,
                    digest=call.digest,
                )
            )


def _store(storage: Storage, form: Format, name: str, found: Sequence[Clip]) -> Shard:
    files = form.encode(name, found)
    digests = {path: storage.write(path, data) for path, data in files.items()}
    return Shard(name=name, files=digests, bytes=sum(map(len, files.values())), clips=len(found))


def sweep(storage: Storage, manifest: Manifest) -> int:
    """Remove the files that no shard of the manifest lists, which a crash left behind. Returns their number."""
    listed = {path for shard in manifest.shards for path in shard.files}
    stray = [path for path in storage.list() if path.startswith(SHARD_FOLDERS) and path not in listed]
    for path in stray:
        storage.remove(path)
    return len(stray)


def reasons(manifest: Manifest, held: Held, now_ms: Ms) -> dict[str, str]:
    """The calls that may not stay in the dataset as they are, each with the reason: ``expired`` (its permit has ended),
    ``withdrawn`` (the topics hold nothing of it), ``changed`` (they hold other records of it)."""
    found: dict[str, str] = {}
    for call in manifest.calls:
        here = held.get(call.call_id)
        if call.retain_until_ms is not None and call.retain_until_ms <= now_ms:
            found[call.call_id] = "expired"
        elif here is None:
            found[call.call_id] = "withdrawn"
        elif here.digest() != call.digest:
            found[call.call_id] = "changed"
    return found


def remove(
    storage: Storage,
    manifest: Manifest,
    why: dict[str, str],
    now_ms: Ms,
    done: Callable[[int], None] = lambda _: None,
) -> Removal | None:
    """Take the calls ``why`` (reason by call id) out: their shards are written again without them. Returns the entry
    that the manifest gets; None where ``why`` is empty. ``done`` is called with 1 for each shard.

    The manifest is written before old sound files are removed. So a crash half-way leaves files that no shard lists,
    which the next run removes, and never a manifest that names a withdrawn call.
    """
    if not why:
        return None
    form = FORMATS[manifest.format]
    before = manifest.dataset_id
    touched = {call.shard for call in manifest.calls if call.call_id in why}
    shards, files, gone = [], {}, set()
    for shard in manifest.shards:
        if shard.name not in touched:
            shards.append(shard)
            continue
        kept = [clip for clip in form.decode(shard.name, storage.read) if clip.call_id not in why]
        written = _store(storage, form, shard.name, kept) if kept else None
        if written is not None:
            shards.append(written)
            files.update({path: digest for path, digest in written.files.items() if shard.files.get(path) != digest})
        gone |= shard.files.keys() - (written.files.keys() if written is not None else set())
        done(1)
    manifest.shards = shards
    manifest.calls = [call for call in manifest.calls if call.call_id not in why]
    manifest.updated_ms = now_ms
    removal = Removal(time_ms=now_ms, before=before, calls=why, files={**files, **dict.fromkeys(sorted(gone))})
    manifest.removals.append(removal)
    manifests.write(storage, manifest)
    for path in gone:
        storage.remove(path)
    return removal


def proof(storage: Storage, manifest: Manifest, removed: Iterable[str]) -> list[str]:
    """Read every file again and return what contradicts that the calls ``removed`` are out and that the files are those
    of the manifest, one sentence each; empty: nothing does."""
    found = manifests.problems(storage, manifest)
    out = set(removed)
    form = FORMATS[manifest.format]
    for shard in manifest.shards:
        still = {clip.call_id for clip in form.decode(shard.name, storage.read)} & out
        found += [f"shard {shard.name} still holds clips of {len(still)} removed call(s)"] if still else []
    return found

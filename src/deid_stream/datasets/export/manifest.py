"""The manifest of an exported dataset (``manifest.json``): the files with their checksums, the calls with their
permits' ends, and what was removed."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from deid_stream.datasets.export.storage import Storage
from deid_stream.errors import ConfigError
from deid_stream.model.json import UNDECODABLE
from deid_stream.units import Ms

FILE_NAME: Final = "manifest.json"
_VERSION: Final = 1


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the dataset that is written at once."""

    name: str
    files: dict[str, str]
    """SHA-256 in hexadecimal, by path within the dataset."""
    bytes: int
    """Of all its files."""
    clips: int
    """Number of clips."""


class ExportedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of which the dataset has clips. ``shard`` is the shard's name, ``clips`` their number."""

    call_id: str
    customer_id: str
    shard: str
    clips: int
    duration_ms: Ms
    partial: bool
    policy_versions: tuple[str, ...]
    retain_until_ms: Ms | None
    digest: str
    """``SanitizedCall.digest`` when it was exported: a revision, a retraction and a deletion change it."""


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """One run that took calls out of the dataset. ``time_ms``: epoch ms."""

    time_ms: Ms
    before: str
    """The dataset id before that run."""
    calls: dict[str, str]
    """Reason by call id: ``withdrawn``, ``expired``, ``changed``."""
    files: dict[str, str | None]
    """SHA-256 of each file that was written again; None where it was removed."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls the dataset was made of; the fields are those of ``datasets.training.Selection``."""

    customers: tuple[str, ...] = ()
    since_ms: Ms | None = None
    until_ms: Ms | None = None
    whole_calls: bool = False


class Manifest(msgspec.Struct, kw_only=True):
    """The content of ``manifest.json``. Times are epoch ms."""

    version: int = _VERSION
    dataset_id: str = ""
    """SHA-256 over the checksums and paths of all files: two datasets with one id hold the same."""
    created_ms: Ms
    updated_ms: Ms
    format: str
    placeholders: str
    silences: str
    filter: Filter
    counts: dict[str, int] = {}
    policy_versions: dict[str, list[str]] = {}
    """The versions under which a customer's calls were published, by customer."""
    retain_until_ms: Ms | None = None
    """When the first of the calls must be deleted: run ``dataset prune`` then. None: no permit has an end."""
    positions: dict[str, int] = {}
    """Offsets up to which the topics had been read, by ``topic/partition``."""
    shards: list[Shard] = []
    calls: list[ExportedCall] = []
    removals: list[Removal] = []

    def settle(self) -> None:
        """Compute ``counts``, ``policy_versions``, ``retain_until_ms`` and ``dataset_id`` from shards and calls."""
        self.calls.sort(key=lambda call: call.call_id)
        self.counts = {
            "calls": len(self.calls),
            "partial_calls": sum(call.partial for call in self.calls),
            "clips": sum(shard.clips for shard in self.shards),
            "duration_ms": sum(call.duration_ms for call in self.calls),
            "bytes": sum(shard.bytes for shard in self.shards),
        }
        versions: dict[str, set[str]] = {}
        for call in self.calls:
            versions.setdefault(call.customer_id, set()).update(call.policy_versions)
        self.policy_versions = {customer: sorted(found) for customer, found in sorted(versions.items())}
        self.retain_until_ms = min(
            (call.retain_until_ms for call in self.calls if call.retain_until_ms is not None), default=None
        )
        self.dataset_id = _identity(self.shards)


def _identity(shards: Iterable[Shard]) -> str:
    found = sha256()
    for shard in shards:
        for path, digest in sorted(shard.files.items()):
            found.update(f"{digest}  {path}\n".encode())
    return found.hexdigest()


def read(storage: Storage) -> Manifest | None:
    """The manifest of the dataset; None where the storage has none. Raises ConfigError where it cannot be read or is of
    another version."""
    if not storage.exists(FILE_NAME):
        return None
    try:
        manifest = msgspec.json.decode(storage.read(FILE_NAME), type=Manifest)
    except UNDECODABLE:
        raise ConfigError(
            f"{FILE_NAME} of {storage.target} is not a dataset's manifest: restore it, or export into an empty folder"
        ) from None
    if manifest.version != _VERSION:
        raise ConfigError(
            f"{FILE_NAME} has version {manifest.version}, and this program reads version {_VERSION}: use the "
            "deid-stream that wrote it, or export into an empty folder"
        )
    return manifest


def write(storage: Storage, manifest: Manifest) -> None:
    """``settle`` the manifest and write it. Raises ConfigError where it cannot be written."""
    manifest.settle()
    storage.write(FILE_NAME, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


def problems(storage: Storage, manifest: Manifest) -> list[str]:
    """One sentence per file that is missing, differs from its checksum, or is not listed in the manifest."""
    found = []
    listed = {FILE_NAME}
    for shard in manifest.shards:
        for path, digest in shard.files.items():
            listed.add(path)
            if not storage.exists(path):
                found.append(f"{path} is missing")
            elif sha256(storage.read(path)).hexdigest() != digest:
                found.append(f"{path} differs from its checksum")
    found += [f"{path} is in no shard" for path in storage.list() if path not in listed]
    return found

"""The manifest of an exported dataset: what it holds, by whose leave, until when, and how to tell that it is whole."""

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
    name: str
    files: dict[str, str]
    """SHA-256 in hexadecimal, by path."""
    bytes: int
    clips: int


class ExportedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of which clips lie in the dataset."""

    call_id: str
    customer_id: str
    shard: str
    clips: int
    duration_ms: Ms
    partial: bool
    policy_versions: tuple[str, ...]
    retain_until_ms: Ms | None
    digest: str
    """Of the source records: it changes with a revision, a retraction and a deletion."""


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """Calls taken out after they had been exported."""

    time_ms: Ms
    before: str
    """Dataset id before."""
    calls: dict[str, str]
    """Reason by call id: ``withdrawn``, ``expired``, ``changed``."""
    files: dict[str, str | None]
    """SHA-256 of each file that was written again; None where it was removed."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls the dataset was made of."""

    customers: tuple[str, ...] = ()
    """Empty: every customer."""
    since_ms: Ms | None = None
    until_ms: Ms | None = None
    """Record time of the call's end, half-open."""
    whole_calls: bool = False
    """Leave out calls of which training has only a part."""


class Manifest(msgspec.Struct, kw_only=True):
    version: int = _VERSION
    dataset_id: str = ""
    """SHA-256 over every file of every shard."""
    created_ms: Ms
    updated_ms: Ms
    format: str
    placeholders: str
    silences: str
    filter: Filter
    counts: dict[str, int] = {}
    policy_versions: dict[str, list[str]] = {}
    """By customer."""
    retain_until_ms: Ms | None = None
    """The earliest of the calls': run ``dataset prune`` by then."""
    positions: dict[str, int] = {}
    """Offsets up to which the topics had been read, by ``topic/partition``."""
    shards: list[Shard] = []
    calls: list[ExportedCall] = []
    removals: list[Removal] = []

    def settle(self) -> None:
        """Derive the counts, the dataset id and the retention date from shards and calls."""
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
    """The manifest that lies there; None where there is none. Raises ConfigError where it cannot be read."""
    if not storage.exists(FILE_NAME):
        return None
    try:
        manifest = msgspec.json.decode(storage.read(FILE_NAME), type=Manifest)
    except UNDECODABLE:
        raise ConfigError(f"{FILE_NAME} of {storage.target} is not a dataset's manifest") from None
    if manifest.version != _VERSION:
        raise ConfigError(f"{FILE_NAME} has version {manifest.version}; this program reads version {_VERSION}")
    return manifest


def write(storage: Storage, manifest: Manifest) -> None:
    """Bring the manifest's sums up to date and write it. Raises ConfigError where it cannot be written."""
    manifest.settle()
    storage.write(FILE_NAME, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")


def problems(storage: Storage, manifest: Manifest) -> list[str]:
    """What of the dataset differs from its manifest: files missing, changed, or never listed."""
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

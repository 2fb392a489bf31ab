"""Reads and writes the files of a dataset: in a folder, or at any URL that fsspec knows (``s3://``, ``gs://``)."""

import posixpath
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeVar

from deid_stream.datasets.files import atomic_writer
from deid_stream.errors import ConfigError, install

T = TypeVar("T")


class FileSystem(Protocol):
    """The files below one folder or URL. Paths are relative to it, with ``/``. Methods raise OSError."""

    def read(self, path: str) -> bytes: ...
    def write(self, path: str, data: bytes) -> None: ...
    def remove(self, path: str) -> None: ...
    def exists(self, path: str) -> bool: ...
    def list(self) -> list[str]: ...


class LocalFolder:
    """A folder of this machine. A file is replaced as a whole, so that a reader never sees half of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes:
        return (self._folder / path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_writer(target) as out:
            out.write(data)

    def remove(self, path: str) -> None:
        (self._folder / path).unlink(missing_ok=True)

    def exists(self, path: str) -> bool:
        return (self._folder / path).exists()

    def list(self) -> list[str]:
        return sorted(p.relative_to(self._folder).as_posix() for p in self._folder.rglob("*") if p.is_file())


class RemoteFolder:
    """A URL that fsspec knows. Raises ConfigError where fsspec, or the package of that store, is not installed."""

    def __init__(self, url: str) -> None:
        try:
            import fsspec
        except ImportError:
            raise ConfigError(f"a URL as target needs fsspec; {install('datasets')}") from None
        try:
            self._fs, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ConfigError(
                f"no file system for {url.partition('://')[0]}:// ({type(error).__name__}); "
                "correct the URL, or install the store's package (s3fs, gcsfs ...)"
            ) from None

    def _at(self, path: str) -> str:
        return posixpath.join(self._root, path)

    def read(self, path: str) -> bytes:
        data: bytes = self._fs.cat_file(self._at(path))
        return data

    def write(self, path: str, data: bytes) -> None:
        self._fs.makedirs(posixpath.dirname(self._at(path)), exist_ok=True)
        self._fs.pipe_file(self._at(path), data)

    def remove(self, path: str) -> None:
        if self.exists(path):
            self._fs.rm_file(self._at(path))

    def exists(self, path: str) -> bool:
        return bool(self._fs.exists(self._at(path)))

    def list(self) -> list[str]:
        root = self._root.rstrip("/") + "/"
        return sorted(str(path).removeprefix(root) for path in self._fs.find(self._root))


class Storage:
    """The files of the dataset at ``target``, a path or a URL. Every method raises ConfigError naming the file where it
    fails."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._files: FileSystem = RemoteFolder(target) if "://" in target else LocalFolder(Path(target))

    def read(self, path: str) -> bytes:
        return _named(path, lambda: self._files.read(path))

    def write(self, path: str, data: bytes) -> str:
        """Write a file and return its SHA-256 in hexadecimal."""
        _named(path, lambda: self._files.write(path, data))
        return sha256(data).hexdigest()

    def remove(self, path: str) -> None:
        _named(path, lambda: self._files.remove(path))

    def exists(self, path: str) -> bool:
        return _named(path, lambda: self._files.exists(path))

    def list(self) -> "list[str]":
        """The paths of all files, relative to ``target``, sorted."""
        return _named(".", self._files.list)


def _named(path: str, step: Callable[[], T]) -> T:
    try:
        return step()
    except OSError as error:
        raise ConfigError(f"the dataset's file {path}: {error.strerror or type(error).__name__}") from None

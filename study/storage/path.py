"""Where studies lie: a folder that every machine sees, or an object store such as s3://bucket/studies.

Object stores are reached through fsspec, by the paths of universal_pathlib. An object is replaced whole by one request,
has no folder around it, and cannot be appended to, so what needs a real file is made on this machine and copied.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from trainables.files import default_cache

if TYPE_CHECKING:
    from upath import UPath

    StoragePath: TypeAlias = Path | UPath
else:
    # Most studies lie in a folder, and need nothing of fsspec.
    StoragePath = Path


# What was listed once may have changed since; a listing is asked for when it is needed.
OPTIONS: dict[str, Any] = {"use_listings_cache": False}

STORES = ("botocore", "aiobotocore", "gcsfs", "google", "adlfs", "azure")
"""Packages whose exceptions mean that an object store could not be reached, or refused."""


def storage_path(text: str | StoragePath) -> StoragePath:
    """The path that a person wrote: a folder of this machine, or the address of an object store.

    Raises:
        ValueError: the address is of a kind that nothing installed here can reach.
    """
    if "://" not in str(text):
        if misspelt := re.match(r"(s3|gs|gcs|az|abfs|hdfs):/", str(text)):
            raise ValueError(f"{text} is no folder's name: write {misspelt[1]}://BUCKET/FOLDER.")
        return Path(text)  # type: ignore[arg-type]
    from upath import UPath

    address = str(text)
    scheme = address.partition("://")[0]
    if scheme == "file":
        return Path(UPath(address).path)
    try:
        path: StoragePath = UPath(address, **OPTIONS)
        path.fs  # type: ignore[union-attr]  # noqa: B018  # loads what speaks this protocol
    except (ValueError, ImportError) as error:
        install = "pip install 'tintune[s3]'" if scheme == "s3" else f"install fsspec's package for {scheme}"
        raise ValueError(f"{address} cannot be reached from here: {error}. Give a folder, or {install}.") from error
    return path


def is_remote(path: StoragePath) -> bool:
    """Whether the path is an object's, not a file's."""
    return not isinstance(path, Path)


def is_storage_error(error: BaseException) -> bool:
    """Whether files or objects could not be read or written."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in STORES


def make_folder(path: StoragePath, *, parents: bool = False) -> None:
    """Makes the folder if it is missing; an object store has none to make."""
    if isinstance(path, Path):
        path.mkdir(parents=parents, exist_ok=True)


def read_bytes(path: StoragePath) -> bytes:
    """The content of a file, or of an object by one request: it may be replaced meanwhile, and is never read in halves.

    Raises:
        FileNotFoundError: there is none.
    """
    if isinstance(path, Path):
        return path.read_bytes()
    content: bytes = path.fs.cat_file(path.path)
    return content


def read_many(paths: Sequence[StoragePath], *, absent: bytes | None = None) -> list[bytes]:
    """The content of each file, in the same order; from an object store many at a time.

    Args:
        absent: stands for a file that is not there.

    Raises:
        FileNotFoundError: there is no such file, and nothing stands for it.
    """
    if not paths or isinstance(paths[0], Path):
        return [_read_one(path, absent) for path in paths]
    keys = [path.path for path in paths if not isinstance(path, Path)]
    found = paths[0].fs.cat(keys, on_error="return")
    # One file alone comes without its name.
    contents = [found[key] if isinstance(found, dict) else found for key in keys]
    for number, content in enumerate(contents):
        if isinstance(content, FileNotFoundError) and absent is not None:
            contents[number] = absent
        elif isinstance(content, BaseException):
            raise content
    return contents


def _read_one(path: StoragePath, absent: bytes | None) -> bytes:
    try:
        return read_bytes(path)
    except FileNotFoundError:
        if absent is None:
            raise
        return absent


def workplace(folder: StoragePath) -> Path:
    """Where the files of a study that must be real ones are made (results, report, logs): the study's own folder, or
    for an object store one in this machine's cache."""
    if isinstance(folder, Path):
        return folder
    made = default_cache().absolute() / "studies" / folder.protocol / Path(*(quote(part) for part in folder.parts))
    made.mkdir(parents=True, exist_ok=True)
    return made


def publish(folder: StoragePath, *names: str) -> None:
    """Copies what was made in the study's workplace, files or folders, to the object store; a folder has it already."""
    if isinstance(folder, Path):
        return
    for name in names:
        made = workplace(folder) / name
        for file in sorted(made.rglob("*")) if made.is_dir() else [made]:
            if file.is_file():
                upload(file, folder / file.relative_to(workplace(folder)).as_posix())


def upload(file: Path, target: StoragePath) -> None:
    """Replaces an object by a file of this machine: whole, however large."""
    assert not isinstance(target, Path)
    target.fs.put_file(str(file), target.path)


def download(source: StoragePath, file: Path) -> None:
    """Replaces a file of this machine by an object, or by the objects below an address."""
    assert not isinstance(source, Path)
    file.parent.mkdir(parents=True, exist_ok=True)
    source.fs.get(source.path, str(file), recursive=source.is_dir())


@contextmanager
def local_copy(path: StoragePath) -> Iterator[Path]:
    """The file or folder as one of this machine, while the block runs: itself, or a copy of what the store has."""
    if isinstance(path, Path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="tintune-copy-") as scratch:
        copy = Path(scratch) / path.name
        with suppress(FileNotFoundError):
            download(path, copy)
        yield copy

"""Archives unpacked without trusting them: zip, tar and tar.gz.

Nothing is written outside the target, no link or device is made, and what an archive says of its size is checked
against what comes out of it. The target appears whole or not at all.
"""

import functools
import gzip
import hashlib
import json
import os
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_ENTRIES = 300_000
"""Stanford Dogs has 41,402. A million entries take minutes and gigabytes of file system for nothing."""

MAX_FILE_BYTES = 500_000_000
"""Of one file, unpacked."""

MAX_TOTAL_BYTES = 200_000_000_000
"""Of all files of an archive, unpacked."""

MAX_SWELLING = 20
"""Photos are compressed already: an archive of them swells by a tenth. Smaller ones than 100 MB may reach 2 GB."""

MAX_DIRECTORY_BYTES = 64_000_000
"""Of a zip file's table of contents, which is read into memory as a whole: 200 bytes for each of `MAX_ENTRIES`."""

MAX_HEADER_BYTES = 1_000_000
"""Of what a tar file may ask to be read at once: names and attributes of an entry."""

MAX_PATH_PARTS, MAX_NAME_BYTES = 32, 255

CHUNK_BYTES = 1 << 20

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile, struct.error, EOFError, KeyError,
           OSError, NotImplementedError, RuntimeError, UnicodeError, OverflowError, ValueError, IndexError)  # fmt: skip
"""What the readers of the standard library raise for damaged archives; RuntimeError for encrypted ones."""

MARK = ".unpacked.json"
"""In a finished target: which archives it was unpacked from."""


class HostileArchiveError(ValueError):
    """An archive that is refused; the message names the archive, the entry and the rule."""


@dataclass(frozen=True)
class _Entry:
    """One file of an archive."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(archives: Sequence[Path], target: Path) -> Path:
    """Unpacks archives into one new folder and returns it; the same archives find it again.

    Raises ValueError for a target that holds something else, HostileArchiveError for what breaks a rule.
    """
    contents = [{"name": archive.name, "sha256": _sha256(archive)} for archive in archives]
    if target.exists():
        mark = target / MARK
        if mark.is_file() and json.loads(mark.read_text()) == contents:
            return target
        raise ValueError(f"{target} exists and was not unpacked from these archives: choose another folder with --to.")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for archive in archives:
            _unpack_one(archive, unfinished)
        (unfinished / MARK).write_text(json.dumps(contents))
        unfinished.chmod(0o755)
        os.rename(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def is_archive(path: Path) -> bool:
    """Whether the file begins as a zip, tar or gzip file does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(262)
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06") or head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar"


def _unpack_one(archive: Path, target: Path) -> None:
    written: set[str] = set()
    num_entries = total_bytes = 0
    swollen_bytes = max(MAX_SWELLING * archive.stat().st_size, 2_000_000_000)
    allowed_bytes = min(MAX_TOTAL_BYTES, swollen_bytes, shutil.disk_usage(target).free)
    try:
        with archive.open("rb") as file:
            for entry in _entries(archive, file):
                num_entries += 1
                if num_entries > MAX_ENTRIES:
                    raise HostileArchiveError(f"{archive} has more than {MAX_ENTRIES:,} entries.")
                if entry is None:
                    continue
                parts = _safe_parts(archive, entry.name)
                key = "/".join(parts).casefold()
                if key in written:
                    raise HostileArchiveError(f"{archive} holds {entry.name!r} twice (upper and lower case are one).")
                written.add(key)
                total_bytes += _write(archive, entry, target.joinpath(*parts), allowed_bytes - total_bytes)
    except HostileArchiveError:
        raise
    except DAMAGED as error:
        raise HostileArchiveError(f"{archive} cannot be unpacked ({error or type(error).__name__}).") from error


def _write(archive: Path, entry: _Entry, path: Path, allowed_bytes: int) -> int:
    """Writes one file, no more than it declares and is allowed, and returns its size."""
    limit = min(MAX_FILE_BYTES, allowed_bytes)
    if entry.size > limit:
        raise HostileArchiveError(
            f"{archive}: {entry.name!r} declares {entry.size:,} bytes, but at most {limit:,} may still be written."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    num_bytes = 0
    # Exclusive: nothing that is there is written over or followed.
    with entry.open() as source, path.open("xb") as file:
        while chunk := source.read(CHUNK_BYTES):
            num_bytes += len(chunk)
            if num_bytes > entry.size:
                raise HostileArchiveError(
                    f"{archive}: {entry.name!r} holds more than the {entry.size:,} bytes it declares."
                )
            file.write(chunk)
    if num_bytes != entry.size:
        raise HostileArchiveError(f"{archive}: {entry.name!r} is cut off after {num_bytes:,} of {entry.size:,} bytes.")
    return num_bytes


def _safe_parts(archive: Path, name: str) -> list[str]:
    """The parts of an entry's path below the target, whichever system packed it."""
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    is_absolute = path.startswith("/") or (len(path) > 1 and path[1] == ":")
    if is_absolute or ".." in parts or not parts:
        raise HostileArchiveError(f"{archive}: {name!r} would lie outside the target folder.")
    is_long = len(parts) > MAX_PATH_PARTS or any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in parts)
    if is_long or any(ord(letter) < 32 for letter in path) or parts == [MARK]:
        raise HostileArchiveError(f"{archive}: {name[:80]!r} is no name for a file of photos.")
    return parts


def _entries(archive: Path, file: IO[bytes]) -> Iterator[_Entry | None]:
    """The files of an archive as they are met; None for a folder."""
    head = file.read(4)
    file.seek(0)
    if head[:2] == b"PK":
        return _zip_entries(archive, file)
    return _tar_entries(archive, gzip.GzipFile(fileobj=file) if head[:2] == b"\x1f\x8b" else file)  # type: ignore[arg-type]


def _zip_entries(archive: Path, file: IO[bytes]) -> Iterator[_Entry | None]:
    _check_directory(archive, file)
    with zipfile.ZipFile(file) as packed:
        for info in packed.infolist():
            kind = info.external_attr >> 16 & 0o170000
            if kind not in (0, 0o100000, 0o040000):
                raise HostileArchiveError(
                    f"{archive}: {info.filename!r} is a link or a device; only plain files are unpacked."
                )
            is_folder = info.is_dir() or kind == 0o040000
            yield None if is_folder else _Entry(info.filename, info.file_size, functools.partial(packed.open, info))


def _check_directory(archive: Path, file: IO[bytes]) -> None:
    """Refuses a table of contents that is too long before zipfile reads it; what it declares is what is read."""
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(max(0, size - (1 << 16) - 22 - 76))
    tail = file.read()
    file.seek(0)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise HostileArchiveError(f"{archive} is cut off: its table of contents is missing. Download it again.")
    num_entries, directory_bytes = struct.unpack_from("<HI", tail, end + 10)
    large = end - 20 - 56  # where a large file's own record stands, before its locator
    if large >= 0 and tail[large : large + 4] == b"PK\x06\x06":
        num_entries, directory_bytes = struct.unpack_from("<QQ", tail, large + 32)
    if num_entries > MAX_ENTRIES or directory_bytes > MAX_DIRECTORY_BYTES:
        raise HostileArchiveError(
            f"{archive} declares {num_entries:,} entries in {directory_bytes:,} bytes, but at most {MAX_ENTRIES:,} in "
            f"{MAX_DIRECTORY_BYTES:,} are read."
        )


class _Limited:
    """A file that hands out so many bytes and no more: tarfile reads headers of whatever length they declare."""

    def __init__(self, archive: Path, file: IO[bytes]) -> None:
        self._archive, self._file = archive, file
        self.left_bytes = MAX_HEADER_BYTES

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self.left_bytes:
            raise HostileArchiveError(f"{self._archive} has a header of more than {MAX_HEADER_BYTES:,} bytes.")
        self.left_bytes -= size
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _tar_entries(archive: Path, file: IO[bytes]) -> Iterator[_Entry | None]:
    limited = _Limited(archive, file)
    with tarfile.open(fileobj=limited, mode="r:") as tar:  # type: ignore[call-overload]
        for member in tar:
            # Else tarfile remembers every entry that it has met.
            tar.members = []
            if not (member.isdir() or member.isreg()) or member.issparse():
                raise HostileArchiveError(
                    f"{archive}: {member.name!r} is a link, a device or has holes; only plain files are unpacked."
                )

            def opened(member: tarfile.TarInfo = member) -> IO[bytes]:
                limited.left_bytes = member.size + CHUNK_BYTES
                source = tar.extractfile(member)
                assert source is not None
                return source  # type: ignore[no-any-return]

            yield None if member.isdir() else _Entry(member.name, member.size, opened)
            limited.left_bytes = MAX_HEADER_BYTES


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

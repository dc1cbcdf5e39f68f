"""When the storage fails: full, gone, or no longer ours to write. It says nothing about a trial, so the study stops."""

import errno
import platform
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from study.errors import StorageError, StudyStoppedError
from study.storage.files import write_bytes
from study.storage.path import StoragePath, is_remote, is_storage_error

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def failure(error: Exception, folder: StoragePath) -> str:
    """What failed where, and the remedy: two sentences. A write that fails names no file; then it is the folder."""
    number, file, text = (getattr(error, name, None) for name in ("errno", "filename", "strerror"))
    place = f" at {file or folder}"
    reason = text or str(error).rstrip(".") or type(error).__name__
    if is_remote(folder):
        remedy = "Check that the store answers and that this account may read and write there"
    elif number in FULL:
        remedy = "Free some space there"
    elif number in FORBIDDEN:
        remedy = "Make it writable again"
    else:
        remedy = "Bring it back (is it still mounted?)"
    return f"Storage failed on {platform.node()}: {reason}{place}. {remedy}."


@contextmanager
def stops_the_study(folder: StoragePath) -> Iterator[None]:
    """Turns a failure of files inside the block into a stop of the study, wherever Ray has wrapped it.

    Raises:
        StorageError: with the sentence for the person who launched.
    """
    try:
        yield
    except StudyStoppedError:
        raise
    except Exception as error:
        cause = cause_in_storage(error)
        if cause is None:
            raise
        raise StorageError(failure(cause, folder)) from error


def cause_in_storage(error: BaseException | None) -> Exception | None:
    """The error of a file or an object behind an error; a server that does not answer is another matter."""
    while error is not None:
        if is_storage_error(error) and not isinstance(error, ConnectionError | TimeoutError):
            assert isinstance(error, Exception)
            return error
        error = error.__cause__ or error.__context__
    return None


def write_problem(folder: StoragePath) -> str:
    """Why nothing can be written there, in a few words; empty where something can."""
    try:
        if isinstance(folder, Path):
            tempfile.TemporaryFile(dir=folder).close()
        else:
            probe = folder / f".probe-{uuid.uuid4().hex[:8]}"
            write_bytes(probe, b"")
            probe.unlink()
    except Exception as error:
        if not is_storage_error(error):
            raise
        return str(getattr(error, "strerror", None) or error).rstrip(".")
    return ""

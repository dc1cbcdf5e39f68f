"""When the storage fails: full, gone, or no longer ours to write. It says nothing about a trial, so the study stops."""

import errno
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from study.ends import StudyStoppedError
from study.lease import holder

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class StorageError(StudyStoppedError):
    """What the ledger needs could not be written or read; all that it holds is whole."""


def failure(error: OSError, folder: Path) -> str:
    """What failed where, and the remedy: two sentences. A write that fails names no file; then it is the folder."""
    place = f" at {error.filename or folder}"
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in FULL:
        remedy = "Free some space there"
    elif error.errno in FORBIDDEN:
        remedy = "Make it writable again"
    else:
        remedy = "Bring it back (is it still mounted?)"
    return f"Storage failed on {platform.node()}: {reason}{place}. {remedy}."


def gone(folder: Path, token: str) -> str:
    """What keeps this driver from its study's folder, with the remedy; empty where nothing does."""
    try:
        if holder(folder) == token:
            return ""
        if not folder.is_dir() or not (folder / "study.yaml").exists():
            return f"The storage is gone: {folder} is not there any more. Bring it back (is it still mounted?)."
    except OSError as error:
        return failure(error, folder)
    return f"Another driver took over the study in {folder}. Let that one go on."


@contextmanager
def stops_the_study(folder: Path) -> Iterator[None]:
    """Turns a failure of files inside the block into a stop of the study, wherever Ray has wrapped it.

    Raises:
        StorageError: with the sentence for the person who launched.
    """
    try:
        yield
    except StudyStoppedError:
        raise
    except Exception as error:
        cause = _of_files(error)
        if cause is None:
            raise
        raise StorageError(failure(cause, folder)) from error


def _of_files(error: BaseException | None) -> OSError | None:
    """The error of a file behind an error; a server that does not answer is another matter."""
    while error is not None and (not isinstance(error, OSError) or isinstance(error, ConnectionError | TimeoutError)):
        error = error.__cause__ or error.__context__
    return error

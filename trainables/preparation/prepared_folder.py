"""Folders of prepared photos that appear whole: work in progress lies hidden beside them, one process at a time.

A killed process leaves nothing that looks finished, and the next one continues with what is there.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def is_finished(folder: Path) -> bool:
    """Folders appear whole, so one file stands for all."""
    return (folder / "manifest.json").is_file()


@contextlib.contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """The hidden sibling for work in progress; gone once the folder is finished, kept for the next attempt otherwise.

    Where another process finishes first, it takes this one's work away: then its result is ours.
    """
    work = folder.with_name(f".{folder.name}.work")
    try:
        work.mkdir(exist_ok=True)
        yield work
    except FileNotFoundError:
        if not is_finished(folder):
            raise
    except ValueError:  # these photos will never do: nothing to continue
        shutil.rmtree(work, ignore_errors=True)
        raise
    finally:
        if is_finished(folder):
            shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def assembled_folder(work: Path, folder: Path) -> Iterator[Path]:
    """A folder to fill, that then takes its final place as a whole."""
    assembled = Path(tempfile.mkdtemp(prefix="assembled-", dir=work))
    assembled.chmod(0o755)
    try:
        yield assembled
        os.rename(assembled, folder)
    except OSError:
        if not is_finished(folder):
            raise
    finally:
        shutil.rmtree(assembled, ignore_errors=True)


def write_manifest(folder: Path, **content: Any) -> None:
    """What is known of the photos beside their arrays, for programs and for people."""
    (folder / "manifest.json").write_text(json.dumps(content, indent=1), encoding="utf-8")

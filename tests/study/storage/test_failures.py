"""failures.py: which sentence a failure of the storage ends in."""

import errno
import json
import os
from pathlib import Path

import pytest

from study.errors import StorageError, StudyStoppedError
from study.ledger.lease import gone
from study.storage.failures import failure, stops_the_study

FOLDER = Path("/storage/study")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free some space there."),
        (errno.EDQUOT, "Free some space there."),
        (errno.EROFS, "Make it writable again."),
        (errno.EACCES, "Make it writable again."),
        (errno.ESTALE, "Bring it back (is it still mounted?)."),
    ],
)
def test_a_failure_names_the_reason_the_place_and_the_remedy(number: int, remedy: str) -> None:
    words = failure(OSError(number, os.strerror(number), "/storage/study/trial.json"), FOLDER)
    assert os.strerror(number) in words and "/storage/study/trial.json" in words and words.endswith(remedy)


def test_a_failure_of_files_is_found_behind_what_ray_made_of_it() -> None:
    with (
        pytest.raises(StorageError, match="No space left on device at /storage/study"),
        stops_the_study(FOLDER),
    ):
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise RuntimeError("Ray's loop") from error


def test_other_errors_pass_as_they_are() -> None:
    for error in (ValueError("a person's choice"), ConnectionRefusedError("a server"), StudyStoppedError("said")):
        with pytest.raises(type(error), match=str(error)) as raised, stops_the_study(FOLDER):
            raise error
        assert raised.value is error


def test_a_driver_knows_its_folder_gone_from_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.yaml").touch()
    (folder / "lease.json").write_text(json.dumps({"token": "ours"}))
    assert gone(folder, "ours") == ""
    (folder / "lease.json").write_text(json.dumps({"token": "theirs"}))
    assert gone(folder, "ours").startswith("Another driver took over")
    folder.rename(tmp_path / "elsewhere")
    assert gone(folder, "ours").startswith("The storage is gone")

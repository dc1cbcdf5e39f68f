"""path.py: a folder and an object store read alike. The store here lives in memory, through fsspec."""

import json
import uuid
from pathlib import Path

import pytest

from study.errors import LeaseHeldError
from study.ledger.lease import holder, lease
from study.ledger.ledger import Ledger
from study.search.warm_start import keep
from study.storage.checkpoint_file import CheckpointFile
from study.storage.failures import failure, write_problem
from study.storage.files import read_json, write_bytes, write_json
from study.storage.path import (
    StoragePath,
    is_remote,
    is_storage_error,
    local_copy,
    publish,
    read_many,
    storage_path,
    workplace,
)
from tests.study.analytic import analytic_study
from tests.study.ledger.test_ledger import entry


@pytest.fixture(params=["folder", "store"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoragePath:
    monkeypatch.setenv("TINTUNE_CACHE", str(tmp_path / "cache"))
    if request.param == "folder":
        (tmp_path / "study").mkdir()
        return storage_path(str(tmp_path / "study"))
    return storage_path(f"memory://{uuid.uuid4().hex}/study")


def test_a_ledger_is_the_same_in_both(place: StoragePath) -> None:
    ledger = Ledger(place)
    assert ledger.names() == [] and ledger.entries() == [] and ledger.records("color_only-search-0") == []
    for number in (1, 0):
        ledger.write(entry(number=number))
    assert ledger.names() == ["color_only-search-0", "color_only-search-1"]
    assert ledger.names(besides={"color_only-search-0"}) == ["color_only-search-1"]
    assert [entry.number for entry in ledger.entries("search")] == [0, 1]
    ledger.write_records("color_only-search-0", [{"epoch": 1, "val/delta_e": float("nan")}])
    assert ledger.records("color_only-search-0")[0]["epoch"] == 1
    together = ledger.all_records(["color_only-search-1", "color_only-search-0"])
    assert [(name, len(records)) for name, records in together.items()] == [
        ("color_only-search-1", 0),
        ("color_only-search-0", 1),
    ]
    write_json(ledger.checkpoint("color_only-search-0"), {})
    ledger.drop_half_written("color_only-search-0")
    assert ledger.end("color_only-search-0", "stopped").state == "stopped"
    assert not ledger.checkpoint("color_only-search-0").exists()


def test_many_files_are_read_in_order_and_one_that_is_missing_is_an_error_unless_something_stands_for_it(
    place: StoragePath,
) -> None:
    for name in ("b", "a"):
        write_bytes(place / name, name.encode())
    assert read_many([place / "b", place / "a"]) == [b"b", b"a"]
    assert read_many([place / "a"]) == [b"a"] and read_many([]) == []
    assert read_many([place / "b", place / "c"], absent=b"none") == [b"b", b"none"]
    for paths in ([place / "b", place / "c"], [place / "c"]):
        with pytest.raises(FileNotFoundError):
            read_many(paths)


def test_a_lease_admits_one_driver_and_is_given_back(place: StoragePath) -> None:
    with lease(place) as token:
        assert holder(place) == token
        with pytest.raises(LeaseHeldError), lease(place):
            pass
    assert holder(place) == ""


def test_what_must_be_a_real_file_is_made_here_and_published(place: StoragePath) -> None:
    made = workplace(place) / "report"
    made.mkdir()
    (made / "verdict.json").write_text('{"lines": []}')
    assert (place / "report" / "verdict.json").exists() is not is_remote(place)
    publish(place, "report", "results")
    assert read_json(place / "report" / "verdict.json") == {"lines": []}
    with local_copy(place / "report") as copy:
        assert json.loads((copy / "verdict.json").read_text()) == {"lines": []}
    assert write_problem(place) == ""


def test_a_checkpoint_is_stored_again_whenever_it_changed(place: StoragePath) -> None:
    ledger = Ledger(place)
    ledger.write(entry(number=0))
    stored = ledger.checkpoint("color_only-search-0")
    first = CheckpointFile(stored)
    first.bring_back()
    assert not stored.exists()
    for content in (b"one", b"two"):
        first.path.write_bytes(content)
        first.bring_back()
        with local_copy(stored) as copy:
            assert copy.read_bytes() == content
    first.close()
    again = CheckpointFile(stored)
    assert again.path.read_bytes() == b"two"
    again.close()
    assert again.path.exists() is not is_remote(place)


def test_settings_to_begin_with_are_kept_in_both(place: StoragePath) -> None:
    assert keep(analytic_study(), place) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [("s3:/bucket/studies", "write s3://BUCKET/FOLDER"), ("zz://bucket/studies", "cannot be reached from here")],
)
def test_what_is_no_place_is_refused_with_a_remedy(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        storage_path(text)


def test_an_address_of_this_machine_is_a_folder(tmp_path: Path) -> None:
    assert storage_path(f"file://{tmp_path}") == tmp_path and storage_path("studies") == Path("studies")


def test_a_store_that_fails_is_told_from_a_bug() -> None:
    from botocore.exceptions import EndpointConnectionError

    dead = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    assert is_storage_error(dead) and is_storage_error(OSError("gone")) and not is_storage_error(KeyError("bug"))
    said = failure(dead, storage_path("memory://bucket/study"))
    assert "Could not connect" in said and "Check that the store answers" in said and "mounted" not in said

"""fingerprint.py: ledgers of other versions, and studies whose code or packages changed between launches."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from study.data.photos import prepare_data
from study.folder import load
from study.ledger.fingerprint import code_digest, fingerprint, note_changes, packages
from study.ledger.ledger import FORMAT, Entry
from tests.study.analytic import TEXT, analytic_study
from tests.study.command_here import here
from tests.study.commands import write_study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study's folder as launched by this version."""
    made = tmp_path / "studies" / "analytic"
    made.mkdir(parents=True)
    study = analytic_study()
    images, prepared, cut = prepare_data(study.data_config(), Console(quiet=True))
    (made / "study.yaml").write_text(TEXT)
    (made / "fingerprint.json").write_text(json.dumps(fingerprint(study.data, images, prepared, cut, "launch", 0)))
    return made


def rewrite(folder: Path, **fields: object) -> None:
    path = folder / "fingerprint.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_every_command_refuses_a_ledger_of_a_newer_version_naming_both(folder: Path, tmp_path: Path) -> None:
    rewrite(folder, format=FORMAT + 1, packages={"tintune": "9.1.0"})
    # A newer version's study file may have keys that this one would call mistakes.
    (folder / "study.yaml").write_text(TEXT + "key_of_the_future: 1\n")
    both = f"format {FORMAT + 1} by tintune 9.1.0; this is tintune {packages()['tintune']}"
    with pytest.raises(ValueError, match=both):
        load(folder)
    done = here(tmp_path, "launch", write_study(tmp_path), "--dry-run")
    assert done.returncode == 2 and both in done.stderr and "Traceback" not in done.stderr


def test_an_older_ledger_is_never_judged_by_new_rules(folder: Path, tmp_path: Path) -> None:
    rewrite(folder, format=FORMAT - 1, packages={"tintune": "0.1.0"})
    both = f"format {FORMAT - 1} by tintune 0.1.0; this is tintune {packages()['tintune']}"
    for command in (("launch", write_study(tmp_path)), ("report", folder), ("status", folder)):
        done = here(tmp_path, *command)
        assert done.returncode == 2 and both in done.stderr and "another name" in done.stderr
    with pytest.raises(ValueError, match=f"format {FORMAT - 1}, this version reads {FORMAT}"):
        Entry.from_json({"arm": "joint", "format": FORMAT - 1})


def test_a_trial_with_fields_of_a_newer_version_is_refused_naming_them() -> None:
    entry = {"arm": "joint", "phase": "search", "number": 0, "config": {}, "data": {}, "replicate": 0}
    with pytest.raises(ValueError, match="mood"):
        Entry.from_json({**entry, "format": FORMAT, "mood": "good"})


def test_changed_packages_and_code_are_said_once_and_recorded(folder: Path) -> None:
    assert note_changes(folder) == []
    rewrite(folder, packages={**packages(), "torch": "1.13.0"}, code="0123456789abcdef")
    torch = f"torch 1.13.0 -> {packages()['torch']}"
    code = f"the code that trains 0123456789abcdef -> {code_digest()}"
    assert note_changes(folder) == [torch, code]
    assert note_changes(folder) == []
    document = json.loads((folder / "fingerprint.json").read_text())
    assert document["packages"]["torch"] == "1.13.0"
    assert [change["differences"] for change in document["changes"]] == [[torch, code]]

"""Nonsense at every command: exit code 2, a sentence that names it and a remedy on stderr, nothing on stdout."""

from pathlib import Path

import pytest

from tests.study.analytic import TEXT
from tests.study.command_here import Command, command

TABLE = [
    # A study's file.
    ("launch nowhere.yaml", "nowhere.yaml does not exist", "Did you mean 'nothing.yaml'"),
    ("launch nowhere", "neither a study file nor a study of the catalogue", "'quickstart'"),
    ("launch quickstat", "neither a study file", "Did you mean 'quickstart'"),
    ("launch empty", "empty is a folder", "name the file inside it"),
    ("launch binary.yaml", "binary.yaml is not text in UTF-8", "save it so"),
    ("launch nothing.yaml", "the file is empty", "needs at least name"),
    ("launch /proc/self/mem", "/proc/self/mem cannot be read", "check its permissions"),
    ("launch list.yaml", "a study is a mapping", "list"),
    ("launch study.yaml --set nonsense", "--set nonsense", "reads key.path=value"),
    ("launch study.yaml --set base.epochs=many", "epochs", "got 'many'"),
    ("launch study.yaml --storage study.yaml", "study.yaml", "--storage"),
    ("launch study.yaml --json", "--json", "--dry-run"),
    ("launch study.yaml --address nonsense", "'nonsense'", "HOST:PORT"),
    ("launch", "Missing argument 'STUDY'", "--help"),
    # A study's folder.
    *(
        (f"{name} {folder} {rest}", "no study.yaml", "the folder that launch printed")
        for name, rest in (
            ("status", ""), ("report", ""), ("sync", ""), ("ui", ""), ("reproduce", "joint-search-0"), ("compare", "x")
        )
        for folder in ("nowhere", "empty", "study.yaml")
    ),
    ("status broken", "broken/study.yaml is not text in UTF-8", "save it so"),
    ("report unlaunched", "never launched", "launch it first"),
    ("compare unlaunched unlaunched", "no results/study.json", "tintune report unlaunched"),
    ("reproduce unlaunched joint-search-0", "no trial 'joint-search-0'", "no trials yet"),
    # A port.
    ("ui unlaunched --port -1", "'--port'", "greater than or equal to 1"),
    ("ui unlaunched --port 65536", "'--port'", "less than or equal to 65535"),
    ("ui unlaunched --port word", "'--port'", "a valid integer"),
    ("ui unlaunched", "no MLflow store", "tintune sync"),
    # Photos.
    ("data check folder --source nowhere", "'nowhere' does not exist", "one folder per class"),
    ("data check folder --source binary.yaml", "neither a folder nor a zip", "one folder per class"),
    ("data check study.yaml", "'analytic'", "no photos in a folder"),
    ("data prepare nowhere.yaml", "nowhere.yaml does not exist", "Did you mean"),
    ("data", "Usage", "prepare"),
    # Beginnings, and what is no command.
    ("init study.yaml", "study.yaml exists", "choose another name"),
    ("init /proc/new.yaml", "/proc/new.yaml", "read and write"),
    ("doctor --nonsense", "--nonsense", "No such option"),
    ("launsh study.yaml", "'launsh'", "launch"),
]  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, in a folder of things that are not what they should be."""
    for name in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS", "TINTUNE_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "broken", "unlaunched"):
        (tmp_path / name).mkdir()
    binary = bytes(range(128, 256))
    (tmp_path / "binary.yaml").write_bytes(binary)
    (tmp_path / "broken" / "study.yaml").write_bytes(binary)
    (tmp_path / "nothing.yaml").write_text("")
    (tmp_path / "list.yaml").write_text("- one\n- two\n")
    (tmp_path / "study.yaml").write_text(TEXT)
    (tmp_path / "unlaunched" / "study.yaml").write_text(TEXT)
    return command(monkeypatch, capsys)


@pytest.mark.parametrize(("line", "names", "remedy"), TABLE, ids=[line for line, *_ in TABLE])
def test_nonsense_is_named_with_a_remedy(here: Command, line: str, names: str, remedy: str) -> None:
    ended = here(*line.split())
    assert ended.code == 2, ended
    assert "Traceback" not in ended.err and not (Path.cwd() / "studies").exists()
    said = ended.err or ended.out
    assert names in said and remedy in said, said
    assert line == "data" or ended.out == ""

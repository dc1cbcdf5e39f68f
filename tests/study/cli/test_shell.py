"""What people have in their shell: help and completion at every level, and environment variables that are honoured."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from study.cli.main import app
from study.definition.catalog import CATALOG, catalog_names
from study.definition.load import load_study
from study.doctor import machine as doctor
from tests.study.analytic import TEXT
from tests.study.cli.test_main import make_photos
from tests.study.command_here import command
from tests.study.commands import TINTUNE, closed_port, environment

ROOT = Path(__file__).parents[3]


def tree(group: Any, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every command by the words that lead to it."""
    found = {words: group}
    for name, one in getattr(group, "commands", {}).items():
        found |= tree(one, (*words, name))
    return found


COMMANDS = tree(typer.main.get_command(app))


def test_the_commands_are_those_of_the_design() -> None:
    assert {("launch",), ("status",), ("report",), ("sync",), ("ui",), ("reproduce",), ("data", "prepare"),
            ("data", "check"), ("doctor",), ("init",), ("schema",), ("compare",)} <= set(COMMANDS)  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_at_every_level_shows_an_example_of_that_command(words: tuple[str, ...]) -> None:
    example = re.search(r"Examples?: (tintune [^\n]+)", COMMANDS[words].help or "")
    assert example and example[1].split()[1 : 1 + len(words)] == list(words)


def completed(folder: Path, line: str, shell: str = "bash") -> list[str]:
    """What the shell is told to offer for the last word of the line, by the protocol of its completion script."""
    words = line.split(" ")
    variables = {
        "_TINTUNE_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_TYPER_COMPLETE_ARGS": line,
    }  # fmt: skip
    code = "import sys; sys.argv = ['tintune']; from study.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**environment(folder), **variables}, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.split()


def test_a_tab_offers_commands_studies_folders_and_trials(tmp_path: Path) -> None:
    for name in ("joint-search-0", "joint-search-1", "color_only-search-0"):
        (tmp_path / "studies" / "mine" / "trials" / name).mkdir(parents=True)
        (tmp_path / "studies" / "mine" / "trials" / name / "trial.json").write_text("{}")
    (tmp_path / "studies" / "mine" / "study.yaml").write_text("")
    (tmp_path / "quick.yaml").write_text("")
    assert completed(tmp_path, "tintune repr") == ["reproduce"]
    assert completed(tmp_path, "tintune launch qui") == ["quickstart", "quick.yaml"]
    assert completed(tmp_path, "tintune status stu") == ["studies/mine", "studies/"]
    trials = completed(tmp_path, "tintune reproduce studies/mine joint")
    assert trials == ["joint-search-0", "joint-search-1"]
    assert "quickstart" in " ".join(completed(tmp_path, "tintune launch qui", shell="zsh"))


def test_completion_installs_for_bash(tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['tintune', '--install-completion']; from study.cli.main import main; main()"
    variables = {**environment(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    # The shell is the nearest one above the process: a bash that waits for it, wherever the tests were started from.
    line = ["bash", "-c", '"$@"; exit $?', "bash", sys.executable, "-c", code]
    subprocess.run(line, cwd=tmp_path, env=variables, check=True, timeout=120)
    (script,) = (tmp_path / ".bash_completions").iterdir()
    assert "_TINTUNE_COMPLETE=complete_bash" in script.read_text() and str(script) in (tmp_path / ".bashrc").read_text()


@pytest.mark.parametrize("no_color", [False, True])
def test_no_color_leaves_a_terminal_without_colours(tmp_path: Path, no_color: bool) -> None:
    ours, theirs = pty.openpty()
    variables = {**environment(tmp_path), "TERM": "xterm-256color", **({"NO_COLOR": "1"} if no_color else {})}
    process = subprocess.Popen([*TINTUNE, "--help"], cwd=tmp_path, env=variables, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait(timeout=60) == 0 and b"tintune launch quickstart" in said
    assert bool(re.search(rb"\x1b\[[0-9;]*3[0-7]", said)) is not no_color


def test_tintune_data_stands_in_for_the_folder_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_study(CATALOG / "ncd-small.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINTUNE_DATA", raising=False)
    assert study.data_config().root == str(tmp_path / "data" / "ncd" / "ColorfulOriginal")
    monkeypatch.setenv("TINTUNE_DATA", "/photos")
    assert study.data_config().root == "/photos/ncd/ColorfulOriginal"
    elsewhere = load_study(CATALOG / "ncd-small.yaml", ["data.root=mine/ncd"])
    assert elsewhere.data_config().root == str(tmp_path / "mine" / "ncd")


def test_a_study_of_the_catalogue_needs_its_name_and_tintune_data_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_photos(tmp_path, {"Apple": 14, "Pear": 14})
    (tmp_path / "ncd").mkdir()
    (tmp_path / "photos").rename(tmp_path / "ncd" / "ColorfulOriginal")
    monkeypatch.setenv("TINTUNE_DATA", str(tmp_path))
    monkeypatch.setenv("TINTUNE_CACHE", str(tmp_path / "cache"))
    done = CliRunner().invoke(app, ["data", "prepare", "ncd-small", "--set", "data.image_size=16", "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["num_photos"] == 28
    assert set(catalog_names()) >= {"quickstart", "ncd-small", "ncd-task-effects"}


def test_ray_address_is_where_a_launch_connects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    address = f"127.0.0.1:{closed_port()}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    (tmp_path / "study.yaml").write_text(TEXT)
    ended = command(monkeypatch, capsys)("launch", "study.yaml")
    assert ended.code == 2 and f"No Ray cluster answers at {address}" in ended.err and "RAY_ADDRESS" in ended.err


def test_ui_names_the_server_of_mlflow_tracking_uri_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "study.yaml").write_text(TEXT)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://someone:secret@mlflow.example:5000")
    monkeypatch.setenv("COLUMNS", "200")
    done = CliRunner().invoke(app, ["ui", str(tmp_path)])
    assert done.exit_code == 0
    assert "https://mlflow.example:5000" in done.stdout and "secret" not in done.stdout


def test_the_doctor_says_that_cuda_visible_devices_hides_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (finding,) = doctor._devices()
    assert finding.level == "warning" and "CUDA_VISIBLE_DEVICES is ''" in finding.text

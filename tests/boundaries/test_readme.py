"""The README says only what is true: its commands exist and run, its tree is the tree."""

import re
import shlex
from pathlib import Path

import pytest

from study.study_file import load_study
from tests.deploy.compose import example, load
from tests.study.commands import hueristic

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def commands() -> list[str]:
    """Every line of the README's shell blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_there_are_commands() -> None:
    assert {"make study", "make test"} <= set(commands())


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make ")])
def test_every_make_target_exists(command: str) -> None:
    target = command.split()[1]
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", [line for line in commands() if "hueristic launch" in line])
def test_every_launch_passes_its_dry_run(command: str, tmp_path: Path) -> None:
    words = shlex.split(command)[1:]
    words = [str(ROOT / word) if word.startswith("study/catalog/") else word for word in words]
    done = hueristic(tmp_path, *words, "--dry-run")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command", [line for line in commands() if line.startswith(".venv/bin/hueristic") and " launch " not in line]
)
def test_every_other_command_is_known_with_its_flags(command: str, tmp_path: Path) -> None:
    words = shlex.split(command)[1:]
    help_text = hueristic(tmp_path, *[word for word in words[:2] if re.fullmatch("[a-z]+", word)], "--help")
    assert help_text.returncode == 0, help_text.stderr
    assert all(word.split("=")[0] in help_text.stdout for word in words if word.startswith("--"))


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("docker ")])
def test_every_compose_command_names_services_that_exist(command: str) -> None:
    """No Docker engine runs here: tests/deploy checks the file and runs its services as plain processes."""
    services = load({**example(), **dict.fromkeys(example(), "x")})["services"]
    words = shlex.split(command)
    assert words[:2] == ["docker", "compose"] and words[2] in ("up", "logs")
    named = [word.split("=")[0] for word in words[3:] if not word.startswith("--")]
    assert set(named) <= set(services), named


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith(("kubectl ", "cp "))])
def test_every_file_that_a_command_takes_exists(command: str) -> None:
    """No Kubernetes runs here: tests/deploy/test_rayjob.py checks what the manifest says."""
    taken = [word.rpartition("=")[2] for word in shlex.split(command) if "." in word and word != ".env"]
    assert taken and all((ROOT / name).exists() for name in taken)


def test_every_command_of_the_readme_is_one_of_those_checked_here() -> None:
    checked = ("make ", ".venv/bin/hueristic ", "docker compose ", "kubectl ", "cp ", "export RAY_AUTH_MODE=token ")
    assert [line for line in commands() if not line.startswith(checked)] == []


def test_a_trial_runs_without_ray_as_the_readme_says() -> None:
    assert ".venv/bin/python -m trainables --config trial.json" in README


def test_the_tree_names_every_file_of_the_three_rooms_and_no_other() -> None:
    (tree,) = [
        text for text in re.findall(r"^```text\n(.*?)^```", README, re.MULTILINE | re.DOTALL) if "Makefile" in text
    ]
    named = {Path(name).name for name in re.findall(r"[\w./-]+\.(?:py|yaml)\b", tree)}
    for room in ("trainables", "study", "analysis"):
        for path in (ROOT / room).rglob("*"):
            if path.suffix in (".py", ".yaml") and not path.name.startswith("__") and "notebooks" not in path.parts:
                assert path.name in named, path
    existing = {path.name for room in ("trainables", "study", "analysis") for path in (ROOT / room).rglob("*.*")}
    assert {name for name in named if name not in existing} == set()


def test_pictures_exist_and_are_small() -> None:
    for name in re.findall(r"\]\((docs/[^)]+)\)", README):
        assert (ROOT / name).stat().st_size < 600_000


def test_every_study_of_the_catalogue_opens_with_its_evidence() -> None:
    for path in sorted((ROOT / "study" / "catalog").glob("*.yaml")):
        head = path.read_text().split("\nname:")[0]
        assert all(word in head for word in ("# Question:", "# Data:", "# Command:")), path
        assert load_study(path).name == path.stem

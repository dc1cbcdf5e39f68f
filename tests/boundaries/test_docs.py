"""The README says only what is true: its commands exist and run, its tree is the tree."""

import re
import shlex
import shutil
import signal
import subprocess
import time
import urllib.request
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from study.cli.main import app
from study.definition.catalog import find_study
from study.definition.changes import smallest
from study.definition.load import load_study
from tests.deploy.compose import example, load
from tests.study.cli.test_main import make_photos
from tests.study.commands import TINTUNE, environment, tintune
from tests.trainables.dogs_tree import write_archives, write_dogs

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def sections() -> dict[str, list[str]]:
    """Every line of the README's shell blocks, by the heading above it."""
    found: dict[str, list[str]] = {}
    for heading, text in re.findall(r"^#+ (.*)\n((?:(?!^##? ).*\n?)*)", README, re.MULTILINE):
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            lines = [line.split("  #")[0].split(" # ")[0].strip() for line in block.splitlines()]
            found.setdefault(heading, []).extend(line for line in lines if line)
    return found


def commands() -> list[str]:
    return [line for lines in sections().values() for line in lines]


def tintune_lines(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(".venv/bin/tintune")]


def test_there_are_commands() -> None:
    assert {"make study", "make test"} <= set(commands())
    assert {"Two commands", "On a laptop", "On one GPU", "In the browser"} <= set(sections())
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(commands()) == sum(len(block.splitlines()) for block in blocks)


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make ")])
def test_every_make_target_exists(command: str) -> None:
    target = command.split()[1]
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", tintune_lines(commands()))
def test_every_command_is_known_with_its_flags(command: str) -> None:
    known: Any = typer.main.get_command(app)
    words = shlex.split(command)[1:]
    while hasattr(known, "commands"):
        known = known.commands[words.pop(0)]
    flags = {flag for parameter in known.params for flag in parameter.opts}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= flags


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader has it: a few photos as they are downloaded, and nothing else."""
    folder = tmp_path_factory.mktemp("readme")
    write_dogs(folder / "tree")
    write_archives(folder / "tree", folder / "downloads")
    shutil.rmtree(folder / "tree")
    make_photos(folder, {"Apple": 12, "Banana": 12, "Pear": 12})
    Image.open(next((folder / "photos").rglob("*.png"))).save(folder / "photo.jpg")
    with zipfile.ZipFile(folder / "ColorfulOriginal.zip", "w") as packed:
        for path in sorted((folder / "photos").rglob("*.png")):
            packed.write(path, Path("ColorfulOriginal") / path.relative_to(folder / "photos"))
    return folder


@pytest.mark.full
@pytest.mark.parametrize(
    "section", [name for name, lines in sections().items() if "cluster" not in name.lower() and tintune_lines(lines)]
)
def test_every_command_runs_in_the_order_of_the_page(beginning: Path, section: str) -> None:
    """Each study at its smallest size, on CPU cores, all sections in one folder. A cluster has tests of its own."""
    for line in tintune_lines(sections()[section]):
        words = shlex.split(line)[1:]
        if words[0] == "ui":
            opens_pages(beginning, words)
            continue
        if words[0] == "launch":
            # What no later command needs is checked alone: test_catalog runs every study of the catalogue to its end.
            needed = (beginning / words[1]).is_file() or any(f"studies/{words[1]}" in one for one in run_here())
            words = [words[0], str(smallest_of(beginning, words[1])), *words[2:], *([] if needed else ["--dry-run"])]
        done = tintune(beginning, *words, timeout=900)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if words[0] == "launch" and "--dry-run" not in words:
            assert "Report: " in done.stdout, done.stdout


def run_here() -> list[str]:
    """The README's commands, without those of a cluster."""
    return [line for name, lines in sections().items() if "cluster" not in name.lower() for line in lines]


def smallest_of(folder: Path, study: str) -> Path:
    """The smallest version of a study file, or of a study of the catalogue, in a file of its own."""
    path = folder / study if (folder / study).is_file() else find_study(Path(study))
    small = smallest(load_study(path, ["resources.gpus_per_trial=0", "resources.cpus_per_trial=1"]))
    (folder / "small").mkdir(exist_ok=True)
    (folder / "small" / f"{small.name}.yaml").write_text(small.document)
    return folder / "small" / f"{small.name}.yaml"


def opens_pages(folder: Path, words: list[str]) -> None:
    """Waits for the pages, then ends them with Ctrl-C."""
    log = folder / "ui.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [*TINTUNE, *words], cwd=folder, env=environment(folder), stdout=file, stderr=file, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and process.poll() is None:
            named = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
            with suppress(OSError):
                if named and urllib.request.urlopen(f"{named[0]}/health", timeout=5).status == 200:
                    break
            time.sleep(0.5)
        else:
            raise AssertionError(log.read_text())
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0, log.read_text()


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
    checked = ("make ", ".venv/bin/tintune ", "docker compose ", "kubectl ", "cp ", "export RAY_AUTH_MODE=token ")
    # tests/study/tracking/test_logged_models.py serves a model with it.
    checked += ('PATH="$PWD/.venv/bin:$PATH" mlflow models serve ',)
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

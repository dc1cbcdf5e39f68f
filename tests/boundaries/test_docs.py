"""README and docs/ say only what is true: their commands run, their trees, tables and paths are those of the code."""

import ast
import dataclasses
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from study.cli.main import app
from study.definition.catalog import catalog_names, find_study
from study.definition.changes import smallest
from study.definition.load import load_study, parse_study
from study.definition.study import Confirm, Contrast, Resources, Search, Study
from tests.boundaries.test_imports import FLOORS, PACKAGES
from tests.deploy.compose import example, load
from tests.study.cli.test_main import make_photos
from tests.study.commands import TINTUNE, environment, tintune
from tests.trainables.dogs_tree import write_archives, write_dogs
from trainables.config import DataConfig, TrialConfig
from trainables.metrics import METRICS

ROOT = Path(__file__).parents[2]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"))}
PAGES = {name: PAGES[name] for name in ("README.md", "docs/commands.md", *sorted(PAGES))}
"""In the order in which a reader follows them."""
README = PAGES["README.md"]

ELSEWHERE = {
    "make install": "the tests run in what it made",
    "make lint": "CI runs it",
    "make test": "CI runs it",
    "make test-all": "CI runs it; this test is part of it",
    "make repeat": "long; make test looks at two sizes",
    "make gpu": "needs a GPU; make test-all runs the same script without one",
    "make chaos": "twenty minutes; make test-all runs the same tests at a smaller size",
    "make study": "it is `tintune launch` on the quickstart study, which is run here",
    "make clean": "it removes the environment that runs the tests",
    'PATH="$PWD/.venv/bin:$PATH" mlflow models serve -m models:/MODEL_ID --env-manager local': (
        "tests/study/tracking/test_logged_models.py serves a model with it"
    ),
    "cp .env.example .env": "tests/deploy/test_compose_file.py reads the example",
    "docker compose up --detach --build --scale ray-worker=4": "no Docker engine here; tests/deploy runs the services",
    "docker compose logs launcher": "no Docker engine here",
    "docker compose up --detach launcher": "no Docker engine here; tests/deploy/test_services.py runs the launcher",
    "docker compose cp ray-head:/studies/ncd-task-effects/report .": "no Docker engine here",
    "pip install --constraint constraints.txt '.[cluster]'": "the extra dev, which make install brings, contains it",
    "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=...": "tests/deploy/test_services.py starts Ray with both",
    "export CUDA_MPS_PIPE_DIRECTORY=/tmp/mps-$USER CUDA_MPS_LOG_DIRECTORY=/tmp/mps-log-$USER": "needs a GPU",
    "mkdir -p $CUDA_MPS_PIPE_DIRECTORY $CUDA_MPS_LOG_DIRECTORY": "needs a GPU",
    "nvidia-cuda-mps-control -d": "needs a GPU; tests/deploy/test_with_mps.py starts a stand-in",
    "echo quit | nvidia-cuda-mps-control": "needs a GPU; tests/deploy/test_with_mps.py ends a stand-in",
    ".venv/bin/tintune launch ncd-task-effects --storage /shared/studies --address http://HOST:8265 --detach": (
        "needs a cluster; tests/deploy/test_services.py hands a launch to one"
    ),
    ".venv/bin/tintune launch ncd-task-effects --storage /shared/studies --address HOST:6379": (
        "needs a cluster; tests/chaos/test_cluster.py drives one"
    ),
    ".venv/bin/tintune status /shared/studies/ncd-task-effects": "needs what the cluster wrote",
    "kubectl create configmap tintune-study --from-file=study.yaml=study/catalog/ncd-task-effects.yaml": (
        "no Kubernetes here; tests/deploy/test_rayjob.py checks the manifest"
    ),
    "kubectl apply --filename deploy/rayjob.yaml": "no Kubernetes here; the same",
}
"""The commands that are not run here, and why."""


def sections(page: str) -> dict[str, list[str]]:
    """Every line of the page's shell blocks, without its comment, by the heading above it."""
    found: dict[str, list[str]] = {}
    for heading, text in re.findall(r"^#+ (.*)\n((?:(?!^##? ).*\n?)*)", page, re.MULTILINE):
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            lines = [re.split(r"\s+# |\s\s+#", line)[0].strip() for line in block.splitlines()]
            found.setdefault(heading, []).extend(line for line in lines if line)
    return found


SECTIONS = {(name, heading): lines for name, page in PAGES.items() for heading, lines in sections(page).items()}
COMMANDS = list(dict.fromkeys(line for lines in SECTIONS.values() for line in lines))


def run_here() -> dict[tuple[str, str], list[str]]:
    """The commands that are run, each once, in the order of the pages, by page and heading."""
    seen = set(ELSEWHERE)
    found = {}
    for place, lines in SECTIONS.items():
        found[place] = [line for line in dict.fromkeys(lines) if line not in seen]
        seen |= set(lines)
    return {place: lines for place, lines in found.items() if lines}


def test_every_shell_block_is_read() -> None:
    blocks = [block for page in PAGES.values() for block in re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)]
    assert sum(map(len, SECTIONS.values())) == sum(len(block.splitlines()) for block in blocks) > 30
    fences = [fence for page in PAGES.values() for fence in re.findall(r"^```(\w*)\n.*?^```$", page, re.M | re.S)]
    assert set(fences) <= {"sh", "yaml", "text"}, "a command in a block of another name would go unread"


def test_every_command_is_run_here_or_listed_with_the_reason() -> None:
    assert [line for line in ELSEWHERE if line not in COMMANDS] == [], "listed, but on no page"
    for line in COMMANDS:
        assert shlex.split(line), line
    named = [path for reason in ELSEWHERE.values() for path in re.findall(r"tests/[\w/.]+", reason)]
    assert [path for path in named if not (ROOT / path).exists()] == []
    ran = [line for lines in run_here().values() for line in lines]
    assert [line for line in ran if not line.startswith((".venv/bin/tintune ", ".venv/bin/python -m "))] == []
    assert sorted([*ran, *ELSEWHERE]) == sorted(COMMANDS)


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("make ")])
def test_every_make_target_exists(command: str) -> None:
    target = command.split()[1]
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith(".venv/bin/tintune ")])
def test_every_command_is_known_with_its_flags(command: str) -> None:
    known: Any = typer.main.get_command(app)
    words = shlex.split(command)[1:]
    while hasattr(known, "commands") and not words[0].startswith("--"):
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
@pytest.mark.parametrize("place", run_here(), ids=" ".join)
def test_every_command_runs_in_the_order_of_the_pages(beginning: Path, place: tuple[str, str]) -> None:
    """Each once and each study at its smallest size, on CPU cores, all pages in one folder."""
    for line in run_here()[place]:
        words = shlex.split(line)
        if words[0] == ".venv/bin/python":
            command = [sys.executable, *words[1:]]
            where: Any = {"cwd": beginning, "env": {**environment(beginning), "PYTHONPATH": str(ROOT)}}
            run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **where)
            assert run.returncode == 0 and run.stdout, f"{line}\n{run.stdout}{run.stderr}"
            continue
        words = words[1:]
        if words[0] == "ui":
            opens_pages(beginning, words)
            continue
        if words[0] == "launch":
            # What no later command needs is checked alone: test_catalog runs every study of the catalogue to its end.
            needed = (beginning / words[1]).is_file() or any(f"studies/{words[1]}" in one for one in all_run_here())
            words = [words[0], str(smallest_of(beginning, words[1])), *words[2:]]
            words += ["--dry-run"] if not needed and "--dry-run" not in words else []
        done = tintune(beginning, *words, timeout=900)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if words[0] == "launch" and "--dry-run" not in words:
            assert "Report: " in done.stdout, done.stdout


def all_run_here() -> list[str]:
    return [line for lines in run_here().values() for line in lines]


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


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("docker ")])
def test_every_compose_command_names_services_that_exist(command: str) -> None:
    """No Docker engine runs here: tests/deploy checks the file and runs its services as plain processes."""
    services = load({**example(), **dict.fromkeys(example(), "x")})["services"]
    words = shlex.split(command)
    assert words[:2] == ["docker", "compose"] and words[2] in ("up", "logs", "cp")
    named = [re.split("[=:]", word)[0] for word in words[3:] if not word.startswith("--") and word != "."]
    assert named or words[2] == "up"
    assert set(named) <= set(services), named


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith(("kubectl ", "cp ", "pip "))])
def test_every_file_that_a_command_takes_exists(command: str) -> None:
    """No Kubernetes runs here: tests/deploy/test_rayjob.py checks what the manifest says."""
    taken = [word.rpartition("=")[2] for word in shlex.split(command) if "." in word and word != ".env"]
    assert taken and all((ROOT / name.removesuffix("[cluster]")).exists() for name in taken)


def test_the_readme_is_one_page_and_begins_with_a_command() -> None:
    lines = README.splitlines()
    assert len(lines) <= 130
    assert lines.index("```sh") + 2 <= 12, "the line of the first command, from 1"
    assert {"make study", "make test"} <= set(COMMANDS)


def test_the_readmes_study_is_one() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert parse_study(text).name and len(text.splitlines()) <= 12


def test_the_tree_names_every_package_of_the_three_rooms_and_nothing_else() -> None:
    (tree,) = re.findall(r"^```text\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    named: list[str] = []
    for line in tree.splitlines():
        indent, name = re.fullmatch(r"( *)([\w]+)/ +\S.*", line).groups()  # type: ignore[union-attr]
        named.append(f"{named_room(named)}.{name}" if indent else name)
    assert sorted(named) == PACKAGES


def named_room(named: list[str]) -> str:
    return next(name for name in reversed(named) if "." not in name)


def test_the_readme_links_every_page_of_the_docs_once() -> None:
    links = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", README)]
    for name in PAGES:
        assert links.count(name) == (name != "README.md"), name


def pages_with_links() -> Iterator[tuple[Path, str]]:
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*.md")):
        for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
            yield path, target


def test_every_link_leads_somewhere_and_none_to_a_homepage() -> None:
    for path, target in pages_with_links():
        name, _, anchor = target.partition("#")
        found = path.parent / name
        assert found.is_file(), f"{path}: {target}"
        headings = re.findall(r"^#+ (.*)$", found.read_text(), re.MULTILINE) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
    for name, page in PAGES.items():
        assert set(re.findall(r"https?://[^\s`)]+", page)) <= {"http://localhost:5000", "http://HOST:8265"}, name


def test_pictures_are_shown_and_small() -> None:
    shown = {(path.parent / target).resolve() for path, target in pages_with_links() if target.endswith(".png")}
    assert shown == set((ROOT / "docs" / "pictures").iterdir())
    assert all(picture.stat().st_size < 600_000 for picture in shown)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_function_that_a_page_names_exists(page: str) -> None:
    """A path with a folder of ours in it, and `path.py: name` with what the file defines at its top or in a class."""
    prose = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    assert prose.count("`") % 2 == 0
    for quoted in re.findall(r"`([^`]+)`", re.sub(r"\s+", " ", prose)):
        if not re.match(r"(trainables|study|analysis|tests|benchmarks|deploy|docs|\.ci|\.github)/[\w./-]+", quoted):
            continue
        name, _, defined = quoted.partition(": ")
        assert (ROOT / name).exists(), quoted
        if defined:
            nodes = list(ast.walk(ast.parse((ROOT / name).read_text())))
            known = {one.name for one in nodes if isinstance(one, ast.FunctionDef | ast.ClassDef)}
            known |= {one.id for one in nodes if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
            assert defined in known, quoted


def test_the_arrows_of_the_architecture_are_those_of_the_floors() -> None:
    ground = {"trainables": ("config", "cpu", "devices", "files", "metrics", "optimizers", "records", "seeds")}
    ground |= {"study": ("errors", "terminal"), "analysis": ()}
    text = next(block for block in re.findall(r"^```text\n(.*?)^```", PAGES["docs/architecture.md"], re.M | re.S))
    drawn: dict[str, set[str]] = {}
    room = ""
    for line in re.sub(r",\n +", ", ", text).splitlines():
        if not line:
            continue
        left, right = line.split("->")
        room = left.split()[0] if not left.startswith(" ") else room
        drawn[f"{room}.{left.split()[-1].removesuffix('.py')}"] = {
            name.strip().removesuffix(".py") for name in right.split(",") if name.strip()
        }
    expected = {
        floor: set(below) - set(ground[floor.partition(".")[0]])
        for floor, below in FLOORS.items()
        if not floor.endswith("__main__") and floor.partition(".")[2] not in ground[floor.partition(".")[0]]
    }
    assert drawn == expected


def test_the_page_on_studies_names_every_key_setting_metric_and_study() -> None:
    said = set(re.findall(r"`([\w/-]+)", PAGES["docs/studies.md"]))
    keys = {name for model in (Study, Search, Confirm, Contrast, Resources) for name in model.model_fields}
    fields = {field.name for config in (TrialConfig, DataConfig) for field in dataclasses.fields(config)}
    only_of_formulas = {"epoch_seconds", "extra_metrics"}
    assert (keys | fields | set(METRICS) | set(catalog_names())) - said == only_of_formulas


def test_every_study_of_the_catalogue_opens_with_its_evidence() -> None:
    for path in sorted((ROOT / "study" / "catalog").glob("*.yaml")):
        head = path.read_text().split("\nname:")[0]
        assert all(word in head for word in ("# Question:", "# Data:", "# Command:")), path
        assert load_study(path).name == path.stem

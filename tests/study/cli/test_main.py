"""main.py: nonsense gets one sentence with the remedy, exit code 2, and leaves nothing behind."""

import socket
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.study.analytic import TEXT
from tests.study.command_here import here
from tests.study.commands import tintune, write_study

FOLDER_STUDY = TEXT.replace("{dataset: analytic}", "{dataset: folder, root: photos, image_size: 32}")


def refused(folder: Path, *arguments: str | Path) -> str:
    """What the command says; it must fail as a person's mistake does."""
    done = here(folder, *arguments)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert not (folder / "studies").exists()
    return done.stderr


def make_photos(folder: Path, classes: dict[str, int]) -> None:
    generator = np.random.default_rng(0)
    for name, number in classes.items():
        (folder / "photos" / name).mkdir(parents=True)
        for index in range(number):
            noise = generator.integers(0, 256, (40, 40, 3), dtype="uint8")
            Image.fromarray(noise).save(folder / "photos" / name / f"{name}{index}.png")


def test_a_missing_study_file(tmp_path: Path) -> None:
    assert "nowhere.yaml" in refused(tmp_path, "launch", "nowhere.yaml")


def test_an_unknown_key_names_the_line_and_the_nearest(tmp_path: Path) -> None:
    path = write_study(tmp_path, TEXT.replace("confirm: {replicates", "confirm: {replicate"))
    message = refused(tmp_path, "launch", path)
    assert "study.yaml:17" in message and "'replicates'" in message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("optimizer: adamw", "optimizer: adamm", ("'adamm'", "adamw")),
        ("treatment: joint, control: color_only", "treatment: joint, control: colour", ("'colour'", "color_only")),
        ("val/delta_e: min", "val/delta: min", ("val/delta", "val/delta_e")),
        ("metric: test/top1", "metric: test/top2", ("test/top2", "top1")),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    message = refused(tmp_path, "launch", write_study(tmp_path, TEXT.replace(old, new)))
    assert all(word in message for word in words), message


def test_a_missing_folder_of_photos(tmp_path: Path) -> None:
    message = refused(tmp_path, "launch", write_study(tmp_path, FOLDER_STUDY))
    assert "photos" in message


def test_an_empty_folder_of_photos(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert "photos" in refused(tmp_path, "launch", write_study(tmp_path, FOLDER_STUDY))


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    make_photos(tmp_path, {"Apple": 10})
    assert "class" in refused(tmp_path, "launch", write_study(tmp_path, FOLDER_STUDY))


def test_a_class_too_small_for_the_cuts(tmp_path: Path) -> None:
    make_photos(tmp_path, {"Apple": 10, "Pear": 2})
    message = refused(tmp_path, "launch", write_study(tmp_path, FOLDER_STUDY))
    assert "'Pear' has 2 different photos" in message and "at least 3" in message


def test_a_storage_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    message = refused(tmp_path, "launch", write_study(tmp_path), "--storage", "taken")
    assert "taken" in message and "--storage" in message


def test_a_storage_that_cannot_be_written(tmp_path: Path) -> None:
    # Not even root may make files in /proc.
    message = refused(tmp_path, "launch", write_study(tmp_path), "--storage", "/proc/studies")
    assert "/proc cannot be written" in message and "--storage" in message


def test_a_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "store" / "analytic").mkdir(parents=True)
    (tmp_path / "store" / "analytic" / "thesis.tex").write_text("")
    message = refused(tmp_path, "launch", write_study(tmp_path), "--storage", "store")
    assert "not empty" in message
    assert [path.name for path in (tmp_path / "store" / "analytic").iterdir()] == ["thesis.tex"]


def test_more_than_the_machine_has(tmp_path: Path) -> None:
    done = tintune(tmp_path, "launch", write_study(tmp_path), "--set", "resources.cpus_per_trial=1000")
    assert done.returncode == 2 and "1000 CPU cores" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["status", "report", "sync", "ui"])
def test_a_folder_without_a_study(tmp_path: Path, command: str) -> None:
    assert "no study.yaml" in refused(tmp_path, command, "nothing")


def test_a_port_in_use(tmp_path: Path) -> None:
    write_study(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        message = refused(tmp_path, "ui", tmp_path, "--port", str(taken.getsockname()[1]))
    assert "in use" in message and "--port" in message


def test_a_dry_run_prints_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    done = here(tmp_path, "launch", write_study(tmp_path), "--dry-run")
    assert done.returncode == 0
    # Three arms of 4 search trials; joint confirms up to two settings in 3 replicates, the others one; 6 epochs each.
    assert "144 epochs at most" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.yaml"]


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = tintune(tmp_path, "--debug", "launch", "nowhere.yaml")
    assert "Traceback" in done.stderr


def test_the_version_is_that_of_the_distribution(tmp_path: Path) -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    done = tintune(tmp_path, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"tintune {project['version']}\n", "")

"""Every study that ships runs to its report at its smallest size, on generated photos where real ones are not there."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from study.definition.changes import smallest
from study.definition.load import load_study, parse_study
from study.definition.study import Study
from study.ledger.ledger import Ledger
from tests.study.commands import tintune
from tests.study.finished_study import finished_study
from tests.trainables.dogs_tree import write_dogs

CATALOG = Path(__file__).parents[3] / "study" / "catalog"


def photo_root(folder: Path, dataset: str) -> Path:
    """The real photos where they are, else generated ones in the same layout."""
    if dataset == "stanford_dogs":
        write_dogs(folder / "dogs")
        return folder / "dogs"
    if os.environ.get("TINTUNE_DATA"):
        return Path(os.environ["TINTUNE_DATA"]) / "ncd" / "ColorfulOriginal"
    generator = np.random.default_rng(0)
    for name in ("Apple", "Banana", "Pear"):
        (folder / "photos" / name).mkdir(parents=True)
        for index in range(12):
            noise = generator.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / "photos" / name / f"{name}{index}.jpg")
    return folder / "photos"


def small(path: Path, folder: Path) -> tuple[str, list[str]]:
    """The text of the study at its smallest size, and the overrides that place and size it on this machine."""
    study = smallest(load_study(path))
    overrides = [f"data.root={photo_root(folder, study.data['dataset'])}"] if "root" in study.data else []
    # A cluster's slots do not fit a small machine without a GPU.
    return study.document, [*overrides, "resources.gpus_per_trial=0", "resources.cpus_per_trial=1"]


def assert_complete(ledger: Ledger, study: Study) -> None:
    states = {entry.name: (entry.state, entry.failure_message) for entry in ledger.entries()}
    assert {state for state, _ in states.values()} <= {"done", "stopped"}, states
    # The arms of the controls wait for an effect, which so small a study need not find.
    of_arm = {arm: sum(entry.arm == arm for entry in ledger.entries("search")) for arm in study.arms}
    whole = study.search.trials_per_arm * study.confirm.folds
    assert {of_arm[arm] for arm in study.first_arms} == {whole}
    assert {of_arm[arm] for arm in study.later_arms} <= {0, whole}
    report = (ledger.folder / "report" / "report.html").read_text()
    assert study.question in report and "data:image/jpeg" in report


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of prepared photos: several studies of the catalogue are on the same ones."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.full
@pytest.mark.parametrize("path", sorted(CATALOG.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_of_the_catalogue_completes_at_its_smallest_size(
    path: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the searcher and the worker that Ray would run; the test below, and those of the docs, add Ray and MLflow."""
    monkeypatch.setenv("TINTUNE_CACHE", str(cache))
    text, overrides = small(path, tmp_path)
    study = parse_study(text, overrides=overrides)
    assert_complete(finished_study(tmp_path, study.document), study)


@pytest.mark.full
def test_the_flagship_completes_through_ray_and_mlflow(tmp_path: Path) -> None:
    text, overrides = small(CATALOG / "ncd-task-effects.yaml", tmp_path)
    (tmp_path / "study.yaml").write_text(text)
    flags = [word for change in overrides for word in ("--set", change)]
    done = tintune(tmp_path, "launch", "study.yaml", *flags, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    study = parse_study(text)
    assert_complete(Ledger(tmp_path / "studies" / study.name), study)

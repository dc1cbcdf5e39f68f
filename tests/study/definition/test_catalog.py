"""Every study that ships runs to its report at its smallest size, on generated photos where real ones are not there."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from study.definition.changes import smallest
from study.definition.load import load_study
from study.ledger.ledger import Ledger
from tests.study.commands import tintune
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


@pytest.mark.full
@pytest.mark.parametrize("path", sorted(CATALOG.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_of_the_catalogue_completes_at_its_smallest_size(path: Path, tmp_path: Path) -> None:
    study = smallest(load_study(path))
    (tmp_path / "study.yaml").write_text(study.document)
    overrides = ["--set", f"data.root={photo_root(tmp_path, study.data['dataset'])}"] if "root" in study.data else []
    # A cluster's slots do not fit a small machine without a GPU.
    overrides += ["--set", "resources.gpus_per_trial=0", "--set", "resources.cpus_per_trial=1"]
    done = tintune(tmp_path, "launch", "study.yaml", *overrides, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    ledger = Ledger(tmp_path / "studies" / study.name)
    states = {entry.name: (entry.state, entry.failure_message) for entry in ledger.entries()}
    assert {state for state, _ in states.values()} <= {"done", "stopped"}, states
    assert len(ledger.entries("search")) == study.num_search_trials
    report = (ledger.folder / "report" / "report.html").read_text()
    assert study.question in report and "data:image/jpeg" in report

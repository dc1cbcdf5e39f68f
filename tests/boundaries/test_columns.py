"""The names on which trainables, study and analysis agree."""

import dataclasses
import itertools
from pathlib import Path

import pandas as pd

from analysis import tables
from analysis.health import answer_checks
from analysis.summaries import dynamics, searched
from study.ledger.ledger import Ledger
from study.results.export import export
from study.search import importance
from study.search.selection import Selection
from trainables import analytic_surface
from trainables.config import DataConfig, TrialConfig
from trainables.data.images import load_images
from trainables.data.trial_data import trial_data
from trainables.metrics import METRICS
from trainables.preparation.prepare import prepare
from trainables.records import DIAGNOSTICS
from trainables.training import epochs


def test_a_formula_and_a_network_give_records_with_the_same_fields(tmp_path: Path) -> None:
    data = DataConfig(dataset="orchard", image_size=16, num_classes=2, photos_per_class=12)
    config = TrialConfig(epochs=1, width=0.125, batch_size=4, task_weighting="uncertainty", diagnostics_every=1)
    photos = trial_data(load_images(prepare(data, tmp_path)), data, replicate=0, with_test=True)
    formula_data = DataConfig(dataset="analytic")
    formula = trial_data(analytic_surface.analytic_images(formula_data), formula_data, replicate=0, with_test=True)
    (real,) = itertools.islice(epochs.run_epochs(config, photos), 1)
    (fake,) = itertools.islice(analytic_surface.run_epochs(config, formula), 1)
    assert list(real) == list(fake)
    assert {f"test/{name}" for name in METRICS} <= set(real)
    assert set(DIAGNOSTICS) <= set(real)


def test_the_analysis_reads_the_diagnostics_that_a_trial_records() -> None:
    assert set(dynamics.DIAGNOSTICS) == set(DIAGNOSTICS)


def test_an_exported_study_loads_with_the_columns_the_analysis_reads(tmp_path: Path) -> None:
    from study.storage.files import write_bytes, write_json
    from tests.study.analytic import TEXT

    write_bytes(tmp_path / "study.yaml", TEXT.encode())
    write_json(tmp_path / "fingerprint.json", {"data": {}, "launched": "", "command": ""})
    assert Ledger(tmp_path).names() == []
    export(tmp_path)
    loaded = tables.load(tmp_path)
    assert list(loaded.study["contrasts"]) == ["color", "naming"]
    assert {name for name in dataclasses.asdict(_selection())} <= set(loaded.selections.columns)
    assert isinstance(loaded.trials, pd.DataFrame)


def test_the_analysis_finds_the_range_of_each_setting_in_what_is_exported(tmp_path: Path) -> None:
    from study.storage.files import write_bytes, write_json
    from tests.study.analytic import TEXT

    write_bytes(tmp_path / "study.yaml", TEXT.encode())
    data = {"classes_never_trained": ["Tomato"]}
    write_json(tmp_path / "fingerprint.json", {"data": data, "launched": "", "command": ""})
    export(tmp_path)
    loaded = tables.load(tmp_path)
    drawn = {"learning_rate": 1e-3, "class_loss_weight": 0.1}
    assert searched.ranges(loaded, "joint", drawn) == {
        "learning_rate": (1e-4, 3e-2, True),
        "class_loss_weight": (1e-4, 1.0, True),
    }
    assert set(searched.ranges(loaded, "color_only", drawn)) == {"learning_rate"}
    assert loaded.study["resources"] == {"cpus_per_trial": 1.0, "gpus_per_trial": None, "accelerator_type": None}
    (found,) = [one for one in answer_checks.absent_classes(loaded)]
    assert "Tomato" in found.sentence


def test_the_page_asks_for_as_many_trials_as_importances_take() -> None:
    assert searched.MIN_TRIALS == importance.MIN_TRIALS


def _selection() -> Selection:
    empty = dict.fromkeys((field.name for field in dataclasses.fields(Selection)), "")
    return Selection(**empty)  # type: ignore[arg-type]

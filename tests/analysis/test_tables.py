"""Loading: what is missing gives empty tables, what is broken an error with a remedy."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis.tables import load, metric, tasks

FILES = (
    "study.json", "trials.parquet", "epochs.parquet", "photos.parquet", "selections.parquet", "baselines.parquet",
    "importance.parquet", "pictures.parquet",
)  # fmt: skip


def test_a_folder_without_results_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tintune report"):
        load(tmp_path)


def test_no_file_at_all_gives_empty_tables_with_the_columns_that_readers_use(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    tables = load(tmp_path)
    assert tables.trials.empty
    assert {"trial", "arm", "phase", "setting", "state", "num_epochs", "failure_message"} <= set(tables.trials)
    assert {"setting", "replicate", "photo", "delta_e", "top1"} <= set(tables.photos)
    assert tables.study["arms"] == {}


@pytest.mark.parametrize("name", FILES)
def test_an_empty_file_counts_as_missing(study_dir: Path, name: str) -> None:
    (study_dir / "results" / name).write_bytes(b"")
    load(study_dir)


def test_a_table_without_rows_or_columns_counts_as_missing(study_dir: Path) -> None:
    pd.DataFrame().to_parquet(study_dir / "results" / "photos.parquet")
    tables = load(study_dir)
    assert tables.photos.empty
    assert "delta_e" in tables.photos


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_is_named_with_a_remedy(study_dir: Path, name: str) -> None:
    (study_dir / "results" / name).write_bytes(b"{broken")
    with pytest.raises(ValueError, match=rf"{name} cannot be read .*\n?.*tintune report"):
        load(study_dir)


def test_a_study_that_is_no_mapping_is_refused(study_dir: Path) -> None:
    (study_dir / "results" / "study.json").write_text("[1]")
    with pytest.raises(ValueError, match="not a mapping"):
        load(study_dir)


def test_missing_columns_are_added_empty(study_dir: Path, tables) -> None:
    tables.trials.drop(columns=["failure_message", "seconds"]).to_parquet(study_dir / "results" / "trials.parquet")
    trials = load(study_dir).trials
    assert trials[["failure_message", "seconds"]].isna().all(axis=None)


def test_a_study_that_knows_no_folds_has_one_and_its_pictures_no_variants(study_dir: Path, tables) -> None:
    for name in ("trials", "epochs", "photos", "selections"):
        getattr(tables, name).drop(columns="fold").to_parquet(study_dir / "results" / f"{name}.parquet")
    tables.pictures.drop(columns=["fold", "variant"]).to_parquet(study_dir / "results" / "pictures.parquet")
    loaded = load(study_dir)
    assert {int(fold) for name in ("trials", "photos", "pictures") for fold in getattr(loaded, name)["fold"]} == {0}
    assert set(loaded.pictures["variant"]) == {""}


def test_everything_of_a_whole_study_is_loaded(tables) -> None:
    assert tables.study["name"] == "synthetic"
    assert len(tables.trials) == 4 * 6 + 5 * 6
    assert len(tables.photos) == 5 * 6 * 60
    assert len(tables.baselines) == 4 * 60
    assert set(tables.importance["objective"]) == {"val/delta_e", "val/top1"}


def test_a_metric_is_found_behind_its_full_name(tables) -> None:
    assert metric(tables, "test/delta_e") == metric(tables, "val/delta_e")
    assert (metric(tables, "test/top1").better, metric(tables, "test/top1").task) == ("max", "class")


def test_a_metric_that_the_study_does_not_describe_takes_its_direction_from_the_objectives(
    make_tables: Callable,
) -> None:
    tables = make_tables()
    tables.study["metrics"].clear()
    assert metric(tables, "test/top1").better == "max"
    assert metric(tables, "test/delta_e").better == "min"


def test_tasks_of_an_unknown_arm_are_both(tables) -> None:
    assert tasks(tables, "color_only") == {"color"}
    assert tasks(tables, "stranger") == {"color", "class"}

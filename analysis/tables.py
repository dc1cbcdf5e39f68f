"""The exported tables of one study: what every other file here starts from."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TRIAL_COLUMNS = {
    "trial": "str", "arm": "str", "phase": "str", "setting": "str", "source": "str", "replicate": "int64",
    "state": "str", "failure_kind": "str", "failure_message": "str", "num_epochs": "int64", "seconds": "float64",
    "started": "object", "ended": "object", "num_parameters": "float64", "searched": "str",
}  # fmt: skip
EPOCH_COLUMNS = {"trial": "str", "arm": "str", "phase": "str", "replicate": "int64", "epoch": "int64"}
PHOTO_COLUMNS = {
    "trial": "str", "arm": "str", "setting": "str", "replicate": "int64", "photo": "str", "category": "str",
    "delta_e": "float64", "color_mse": "float64", "psnr": "float64", "ssim": "float64", "top1": "float64",
    "top5": "float64", "class_loss": "float64", "predicted": "str",
}  # fmt: skip
SELECTION_COLUMNS = {
    "family": "str", "contrast": "str", "side": "str", "arm": "str", "setting": "str", "source": "str",
    "metric": "str", "value": "float64",
}  # fmt: skip

PICTURE_COLUMNS = {"photo": "str", "setting": "str", "jpeg": "object"}

STUDY_DEFAULTS: dict[str, Any] = {
    "name": "", "question": "", "seed": None, "arms": {}, "contrasts": {}, "controls": {}, "margin": {},
    "objectives": {}, "search": {}, "confirm": {}, "epochs": None, "data": {}, "hardware": "", "precision": "",
    "packages": {}, "launched": None, "exported": None, "metrics": {}, "command": "", "resources": {},
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """Everything that a study left behind for its readers; nothing here is ever changed, so results may be cached."""

    study_dir: Path
    study: dict[str, Any]
    """The study as launched: question, arms, contrasts, margin, data, hardware, precision."""
    trials: pd.DataFrame
    """One row a trial."""
    epochs: pd.DataFrame
    """One row a trial and epoch."""
    photos: pd.DataFrame
    """One row a confirm trial and pool photo."""
    selections: pd.DataFrame
    """One row a side of a contrast: the setting that stands for the arm."""
    pictures: pd.DataFrame = field(default_factory=pd.DataFrame)
    """One small picture a test photo and setting: photo, setting, jpeg; grey and truth stand there as settings too."""
    colors: dict[str, Any] = field(default_factory=dict)
    """Dominant colours of the photos and what painting by rule would cost; empty where nobody looked."""


@dataclass(frozen=True)
class Metric:
    """What a reader must know about a metric: its words, its unit, which way is better, whose task it measures."""

    key: str
    label: str
    unit: str
    better: str
    """min or max."""
    task: str
    """color, class or none."""

    @property
    def axis(self) -> str:
        return f"{self.label} [{self.unit or '1'}]"


def load(study_dir: Path) -> Tables:
    """Reads STUDY_DIR/results; a missing or empty file gives an empty table with the right columns.

    Raises ValueError, with a remedy, where there are no results at all or a file cannot be read.
    """
    results = study_dir / "results"
    if not results.is_dir():
        raise ValueError(f"{study_dir} holds no results/ folder. Export the study first: tintune report {study_dir}")
    return Tables(
        study_dir=study_dir,
        study={**STUDY_DEFAULTS, "name": study_dir.name, **_read_mapping(results / "study.json", study_dir)},
        trials=_read_frame(results / "trials.parquet", TRIAL_COLUMNS, study_dir),
        epochs=_read_frame(results / "epochs.parquet", EPOCH_COLUMNS, study_dir),
        photos=_read_frame(results / "photos.parquet", PHOTO_COLUMNS, study_dir),
        selections=_read_frame(results / "selections.parquet", SELECTION_COLUMNS, study_dir),
        pictures=_read_frame(results / "pictures.parquet", PICTURE_COLUMNS, study_dir),
        colors=_read_mapping(results / "data_colors.json", study_dir),
    )


def metric(tables: Tables, name: str) -> Metric:
    """The metric behind a name such as test/delta_e; the prefix says which photos it was measured on."""
    key = name.split("/", 1)[-1]
    known = tables.study["metrics"].get(key) or tables.study["metrics"].get(name) or {}
    objectives = {full.split("/", 1)[-1]: better for full, better in tables.study["objectives"].items()}
    fallback = objectives.get(key, "max" if key in ("top1", "top5", "psnr", "ssim") else "min")
    return Metric(
        key=key,
        label=str(known.get("label") or key),
        unit=str(known.get("unit") or ""),
        better=str(known.get("better") or fallback),
        task=str(known.get("task") or "none"),
    )


def tasks(tables: Tables, arm: str) -> set[str]:
    """The tasks that an arm trains; an arm that the study does not describe is taken to train both."""
    described = tables.study["arms"].get(arm) or {}
    return set(described.get("tasks") or ("color", "class"))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as mappings."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict(orient="records")]


def is_twin(setting: pd.Series) -> pd.Series:
    """Whether a setting is a twin: a chosen setting trained again with one task's weight at zero."""
    return setting.fillna("").astype(str).str.endswith(".twin")


def full_trials(tables: Tables) -> pd.DataFrame:
    """The trials that trained the study's full number of epochs, twins left out."""
    done = tables.trials[(tables.trials["state"] == "done") & ~is_twin(tables.trials["setting"])]
    planned = tables.study["epochs"]
    return done[done["num_epochs"] == planned] if planned else done


def last_records(tables: Tables) -> pd.DataFrame:
    """Of each trial its last epoch."""
    return tables.epochs.sort_values("epoch").drop_duplicates("trial", keep="last")


def _unreadable(path: Path, study_dir: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} cannot be read ({error}). Delete it and export again: tintune report {study_dir}")


def _read_mapping(path: Path, study_dir: Path) -> dict[str, Any]:
    written: Any = {}
    if path.is_file() and path.stat().st_size > 0:
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise _unreadable(path, study_dir, error) from error
        if not isinstance(written, dict):
            raise _unreadable(path, study_dir, TypeError(f"it holds a {type(written).__name__}, not a mapping"))
    return {key: value for key, value in written.items() if value is not None}


def _read_frame(path: Path, columns: dict[str, str], study_dir: Path) -> pd.DataFrame:
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    if not path.is_file() or path.stat().st_size == 0:
        return empty
    try:
        frame = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise _unreadable(path, study_dir, error) from error
    if frame.empty:
        extra = {name: frame[name] for name in frame.columns if name not in columns}
        return empty.assign(**extra)
    missing = {name: np.nan if "64" in kind else None for name, kind in columns.items() if name not in frame}
    return frame.assign(**missing)

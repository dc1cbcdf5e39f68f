"""The exported tables of one study: what every other file here starts from."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TRIAL_COLUMNS = {
    "trial": "str", "arm": "str", "phase": "str", "setting": "str", "source": "str", "fold": "int64",
    "replicate": "int64",
    "state": "str", "failure_kind": "str", "failure_message": "str", "num_epochs": "int64", "seconds": "float64",
    "started": "object", "ended": "object", "num_parameters": "float64", "searched": "str",
}  # fmt: skip
EPOCH_COLUMNS = {
    "trial": "str", "arm": "str", "phase": "str", "fold": "int64", "replicate": "int64", "epoch": "int64",
}  # fmt: skip
PHOTO_COLUMNS = {
    "trial": "str", "arm": "str", "setting": "str", "fold": "int64", "replicate": "int64", "photo": "str",
    "category": "str", "delta_e": "float64", "color_mse": "float64", "psnr": "float64", "ssim": "float64",
    "top1": "float64", "top5": "float64", "class_loss": "float64", "predicted": "str",
}  # fmt: skip
SELECTION_COLUMNS = {
    "fold": "int64", "family": "str", "contrast": "str", "side": "str", "arm": "str", "role": "str",
    "setting": "str", "source": "str", "metric": "str", "value": "float64", "num_replicates": "float64",
}  # fmt: skip
BASELINE_COLUMNS = {
    "fold": "int64", "photo": "str", "rule": "str", "delta_e": "float64", "delta_e_inside": "float64",
    "delta_e_outside": "float64", "p_true": "float64", "top1": "float64", "class_loss": "float64",
    "colorfulness": "float64",
}  # fmt: skip
PICTURE_COLUMNS = {"photo": "str", "setting": "str", "fold": "int64", "variant": "str", "jpeg": "object"}
IMPORTANCE_COLUMNS = {
    "fold": "int64", "arm": "str", "objective": "str", "setting_name": "str", "importance": "float64",
    "num_trials": "int64", "quantile": "float64",
}  # fmt: skip

MORE_IS_BETTER = ("top1", "top5", "p_true", "psnr", "ssim", "class_use")

STUDY_DEFAULTS: dict[str, Any] = {
    "name": "", "question": "", "seed": None, "arms": {}, "contrasts": {}, "controls": {}, "margin": {},
    "objectives": {}, "search": {}, "confirm": {}, "epochs": None, "data": {}, "hardware": "", "precision": "",
    "packages": {}, "launched": None, "exported": None, "metrics": {}, "command": "", "resources": {},
    "compromise": {},
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
    """One row a fold and side of a contrast: the role that stands for the arm, and the setting it is trained as."""
    baselines: pd.DataFrame = field(default_factory=lambda: _empty(BASELINE_COLUMNS))
    """One row a fold, test photo and trivial rule: what painting and naming by it would score."""
    pictures: pd.DataFrame = field(default_factory=pd.DataFrame)
    """One small picture a test photo, setting and variant; grey and truth stand there as settings too."""
    importance: pd.DataFrame = field(default_factory=lambda: _empty(IMPORTANCE_COLUMNS))
    """One row a fold, arm, objective and searched setting: how much of the score went with it."""
    colors: dict[str, Any] = field(default_factory=dict)
    """Dominant colours of the photos and what painting by rule would cost; empty where nobody looked."""


@dataclass(frozen=True)
class Metric:
    """What a reader must know about a metric: its words, its unit, which way is better, whose task it measures."""

    key: str
    label: str
    unit: str
    better: str
    """min or max; none where neither direction is."""
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
        baselines=_read_frame(results / "baselines.parquet", BASELINE_COLUMNS, study_dir),
        pictures=_read_frame(results / "pictures.parquet", PICTURE_COLUMNS, study_dir),
        importance=_read_frame(results / "importance.parquet", IMPORTANCE_COLUMNS, study_dir),
        colors=_read_mapping(results / "data_colors.json", study_dir),
    )


def metric(tables: Tables, name: str) -> Metric:
    """The metric behind a name such as test/delta_e; the prefix says which photos it was measured on."""
    key = name.split("/", 1)[-1]
    known = tables.study["metrics"].get(key) or tables.study["metrics"].get(name) or {}
    objectives = {full.split("/", 1)[-1]: better for full, better in tables.study["objectives"].items()}
    fallback = objectives.get(key, "max" if key in MORE_IS_BETTER else "min")
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
    empty = _empty(columns)
    if not path.is_file() or path.stat().st_size == 0:
        return empty
    try:
        frame = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise _unreadable(path, study_dir, error) from error
    if frame.empty:
        extra = {name: frame[name] for name in frame.columns if name not in columns}
        return empty.assign(**extra)
    missing: dict[str, Any] = {
        name: np.nan if "64" in kind else None for name, kind in columns.items() if name not in frame
    }
    filled: dict[str, Any] = {"fold": 0, "variant": ""}  # a study of one fold; a final painting
    return frame.assign(**{name: filled.get(name, value) for name, value in missing.items()})


def _empty(columns: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})

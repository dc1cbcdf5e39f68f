"""The ledger as tables: everything the analysis reads, and all it reads.

results/study.json  trials.parquet  epochs.parquet  photos.parquet  selections.parquet
pictures.parquet: one JPEG a photo, setting and variant, by replicate 1; grey and truth stand there as settings too
importance.parquet: which settings the search's results went with
data_colors.json  baselines.parquet, where the prepared photos lie on this machine
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from study.definition.load import load_study
from study.definition.study import Study
from study.ledger.ledger import Entry, Ledger, now
from study.results.data_summaries import write_summaries
from study.search.selection import select
from study.storage.files import read_json, read_table, table_bytes, write_bytes, write_json
from study.storage.path import StoragePath, publish, workplace
from trainables.config import TrialConfig
from trainables.metrics import METRICS


def write_report(folder: StoragePath) -> Path:
    """Writes tables and report of the study in `folder` anew and gives the folder that holds them: its own, or of an
    object store's study one of this machine.

    Raises ValueError for a study that was never launched.
    """
    from analysis.report import write

    export(folder)
    write(workplace(folder))
    publish(folder, "results", "report")
    return workplace(folder)


def read_verdicts(folder: Path) -> list[dict[str, Any]]:
    """Every contrast with its numbers and verdict, as the report in `folder` has them."""
    found: list[dict[str, Any]] = read_json(folder / "report" / "verdict.json")["contrasts"]
    return found


def export(folder: StoragePath) -> Path:
    """Writes `results/` of the study in `folder` anew and gives its path on this machine.

    Raises ValueError for a study that was never launched.
    """
    ledger = Ledger(folder)
    study = load_study(folder / "study.yaml")
    if not (folder / "fingerprint.json").is_file():
        raise ValueError(f"{folder} holds a study that was never launched (no fingerprint.json): launch it first.")
    fingerprint = read_json(folder / "fingerprint.json")
    results = workplace(folder) / "results"
    results.mkdir(exist_ok=True)
    entries = ledger.entries()
    records = ledger.all_records([entry.name for entry in entries])
    _write(results / "trials.parquet", [_trial_row(entry, records[entry.name]) for entry in entries])
    _write(results / "epochs.parquet", [row for entry in entries for row in _epoch_rows(entry, records[entry.name])])
    _write_photos(results / "photos.parquet", ledger, entries)
    _write(results / "selections.parquet", [dataclasses.asdict(one) for one in select(study, ledger)])
    _write_pictures(results / "pictures.parquet", ledger, entries)
    _write_importance(results / "importance.parquet", study, ledger, entries, fingerprint["launched"])
    write_summaries(folder, study, fingerprint)
    write_json(results / "study.json", _study_document(study, fingerprint))
    return results


def _trial_row(entry: Entry, records: list[Any]) -> dict[str, Any]:
    return {
        "trial": entry.name,
        "arm": entry.arm,
        "phase": entry.phase,
        "setting": entry.setting,
        "source": entry.source,
        "fold": entry.fold,
        "replicate": entry.replicate,
        "state": entry.state,
        "failure_kind": entry.failure_kind,
        "failure_message": entry.failure_message,
        "num_epochs": len(records),
        "seconds": float(sum(record["epoch_seconds"] for record in records)),
        "started": entry.started,
        "ended": entry.ended,
        "searched": json.dumps(entry.searched),
        **{f"config/{field}": value for field, value in entry.config.items()},
    }


def _epoch_rows(entry: Entry, records: list[Any]) -> list[dict[str, Any]]:
    named = {"trial": entry.name, "arm": entry.arm, "phase": entry.phase, "setting": entry.setting}
    return [{**named, "fold": entry.fold, "replicate": entry.replicate, **record} for record in records]


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """One column per key that any row has; a row without it has no value there."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    write_bytes(path, table_bytes(pa.table({name: [row.get(name) for row in rows] for name in names})))


def _write_photos(path: Path, ledger: Ledger, entries: list[Entry]) -> None:
    tables = []
    for entry in entries:
        photos = ledger.trial_folder(entry.name) / "photos.parquet"
        if entry.state == "done" and photos.exists():
            table = read_table(photos)
            fields = {name: getattr(entry, name) for name in ("arm", "setting", "fold", "replicate")}
            fields["trial"] = entry.name
            for name, value in fields.items():
                table = table.append_column(name, pa.array([value] * len(table)))
            tables.append(table)
    # Not every arm has every column: without fusion there are no features to swap.
    write_bytes(path, table_bytes(pa.concat_tables(tables, promote_options="default") if tables else pa.table({})))


def _write_pictures(path: Path, ledger: Ledger, entries: list[Entry]) -> None:
    """Every network of a fold was shown the same photos, so grey and truth are taken from one of them."""
    rows: list[dict[str, Any]] = []
    shown: set[int] = set()
    """Folds whose grey and true photos are in."""
    for entry in entries:
        folder = ledger.trial_folder(entry.name)
        if entry.state != "done" or not (folder / "pictures.parquet").exists():
            continue
        own = {"painted": entry.setting}
        names = own if entry.fold in shown else {"grey": "grey", "truth": "truth", **own}
        shown.add(entry.fold)
        for row in read_table(folder / "pictures.parquet").to_pylist():
            for key, name in names.items():
                fields = {"photo": row["photo"], "setting": name, "fold": entry.fold}
                rows.append({**fields, "variant": "", "jpeg": row[key]})
        if (folder / "variants.parquet").exists():
            for row in read_table(folder / "variants.parquet").to_pylist():
                rows.append({"setting": entry.setting, "fold": entry.fold, **row})
    _write(path, rows)


def _write_importance(path: Path, study: Study, ledger: Ledger, entries: list[Entry], launched: str) -> None:
    """Anew only where a search trial has ended since: scores are dealt out many times, which takes a while."""
    num_ended = sum(entry.finished for entry in entries if entry.phase == "search")
    state = f"{launched} {num_ended}".encode()
    if path.exists() and (read_table(path).schema.metadata or {}).get(b"state") == state:
        return
    # It brings Optuna along.
    from study.search.importance import importance_rows

    rows = importance_rows(study, ledger)
    table = pa.table({name: [row[name] for row in rows] for name in (rows[0] if rows else ())})
    write_bytes(path, table_bytes(table.replace_schema_metadata({"state": state})))


def _study_document(study: Study, fingerprint: dict[str, Any]) -> dict[str, Any]:
    arms = {arm: {"overrides": study.arms[arm], "tasks": sorted(study.arm_tasks(arm))} for arm in study.arms}
    families = {
        family: {name: contrast.model_dump() for name, contrast in contrasts.items()}
        for family, contrasts in study.families.items()
    }
    data = dict(fingerprint["data"])
    confirm = study.confirm.model_dump()
    confirm |= {"looks": study.confirm.all_looks, "shares": study.confirm.shares}
    confirm["replicates"] = study.confirm.num_replicates
    return {
        "name": study.name,
        "question": study.question,
        "seed": study.seed,
        "arms": arms,
        "contrasts": families["primary"],
        "controls": families["controls"],
        "margin": dict(study.margin),
        "objectives": dict(study.objectives),
        "search": study.search.model_dump(),
        "confirm": confirm,
        "compromise": dict(study.compromise),
        "resources": study.resources.model_dump(),
        "space": dict(study.space),
        "epochs": study.epochs,
        "config_fields": [field.name for field in dataclasses.fields(TrialConfig)],
        "metrics": {name: dataclasses.asdict(metric) for name, metric in METRICS.items()},
        "exported": now(),
        **fingerprint,
        "data": {**data, "classes_without_training": data.get("classes_never_trained", [])},
    }

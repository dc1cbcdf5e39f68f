"""Two finished studies side by side: what differs, both verdicts, chosen settings, cost, and what may not be compared.

It reads each study's file, tables and verdict and judges nothing anew: no test between studies is made.
"""

import json
from dataclasses import dataclass
from typing import Any

from study.definition.changes import field_differences
from study.storage.files import read_json, read_table
from study.storage.path import StoragePath, read_bytes

NUMBERS = ("verdict", "effect", "low_95", "high_95", "treatment_mean", "control_mean", "num_replicates", "num_photos")
"""What is shown of a contrast, as report/verdict.json names it."""

TEST_PHOTOS = ("seed", "data.test_share", "data.split", "confirm.folds")
"""Fields that choose the test photos out of all."""

NO_TEST = (
    "Each verdict stands on its own photos and trainings. Intervals that overlap do not show that two studies agree, "
    "and no test between them is made."
)


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of the two studies, as read."""

    folder: StoragePath
    document: str
    """The study file's text."""
    results: dict[str, Any]
    """results/study.json."""
    verdict: dict[str, Any]
    """report/verdict.json."""
    trials: list[dict[str, Any]]
    selections: list[dict[str, Any]]

    @property
    def contrasts(self) -> dict[str, dict[str, Any]]:
        """The rows of the verdict by name, primary family first."""
        return {row["contrast"]: row for row in self.verdict["contrasts"]}


def read_side(folder: StoragePath) -> Side:
    """A study's folder as exported.

    Raises:
        ValueError: no study, or one without tables and report.
    """
    if not (folder / "study.yaml").is_file():
        raise ValueError(f"{folder} holds no study (no study.yaml): give the folder that launch printed.")
    needed = [folder / "results" / name for name in ("study.json", "trials.parquet", "selections.parquet")]
    needed.append(folder / "report" / "verdict.json")
    missing = [path for path in needed if not path.is_file()]
    if missing:
        raise ValueError(
            f"{folder} has no {missing[0].parent.name}/{missing[0].name} yet: write it with tintune report {folder}"
        )
    return Side(
        folder=folder.absolute(),
        document=read_bytes(folder / "study.yaml").decode(),
        results=read_json(needed[0]),
        verdict=read_json(needed[3]),
        trials=read_table(needed[1]).to_pylist(),
        selections=read_table(needed[2]).to_pylist(),
    )


def compare(a: Side, b: Side) -> dict[str, Any]:
    """All that `tintune compare` says, for programs and for the tables; where something is absent it is None."""
    in_file = [{"field": name, "a": one, "b": other} for name, one, other in field_differences(a.document, b.document)]
    outside = _outside(a, b)
    cautions = _cautions(a, b, in_file)
    return {
        "studies": {key: _head(side) for key, side in (("a", a), ("b", b))},
        "in_file": in_file,
        "outside": outside,
        "not_comparable": cautions,
        "note": NO_TEST,
        "contrasts": [_contrast(a, b, name, bool(cautions)) for name in dict.fromkeys([*a.contrasts, *b.contrasts])],
        "settings": _settings(a, b),
        "cost": {key: _cost(side) for key, side in (("a", a), ("b", b))},
    }


def _head(side: Side) -> dict[str, Any]:
    kept = {name: side.results[name] for name in ("name", "question", "launched", "exported")}
    return {"folder": side.folder, **kept, "answer": side.verdict["lines"]}


def _outside(a: Side, b: Side) -> list[dict[str, Any]]:
    """What the fingerprints say: photos, code, packages, hardware, precision."""
    found = [_facts(side) for side in (a, b)]
    names = dict.fromkeys([*found[0], *found[1]])
    return [
        {"what": name, "a": found[0].get(name), "b": found[1].get(name)}
        for name in names
        if found[0].get(name) != found[1].get(name)
    ]


def _facts(side: Side) -> dict[str, Any]:
    results, data = side.results, side.results["data"]
    photos = {"photos' digest": data["digest"], "photos": data["num_photos"], "test photos": data["num_test"]}
    machine = {"hardware": results["hardware"], "precision": results.get("precision", "not recorded")}
    return {**photos, "code of trainables/": results["code"], **machine, **results["packages"]}


def _cautions(a: Side, b: Side, in_file: list[dict[str, Any]]) -> list[str]:
    """Why the two studies' errors are not errors of the same thing; empty where they are."""
    changed = {row["field"]: (row["a"], row["b"]) for row in in_file}
    found = []
    if "data.dataset" in changed or _photos(a) != _photos(b):
        found.append("Other photos: an effect on one set of photos says nothing of the other's size.")
    if "data.image_size" in changed:
        one, other = changed["data.image_size"]
        found.append(f"Other image size ({one} and {other} px): errors are measured on other pixels.")
    elif not found and a.results["data"]["digest"] != b.results["data"]["digest"]:
        found.append("Other photos by their digest, though equal in number and classes: errors are of other photos.")
    if any(name in changed for name in TEST_PHOTOS):
        names = ", ".join(name for name in TEST_PHOTOS if name in changed)
        found.append(f"Other test photos ({names}): means are of other photos, and differ for that alone.")
    for side, key in ((a, "A"), (b, "B")):
        left = sum(row["state"] in ("queued", "running") for row in side.trials)
        if left:
            found.append(f"{key} is not finished: {left} of its trials have not ended.")
    return found


def _photos(side: Side) -> tuple[Any, ...]:
    return side.results["data"]["num_photos"], tuple(side.results["data"]["class_names"])


def _contrast(a: Side, b: Side, name: str, other_photos: bool) -> dict[str, Any]:
    rows = [side.contrasts.get(name) for side in (a, b)]
    known = next(row for row in rows if row is not None)
    reasons = []
    if None in rows:
        reasons.append("only one study has it")
    elif rows[0] and rows[1]:
        for what, key in (("metric", "metric"), ("treatment", "treatment_arm"), ("control", "control_arm")):
            if rows[0][key] != rows[1][key]:
                reasons.append(f"other {what}: {rows[0][key]} and {rows[1][key]}")
        if other_photos:
            reasons.append("other photos, or a study that is not finished: see what may not be compared")
        if rows[0]["margin"] != rows[1]["margin"]:
            reasons.append(
                f"other margin ({rows[0]['margin']} and {rows[1]['margin']}): the verdicts' words differ in meaning"
            )
    shown = [None if row is None else {"margin": row["margin"], **{key: row[key] for key in NUMBERS}} for row in rows]
    head = {key: known[key] for key in ("contrast", "family", "metric", "unit", "better")}
    return {**head, "a": shown[0], "b": shown[1], "comparable": not reasons, "why_not": "; ".join(reasons)}


def _settings(a: Side, b: Side) -> list[dict[str, Any]]:
    """What each fold's search chose for each side of each contrast, in either study."""
    chosen = [_chosen(side) for side in (a, b)]
    keys = dict.fromkeys([*chosen[0], *chosen[1]])
    return [
        {
            "contrast": contrast,
            "side": side,
            "fold": fold,
            **{key: one.get((contrast, side, fold)) for key, one in zip("ab", chosen, strict=True)},
        }
        for contrast, side, fold in keys
    ]


def _chosen(side: Side) -> dict[tuple[str, str, int], dict[str, Any]]:
    searched = {row["trial"]: json.loads(row["searched"]) for row in side.trials}
    return {
        (row["contrast"], row["side"], row["fold"]): {
            "trial": row["source"],
            "settings": searched.get(row["source"], {}),
        }
        for row in side.selections
    }


def _cost(side: Side) -> dict[str, Any]:
    ended = {state: sum(row["state"] == state for row in side.trials) for state in ("done", "stopped", "failed")}
    return {
        "trials": len(side.trials),
        **ended,
        "epochs": sum(row["num_epochs"] for row in side.trials),
        "device_hours": sum(row["seconds"] for row in side.trials) / 3600,
    }

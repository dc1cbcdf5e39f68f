"""Writes the tables of a study that was never trained: known effects, crossed noise, every kind of end."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

ARMS: dict[str, dict[str, Any]] = {
    "joint": {"overrides": {"class_loss_weight": {"log_uniform": [1.0e-3, 0.1]}}, "tasks": ["color", "class"]},
    "color_only": {"overrides": {"class_loss_weight": 0}, "tasks": ["color"]},
    "class_only": {"overrides": {"color_loss_weight": 0, "class_loss_weight": 1}, "tasks": ["class"]},
    "no_fusion": {"overrides": {"fusion": False}, "tasks": ["color", "class"]},
}
METRICS = {
    "delta_e": {"label": "Color difference", "unit": "CIEDE2000", "better": "min", "task": "color"},
    "color_mse": {"label": "Color error", "unit": "(ab/200+0.5)^2", "better": "min", "task": "color"},
    "top1": {"label": "Top-1 accuracy", "unit": "share", "better": "max", "task": "class"},
}
SETTINGS = {
    "joint.color": "joint",
    "joint.naming": "joint",
    "color_only": "color_only",
    "class_only": "class_only",
    "no_fusion": "no_fusion",
}
CATEGORIES = ("Apple", "Banana", "Carrot", "Lemon", "Plum", "Tomato")
NUM_EPOCHS = 12
DEFAULTS = {"color_loss_weight": 1.0, "class_loss_weight": 0.003, "optimizer": "adamw", "learning_rate": 1e-3}
LOSS_WEIGHTS = {
    "color_only": {"class_loss_weight": 0.0},
    "class_only": {"color_loss_weight": 0.0, "class_loss_weight": 1.0},
}


def study_json(num_replicates: int) -> dict[str, Any]:
    return {
        "name": "synthetic",
        "question": "Does naming the fruit help to colour it, and does colouring help to name it?",
        "seed": 0,
        "arms": ARMS,
        "contrasts": {
            "color": {"treatment": "joint", "control": "color_only", "metric": "test/delta_e"},
            "naming": {"treatment": "joint", "control": "class_only", "metric": "test/top1"},
        },
        "controls": {"fusion": {"treatment": "joint", "control": "no_fusion", "metric": "test/delta_e"}},
        "margin": {"test/delta_e": 0.5, "test/top1": 0.03},
        "objectives": {"val/delta_e": "min", "val/top1": "max"},
        "search": {
            "trials_per_arm": 6, "sampler": "tpe", "early_stopping": "pareto_halving", "min_epochs": 4,
            "reduction_factor": 3,
        },
        "confirm": {"replicates": num_replicates, "twins": False},
        "epochs": NUM_EPOCHS,
        "data": {
            "dataset": "orchard", "image_size": 32, "seed": 0, "split": "pool", "num_photos": 720, "num_classes": 6,
            "class_names": list(CATEGORIES), "skipped": [], "constant_color": {"delta_e": 15.0, "color_mse": 0.02},
        },
        "hardware": "2 CPU cores", "packages": {}, "launched": "2026-11-23T06:00:00+00:00",
        "exported": "2026-11-23T07:00:00+00:00", "metrics": METRICS,
        "command": "tintune launch study/catalog/quickstart.yaml",
    }  # fmt: skip


def photo_table(num_replicates: int, num_photos: int, effects: dict[str, float], seed: int) -> pd.DataFrame:
    """Crossed noise: every replicate and every photo has its own luck with each setting, besides what both share."""
    rng = np.random.default_rng(seed)
    hardness_P = rng.normal(0, 1.5, num_photos)
    frames = []
    for setting, arm in SETTINGS.items():
        luck_RP = rng.normal(0, 0.15, (num_replicates, 1)) + rng.normal(0, 0.6, (1, num_photos))
        luck_RP = luck_RP + rng.normal(0, 0.7, (num_replicates, num_photos))
        delta_e_RP = 9 + effects.get(setting, 0.0) + hardness_P + luck_RP
        chance_RP = np.clip(0.5 + effects.get(f"{setting}/top1", 0.0) - 0.08 * (hardness_P + luck_RP), 0.02, 0.98)
        top1_RP = (rng.random(chance_RP.shape) < chance_RP).astype(float)
        replicate_RP, photo_RP = np.indices(delta_e_RP.shape)
        category_RP = photo_RP % len(CATEGORIES)
        category = [CATEGORIES[index] for index in category_RP.ravel()]
        frame = pd.DataFrame({"replicate": replicate_RP.ravel() + 1, "category": category})
        frame["photo"] = [f"{name}/{name}{p}.jpg" for name, p in zip(category, photo_RP.ravel(), strict=True)]
        frame["trial"] = [f"{setting}-confirm-{r}" for r in frame["replicate"]]
        frame = frame.assign(
            arm=arm, setting=setting, delta_e=delta_e_RP.ravel(), color_mse=delta_e_RP.ravel() ** 2 / 1e4
        )
        frame = frame.assign(psnr=20.0, ssim=0.8, top1=top1_RP.ravel(), top5=1.0, class_loss=1.2, predicted=category)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def concept_table(photos: pd.DataFrame, effects: dict[str, float], seed: int) -> pd.DataFrame:
    """The columns of feature swaps and regions beside each row, with crossed noise; "setting/class_use" is the truth.

    Arms that do not colour have none, without fusion there are no features to swap, and every tenth photo has no
    object that can be told from its background.
    """
    rng = np.random.default_rng([seed, 1])
    replicate_N, photo_N = (pd.factorize(photos[name])[0] for name in ("replicate", "photo"))
    luck_N = rng.normal(0, 0.1, replicate_N.max() + 1)[replicate_N] + rng.normal(0, 0.3, photo_N.max() + 1)[photo_N]
    same_N = photos["delta_e"] + 0.4 + rng.normal(0, 0.1, len(photos))
    use_N = photos["setting"].map({name: effects.get(f"{name}/class_use", 0.0) for name in SETTINGS})
    columns = pd.DataFrame({"delta_e_mean_features": photos["delta_e"] + 0.2, "delta_e_same_class_features": same_N})
    columns["delta_e_other_class_features"] = same_N + use_N + luck_N + rng.normal(0, 0.2, len(photos))
    columns = columns.where(photos["arm"] != "no_fusion")
    columns["delta_e_inside"], columns["delta_e_outside"] = photos["delta_e"] * 1.5, photos["delta_e"] * 0.5
    columns.loc[photo_N % 10 == 0, ["delta_e_inside", "delta_e_outside"]] = np.nan
    return columns.where(photos["arm"] != "class_only")


def trial_table(num_replicates: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for arm in ARMS:
        for index in range(6):
            state = "failed" if (arm, index) == ("no_fusion", 5) else "stopped" if index == 4 else "done"
            epochs = {"done": NUM_EPOCHS, "stopped": 4, "failed": 2}[state]
            searched = {"learning_rate": float(10 ** rng.uniform(-4, -2)), "optimizer": ("adamw", "sgd")[index % 2]}
            if "class" in ARMS[arm]["tasks"] and "color" in ARMS[arm]["tasks"]:
                searched["class_loss_weight"] = float(10 ** rng.uniform(-3, -1))
            rows.append((f"{arm}-search-{index}", arm, "search", "", "", 0, state, epochs, json.dumps(searched)))
    for setting, arm in SETTINGS.items():
        for replicate in range(1, num_replicates + 1):
            name = f"{setting}-confirm-{replicate}"
            rows.append((name, arm, "confirm", setting, f"{arm}-search-0", replicate, "done", NUM_EPOCHS, "{}"))
    columns = ["trial", "arm", "phase", "setting", "source", "replicate", "state", "num_epochs", "searched"]
    trials = pd.DataFrame(rows, columns=columns)
    failed = trials["state"] == "failed"
    sources = dict(zip(trials["trial"], trials["searched"], strict=True))
    settings = [
        json.loads(sources[source] if source else own)
        for source, own in zip(trials["source"], trials["searched"], strict=True)
    ]
    weights = [LOSS_WEIGHTS.get(arm, {}) for arm in trials["arm"]]
    configs = pd.DataFrame([{**DEFAULTS, **one, **fixed} for one, fixed in zip(settings, weights, strict=True)])
    trials = trials.join(configs.add_prefix("config/"))
    return trials.assign(
        seconds=trials["num_epochs"] * 1.5,
        failure_kind=np.where(failed, "not_finite", ""),
        failure_message=np.where(failed, "train/total_loss is nan in epoch 3, step 7.", ""),
        started="2026-11-23T06:00:00+00:00", ended="2026-11-23T06:10:00+00:00", num_parameters=1_234_567,
    )  # fmt: skip


def epoch_table(trials: pd.DataFrame, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frames = []
    for row in trials.itertuples():
        epoch = np.arange(1, row.num_epochs + 1)
        start = pd.DataFrame({"epoch": epoch}).assign(
            trial=row.trial, arm=row.arm, phase=row.phase, replicate=row.replicate
        )
        final = 9 + rng.normal(0, 0.4) + (0.8 if row.arm == "no_fusion" else 0)
        top1 = 0.5 + rng.normal(0, 0.05)
        start["val/delta_e"] = final + 6 * np.exp(-epoch / 3) + rng.normal(0, 0.1, len(epoch))
        if row.arm == "class_only":
            # What an arm does not train is measured in its last epoch alone.
            start["val/delta_e"] = start["val/delta_e"].where(epoch == NUM_EPOCHS)
        start["val/top1"] = (top1 * (1 - np.exp(-epoch / 4)) + rng.normal(0, 0.01, len(epoch))).clip(0, 1)
        frames.append(start)
    return pd.concat(frames, ignore_index=True)


def selection_table() -> pd.DataFrame:
    rows = [
        ("primary", "color", "treatment", "joint", "joint.color", "val/delta_e"),
        ("primary", "color", "control", "color_only", "color_only", "val/delta_e"),
        ("primary", "naming", "treatment", "joint", "joint.naming", "val/top1"),
        ("primary", "naming", "control", "class_only", "class_only", "val/top1"),
        ("controls", "fusion", "treatment", "joint", "joint.color", "val/delta_e"),
        ("controls", "fusion", "control", "no_fusion", "no_fusion", "val/delta_e"),
    ]
    frame = pd.DataFrame(rows, columns=["family", "contrast", "side", "arm", "setting", "metric"])
    return frame.assign(source=frame["arm"] + "-search-0", value=7.0)


def colors_json() -> dict[str, Any]:
    """Photos that are half white; of the rest three quarters red, a quarter green."""

    def swatch(name: str, code: str, share: float) -> dict[str, Any]:
        return {"lightness": 50.0, "a": 10.0, "b": 10.0, "share": share, "hex": code, "name": name}

    errors = {"no colour": 11.0, "one colour": 16.0, "one colour a lightness": 9.0}
    errors |= {"one colour a category": 14.0, "one colour a category and lightness": 4.0}
    one = {
        "num_photos": 120, "near_white": 0.5, "mean": swatch("beige", "#e6daa6", 1.0), "delta_e": errors,
        "dominant": [swatch("red", "#c82828", 0.75), swatch("green", "#28a03c", 0.25)],
    }  # fmt: skip
    return {
        "digest": "", "image_size": 32, "pixels_per_photo": 1024, "near_white_rule": "lightness above 92",
        "whole": {**one, "category": "", "num_photos": 720},
        "categories": [{**one, "category": name} for name in CATEGORIES],
        "predictors": {name: f"what {name} is" for name in errors},
    }  # fmt: skip


def jpeg_bytes(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (shade, 90, 90)).save(buffer, "JPEG")
    return buffer.getvalue()


def picture_table(photos: pd.DataFrame) -> pd.DataFrame:
    """A picture of each photo by each setting, the shade of red saying which."""
    names = ["grey", "truth", *SETTINGS]
    pictures = {name: jpeg_bytes(30 * place) for place, name in enumerate(names)}
    return pd.DataFrame(
        [(photo, name, pictures[name]) for photo in photos["photo"].unique() for name in names],
        columns=["photo", "setting", "jpeg"],
    )


def write_study(
    folder: Path,
    *,
    num_replicates: int = 6,
    num_photos: int = 60,
    effects: dict[str, float] | None = None,
    seed: int = 1,
) -> Path:
    """A whole study's results/ under folder.

    effects: setting -> shift of delta_e, "setting/top1" -> shift of top1, "setting/class_use" -> error with features of
    another class minus error with those of the same class.
    """
    results = folder / "results"
    results.mkdir(parents=True)
    trials = trial_table(num_replicates, seed)
    (results / "study.json").write_text(json.dumps(study_json(num_replicates)), encoding="utf-8")
    trials.to_parquet(results / "trials.parquet")
    epoch_table(trials, seed).to_parquet(results / "epochs.parquet")
    photos = photo_table(num_replicates, num_photos, effects or {}, seed)
    picture_table(photos).to_parquet(results / "pictures.parquet")
    photos = photos.join(concept_table(photos, effects or {}, seed))
    photos.to_parquet(results / "photos.parquet")
    selection_table().to_parquet(results / "selections.parquet")
    (results / "data_colors.json").write_text(json.dumps(colors_json()), encoding="utf-8")
    return folder

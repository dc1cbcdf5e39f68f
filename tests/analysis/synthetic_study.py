"""Writes the tables of a study that was never trained: known effects, crossed noise, every kind of end.

Of both kinds: one fold and one look at all replicates, judged on delta_e and top1; or, with num_folds above 1, folds
with a search each and looks, judged on delta_e_inside and p_true, with joint.both, class use and twins.
"""

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
    "delta_e_inside": {"label": "Color difference inside", "unit": "CIEDE2000", "better": "min", "task": "color"},
    "delta_e_outside": {"label": "Color difference outside", "unit": "CIEDE2000", "better": "min", "task": "color"},
    "color_mse": {"label": "Color error", "unit": "(ab/200+0.5)^2", "better": "min", "task": "color"},
    "colorfulness": {"label": "Colorfulness", "unit": "", "better": "none", "task": "color"},
    "chroma_ratio": {"label": "Ratio of chroma", "unit": "", "better": "none", "task": "color"},
    "top1": {"label": "Top-1 accuracy", "unit": "share", "better": "max", "task": "class"},
    "p_true": {"label": "Probability of the true class", "unit": "share", "better": "max", "task": "class"},
    "class_loss": {"label": "Cross-entropy", "unit": "nats", "better": "min", "task": "class"},
    "class_use": {"label": "Class use", "unit": "CIEDE2000", "better": "max", "task": "color"},
}
SETTINGS = {
    "joint.color": "joint",
    "joint.naming": "joint",
    "color_only": "color_only",
    "class_only": "class_only",
    "no_fusion": "no_fusion",
}
BOTH, TWINS = "joint.both", ("joint.color.color.twin", "joint.naming.class.twin")
TWIN_OF = {TWINS[0]: "color_only", TWINS[1]: "class_only"}
"""A twin's own effect is that of the specialist, unless effects names it."""
SHARED_FOLD = 1
"""There joint.both chose the same trial as joint.color, so it is trained under that name."""
GREY, ONE_COLOR, CATEGORY_COLOR = 11.2, 15.0, 7.0
"""Mean delta_e of painting by rule; networks are at 9 without an effect."""
CATEGORIES = ("Apple", "Banana", "Carrot", "Lemon", "Plum", "Tomato")
NUM_EPOCHS = 12
DEFAULTS = {"color_loss_weight": 1.0, "class_loss_weight": 0.003, "optimizer": "adamw", "learning_rate": 1e-3}
LOSS_WEIGHTS = {
    "color_only": {"class_loss_weight": 0.0},
    "class_only": {"color_loss_weight": 0.0, "class_loss_weight": 1.0},
}


def study_json(num_replicates: int, num_folds: int = 1, looks: tuple[int, ...] | None = None) -> dict[str, Any]:
    color, naming = metrics_of(num_folds)
    contrasts = {
        "color": {"treatment": "joint", "control": "color_only", "metric": f"test/{color}"},
        "naming": {"treatment": "joint", "control": "class_only", "metric": f"test/{naming}"},
    }
    controls = {"fusion": {"treatment": "joint", "control": "no_fusion", "metric": f"test/{color}"}}
    margin = {"test/delta_e": 0.5, f"test/{color}": 0.5, f"test/{naming}": 0.03}
    confirm: dict[str, Any] = {"replicates": num_replicates, "twins": num_folds > 1, "folds": num_folds}
    confirm |= {"looks": [num_replicates], "shares": [1.0]}
    if num_folds > 1:
        controls["class use"] = {"treatment": "joint", "control": "color_only", "metric": "test/class_use"}
        margin["test/class_use"] = 0.3
        looks = looks or (1, 2)
        shares = [0.1, 0.9] if looks[0] == 1 else [0.2, 0.8]
        confirm |= {"looks": list(looks), "shares": shares if len(looks) == 2 else [1 / len(looks)] * len(looks)}
    return {
        "name": "synthetic",
        "question": "Does naming the fruit help to colour it, and does colouring help to name it?",
        "seed": 0,
        "arms": ARMS,
        "contrasts": contrasts,
        "controls": controls,
        "margin": margin,
        "objectives": {f"val/{color}": "min", f"val/{naming}": "max"},
        "compromise": {f"val/{color}": 0.5, f"val/{naming}": 0.03} if num_folds > 1 else {},
        "search": {
            "trials_per_arm": 6, "sampler": "tpe", "early_stopping": "pareto_halving", "min_epochs": 4,
            "reduction_factor": 3,
        },
        "confirm": confirm,
        "epochs": NUM_EPOCHS,
        "data": {
            "dataset": "orchard", "image_size": 32, "seed": 0, "split": "pool", "num_photos": 720, "num_classes": 6,
            "class_names": list(CATEGORIES), "skipped": [],
        },
        "hardware": "2 CPU cores", "packages": {}, "launched": "2026-11-23T06:00:00+00:00",
        "exported": "2026-11-23T07:00:00+00:00", "metrics": METRICS,
        "command": "tintune launch study/catalog/quickstart.yaml",
    }  # fmt: skip


def metrics_of(num_folds: int) -> tuple[str, str]:
    """What the two primary contrasts are judged on."""
    return ("delta_e", "top1") if num_folds == 1 else ("delta_e_inside", "p_true")


def roles_of(num_folds: int) -> dict[str, str]:
    """What is confirmed, by its arm."""
    more = {BOTH: "joint", **dict.fromkeys(TWINS, "joint")} if num_folds > 1 else {}
    return {**SETTINGS, **more}


def is_trained(role: str, fold: int) -> bool:
    return not (role == BOTH and fold == SHARED_FOLD)


def confirm_name(setting: str, fold: int, replicate: int, num_folds: int) -> str:
    return f"{setting}-confirm-{replicate}" if num_folds == 1 else f"{setting}-confirm-{fold}-{replicate}"


def search_name(arm: str, fold: int, index: int, num_folds: int) -> str:
    return f"{arm}-search-{index}" if num_folds == 1 else f"{arm}-search-{fold}-{index}"


def photo_table(
    num_replicates: int,
    num_photos: int,
    effects: dict[str, float],
    seed: int,
    num_folds: int = 1,
    search_spread: float = 0.15,
) -> pd.DataFrame:
    """Crossed noise: every replicate and every photo has its own luck with each setting, besides what both share.

    With folds every photo is tested in one, and a setting has its own luck of the search and of replicates there.
    """
    rng = np.random.default_rng(seed)
    hardness_P = rng.normal(0, 1.5, num_photos)
    fold_P = np.arange(num_photos) // len(CATEGORIES) % num_folds
    frames = []
    for setting, arm in roles_of(num_folds).items():
        if num_folds == 1:
            replicate_luck_RP = rng.normal(0, 0.15, (num_replicates, 1))
        else:
            replicate_luck_RP = rng.normal(0, 0.15, (num_replicates, num_folds))[:, fold_P]
            replicate_luck_RP = replicate_luck_RP + rng.normal(0, search_spread, num_folds)[fold_P]
        luck_RP = replicate_luck_RP + rng.normal(0, 0.6, (1, num_photos))
        luck_RP = luck_RP + rng.normal(0, 0.7, (num_replicates, num_photos))
        like = TWIN_OF.get(setting, setting)
        effect, top1, p_true = (
            effects.get(f"{setting}{what}", effects.get(f"{like}{what}", 0.0)) for what in ("", "/top1", "/p_true")
        )
        delta_e_RP = 9 + effect + hardness_P + luck_RP
        chance_RP = np.clip(0.5 + top1 - 0.08 * (hardness_P + luck_RP), 0.02, 0.98)
        top1_RP = (rng.random(chance_RP.shape) < chance_RP).astype(float)
        p_true_RP = np.clip(0.6 + p_true - 0.03 * (hardness_P + luck_RP), 0.01, 0.99)
        replicate_RP, photo_RP = np.indices(delta_e_RP.shape)
        category_RP = photo_RP % len(CATEGORIES)
        category = [CATEGORIES[index] for index in category_RP.ravel()]
        frame = pd.DataFrame({"replicate": replicate_RP.ravel() + 1, "category": category})
        frame["fold"] = np.broadcast_to(fold_P, delta_e_RP.shape).ravel()
        frame["photo"] = [f"{name}/{name}{p}.jpg" for name, p in zip(category, photo_RP.ravel(), strict=True)]
        places = zip(frame["fold"], frame["replicate"], strict=True)
        frame["trial"] = [confirm_name(setting, fold, replicate, num_folds) for fold, replicate in places]
        frame = frame.assign(
            arm=arm, setting=setting, delta_e=delta_e_RP.ravel(), color_mse=delta_e_RP.ravel() ** 2 / 1e4
        )
        frame = frame.assign(psnr=20.0, ssim=0.8, top1=top1_RP.ravel(), top5=1.0, predicted=category)
        frame = frame.assign(p_true=p_true_RP.ravel(), class_loss=-np.log(p_true_RP.ravel()))
        frame = frame.assign(colorfulness=20.0, chroma_ratio=0.8, true_colorfulness=30.0)
        frames.append(frame[[is_trained(setting, fold) for fold in frame["fold"]]])
    return pd.concat(frames, ignore_index=True)


def concept_table(photos: pd.DataFrame, effects: dict[str, float], seed: int) -> pd.DataFrame:
    """The columns of feature swaps and regions beside each row, with crossed noise; "setting/class_use" is the truth,
    "setting/profit" (0.2 unless given) how much better own features are than the mean of all.

    Arms that do not colour have none, without fusion there are no features to swap, and every tenth photo has no
    object that can be told from its background.
    """
    rng = np.random.default_rng([seed, 1])
    training = photos["fold"].astype(str) + "/" + photos["replicate"].astype(str)
    replicate_N, photo_N = (pd.factorize(one)[0] for one in (training, photos["photo"]))
    luck_N = rng.normal(0, 0.1, replicate_N.max() + 1)[replicate_N] + rng.normal(0, 0.3, photo_N.max() + 1)[photo_N]
    same_N = photos["delta_e"] + 0.4 + rng.normal(0, 0.1, len(photos))
    names = photos["setting"].unique()
    use_N = photos["setting"].map({name: effects.get(f"{name}/class_use", 0.0) for name in names})
    profit_N = photos["setting"].map({name: effects.get(f"{name}/profit", 0.2) for name in names})
    columns = pd.DataFrame({"delta_e_mean_features": photos["delta_e"] + profit_N})
    columns["delta_e_same_class_features"] = same_N
    columns["delta_e_other_class_features"] = same_N + use_N + luck_N + rng.normal(0, 0.2, len(photos))
    columns["class_use"] = columns["delta_e_other_class_features"] - columns["delta_e_same_class_features"]
    columns = columns.where(photos["arm"] != "no_fusion")
    columns["delta_e_inside"], columns["delta_e_outside"] = photos["delta_e"] * 1.5, photos["delta_e"] * 0.5
    columns.loc[photo_N % 10 == 0, ["delta_e_inside", "delta_e_outside"]] = np.nan
    return columns.where(photos["arm"] != "class_only")


def baseline_table(photos: pd.DataFrame) -> pd.DataFrame:
    """Painting grey, in one colour, in the category's colour, and naming by frequency: a row a test photo and rule."""
    tested = photos.drop_duplicates("photo")[["fold", "photo"]]
    has_object = (pd.factorize(tested["photo"])[0] % 10 != 0).astype(float)
    has_object[has_object == 0] = np.nan
    frames = []
    for rule, error in (("grey", GREY), ("one colour", ONE_COLOR), ("category's colour", CATEGORY_COLOR)):
        regions = {"delta_e_inside": 1.5 * error * has_object, "delta_e_outside": 0.5 * error * has_object}
        frames.append(tested.assign(rule=rule, delta_e=error, **regions, colorfulness=0.0 if rule == "grey" else 10.0))
    share = 1 / len(CATEGORIES)
    frames.append(tested.assign(rule="class frequencies", p_true=share, top1=share, class_loss=-np.log(share)))
    columns = ["delta_e", "delta_e_inside", "delta_e_outside", "p_true", "top1", "class_loss", "colorfulness"]
    return pd.concat(frames, ignore_index=True).reindex(columns=["fold", "photo", "rule", *columns])


def trial_table(num_replicates: int, seed: int, num_folds: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for fold in range(num_folds):
        for arm in ARMS:
            for index in range(6):
                state = "failed" if (arm, index) == ("no_fusion", 5) else "stopped" if index == 4 else "done"
                epochs = {"done": NUM_EPOCHS, "stopped": 4, "failed": 2}[state]
                searched = {"learning_rate": float(10 ** rng.uniform(-4, -2)), "optimizer": ("adamw", "sgd")[index % 2]}
                if "class" in ARMS[arm]["tasks"] and "color" in ARMS[arm]["tasks"]:
                    searched["class_loss_weight"] = float(10 ** rng.uniform(-3, -1))
                name = search_name(arm, fold, index, num_folds)
                rows.append((name, arm, "search", "", "", fold, 0, state, epochs, json.dumps(searched)))
    for setting, arm in roles_of(num_folds).items():
        for fold in range(num_folds):
            for replicate in range(1, num_replicates + 1):
                name, source = confirm_name(setting, fold, replicate, num_folds), search_name(arm, fold, 0, num_folds)
                if is_trained(setting, fold):
                    rows.append((name, arm, "confirm", setting, source, fold, replicate, "done", NUM_EPOCHS, "{}"))
    columns = ["trial", "arm", "phase", "setting", "source", "fold", "replicate", "state", "num_epochs", "searched"]
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
            trial=row.trial, arm=row.arm, phase=row.phase, fold=row.fold, replicate=row.replicate
        )
        final = 9 + rng.normal(0, 0.4) + (0.8 if row.arm == "no_fusion" else 0)
        top1 = 0.5 + rng.normal(0, 0.05)
        start["val/delta_e"] = final + 6 * np.exp(-epoch / 3) + rng.normal(0, 0.1, len(epoch))
        if row.arm == "class_only":
            # What an arm does not train is measured in its last epoch alone.
            start["val/delta_e"] = start["val/delta_e"].where(epoch == NUM_EPOCHS)
        start["val/top1"] = (top1 * (1 - np.exp(-epoch / 4)) + rng.normal(0, 0.01, len(epoch))).clip(0, 1)
        start["val/delta_e_inside"], start["val/p_true"] = 1.5 * start["val/delta_e"], start["val/top1"]
        frames.append(start)
    return pd.concat(frames, ignore_index=True)


def selection_table(num_folds: int = 1, num_replicates: int = 6, seed: int = 1) -> pd.DataFrame:
    """With folds the scores on val are like the trials' last epochs: some way apart, none far off."""
    rng = np.random.default_rng([seed, 2])
    color, naming = metrics_of(num_folds)
    rows = [
        ("primary", "color", "treatment", "joint", "joint.color", f"val/{color}"),
        ("primary", "color", "control", "color_only", "color_only", f"val/{color}"),
        ("primary", "naming", "treatment", "joint", "joint.naming", f"val/{naming}"),
        ("primary", "naming", "control", "class_only", "class_only", f"val/{naming}"),
        ("controls", "fusion", "treatment", "joint", "joint.color", f"val/{color}"),
        ("controls", "fusion", "control", "no_fusion", "no_fusion", f"val/{color}"),
    ]
    if num_folds > 1:
        rows += [
            ("both", "both, color", "treatment", "joint", BOTH, "compromise"),
            ("both", "both, color", "control", "color_only", "color_only", f"val/{color}"),
            ("both", "both, naming", "treatment", "joint", BOTH, "compromise"),
            ("both", "both, naming", "control", "class_only", "class_only", f"val/{naming}"),
            ("controls", "class use", "treatment", "joint", "joint.color", f"val/{color}"),
            ("controls", "class use", "control", "color_only", "color_only", f"val/{color}"),
        ]
    frame = pd.DataFrame(rows, columns=["family", "contrast", "side", "arm", "role", "metric"])
    frame["setting"], frame["value"], frame["num_replicates"] = frame["role"], 7.0, num_replicates
    frames = []
    for fold in range(num_folds):
        one = frame.assign(fold=fold, source=[search_name(arm, fold, 0, num_folds) for arm in frame["arm"]])
        if num_folds > 1:
            shared = (one["role"] == BOTH) & (fold == SHARED_FOLD)
            one["setting"] = one["setting"].where(~shared, "joint.color")
            luck = {role: float(rng.normal()) for role in one["role"].unique()}
            level, deviation = (
                one["metric"].map(lambda name: 0.55 if name.endswith(naming) else 13.5),
                one["metric"].map(lambda name: 0.02 if name.endswith(naming) else 0.4),
            )
            one["value"] = level + deviation * one["role"].map(luck)
        frames.append(one)
    return pd.concat(frames, ignore_index=True)


def importance_table(num_folds: int) -> pd.DataFrame:
    """What the learning rate and the loss weight were worth, for each objective."""
    rows = [
        (fold, arm, f"val/{key}", name, share, 6, 0.5)
        for fold in range(num_folds)
        for arm in ARMS
        for key in metrics_of(num_folds)
        for name, share in (("learning_rate", 0.7), ("optimizer", 0.3))
    ]
    columns = ["fold", "arm", "objective", "setting_name", "importance", "num_trials", "quantile"]
    return pd.DataFrame(rows, columns=columns)


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
    """A picture of each photo by each setting, the shade of red saying which; of the first six also variants."""
    names = ["grey", "truth", *(name for name in photos["setting"].unique() if not name.endswith(".twin"))]
    pictures = {name: jpeg_bytes(255 * place // (len(names) + 4)) for place, name in enumerate(names)}
    variants = {f"epoch {epoch}": jpeg_bytes(20 * epoch) for epoch in (1, 3, NUM_EPOCHS)} | {
        "mean features": jpeg_bytes(200),
        **{f"features of {name}": jpeg_bytes(210) for name in CATEGORIES[:3]},
    }
    fold_of = photos.drop_duplicates("photo").set_index("photo")["fold"]
    rows = [(photo, name, fold, "", pictures[name]) for photo, fold in fold_of.items() for name in names]
    rows += [
        (photo, "joint.color", fold, variant, jpeg)
        for photo, fold in list(fold_of.items())[:6]
        for variant, jpeg in variants.items()
    ]
    return pd.DataFrame(rows, columns=["photo", "setting", "fold", "variant", "jpeg"])


def write_study(
    folder: Path,
    *,
    num_replicates: int = 6,
    num_photos: int = 60,
    effects: dict[str, float] | None = None,
    seed: int = 1,
    num_folds: int = 1,
    looks: tuple[int, ...] = (1, 2),
    search_spread: float = 0.15,
) -> Path:
    """A whole study's results/ under folder. With num_folds above 1, num_photos are those of all folds, and looks[-1]
    replicates are trained in each.

    effects: setting -> shift of delta_e (delta_e_inside shifts by half more), "setting/top1" -> shift of top1,
    "setting/p_true" -> shift of p_true, "setting/class_use" -> error with features of another class minus error with
    those of the same class, "setting/profit" -> error with the mean of all features minus error with its own.
    """
    effects = effects or {}
    num_replicates = num_replicates if num_folds == 1 else looks[-1]
    results = folder / "results"
    results.mkdir(parents=True)
    trials = trial_table(num_replicates, seed, num_folds)
    study = study_json(num_replicates, num_folds, looks)
    (results / "study.json").write_text(json.dumps(study), encoding="utf-8")
    trials.to_parquet(results / "trials.parquet")
    epoch_table(trials, seed).to_parquet(results / "epochs.parquet")
    photos = photo_table(num_replicates, num_photos, effects, seed, num_folds, search_spread)
    picture_table(photos).to_parquet(results / "pictures.parquet")
    photos = photos.join(concept_table(photos, effects, seed))
    photos.to_parquet(results / "photos.parquet")
    selection_table(num_folds, num_replicates, seed).to_parquet(results / "selections.parquet")
    baseline_table(photos).to_parquet(results / "baselines.parquet")
    importance_table(num_folds).to_parquet(results / "importance.parquet")
    (results / "data_colors.json").write_text(json.dumps(colors_json()), encoding="utf-8")
    return folder

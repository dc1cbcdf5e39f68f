"""The report of a large study: seconds and memory for 10,000 trials of 50 epochs.

    python benchmarks/analysis_scale.py [NUM_TRIALS] [NUM_EPOCHS] [NUM_FOLDS]

Tables are made up: four arms, two optimizers, a searched loss weight, 10 confirmed replicates on 180 photos; one trial
in twenty stops early, so that nearly all have all their records. With folds (12, say) the search is dealt out among
them and each confirms two replicates. Loads the tables and writes the whole report, as
`tintune report` does after its export. Prints the size of the tables and a JSON line.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from analysis import report  # noqa: E402
from tests.analysis.synthetic_study import (  # noqa: E402
    ARMS,
    METRICS,
    baseline_table,
    concept_table,
    confirm_name,
    is_trained,
    photo_table,
    roles_of,
    selection_table,
    study_json,
)

NUM_REPLICATES, NUM_PHOTOS, STOPPED_SHARE = 10, 180, 0.05
MORE_METRICS = (
    "train/color_loss", "train/class_loss", "train/total_loss", "learning_rate", "val/color_mse", "val/psnr",
    "val/ssim", "val/top5", "val/class_loss", "images_per_second", "epoch_seconds", "memory",
)  # fmt: skip


def num_replicates(num_folds: int) -> int:
    return NUM_REPLICATES if num_folds == 1 else 2


def trial_table(num_trials: int, num_epochs: int, num_folds: int, rng: np.random.Generator) -> pd.DataFrame:
    """Search trials dealt out to the arms in turn, and the confirm trials behind the photos."""
    arms, index = list(ARMS), np.arange(num_trials)
    arm = np.array(arms)[index % len(arms)]
    stopped = rng.random(num_trials) < STOPPED_SHARE
    stopped[: len(arms)] = False
    epochs = np.where(stopped, np.maximum(1, num_epochs // np.where(rng.random(num_trials) < 0.7, 9, 3)), num_epochs)
    optimizer = np.array(["adamw", "sgd"])[index // len(arms) % 2]
    weight = np.where(np.isin(arm, ["joint", "no_fusion"]), 10 ** rng.uniform(-3, -1, num_trials), 0.003)
    rate, dropout = 10 ** rng.uniform(-4, -2, num_trials), rng.uniform(0, 0.6, num_trials)
    search = pd.DataFrame({"trial": [f"{a}-search-{i // len(arms)}" for i, a in enumerate(arm)], "arm": arm})
    searched = zip(optimizer, rate, dropout, weight, strict=True)
    names = ("optimizer", "learning_rate", "dropout", "class_loss_weight")
    search = search.assign(
        phase="search", setting="", source="", fold=index // len(arms) % num_folds, replicate=0, num_epochs=epochs,
        state=np.where(stopped, "stopped", "done"),
        searched=[json.dumps(dict(zip(names, (str(o), *map(float, rest)), strict=True))) for o, *rest in searched],
    )  # fmt: skip
    search["config/optimizer"], search["config/class_loss_weight"] = optimizer, weight
    confirm = pd.DataFrame(
        [
            (confirm_name(setting, fold, r, num_folds), arm, setting, f"{arm}-search-{fold}", fold, r)
            for setting, arm in roles_of(num_folds).items()
            for fold in range(num_folds)
            for r in range(1, num_replicates(num_folds) + 1)
            if is_trained(setting, fold)
        ],
        columns=["trial", "arm", "setting", "source", "fold", "replicate"],
    ).assign(phase="confirm", num_epochs=num_epochs, state="done", searched="{}")
    confirm["config/optimizer"], confirm["config/class_loss_weight"] = "adamw", 0.01
    trials = pd.concat([search, confirm], ignore_index=True).assign(failure_kind="", failure_message="")
    trials["config/color_loss_weight"] = 1.0
    return trials.assign(seconds=trials["num_epochs"] * 1.5)


def epoch_table(trials: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One row a trial and epoch with as many columns as a real study has."""
    lengths = trials["num_epochs"].to_numpy()
    rows = np.repeat(np.arange(len(trials)), lengths)
    epoch = np.concatenate([np.arange(1, length + 1) for length in lengths])
    table = trials.loc[rows, ["trial", "arm", "phase", "setting", "fold", "replicate"]].reset_index(drop=True)
    luck = rng.normal(0, 0.4, len(trials))[rows]
    scores = {
        "epoch": epoch, "val/delta_e": 9 + luck + 6 * np.exp(-epoch / 9),
        "val/top1": np.clip(0.5 - 0.1 * luck - 0.4 * np.exp(-epoch / 9), 0, 1),
    }  # fmt: skip
    scores |= {"val/delta_e_inside": 1.5 * scores["val/delta_e"], "val/p_true": scores["val/top1"]}
    return table.assign(**scores, **{name: rng.random(len(table)) for name in MORE_METRICS})


def main() -> None:
    num_trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    num_epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    num_folds = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        results.mkdir()
        study = {**study_json(NUM_REPLICATES, num_folds), "epochs": num_epochs, "metrics": METRICS}
        (results / "study.json").write_text(json.dumps(study), encoding="utf-8")
        trials = trial_table(num_trials, num_epochs, num_folds, rng)
        trials.to_parquet(results / "trials.parquet")
        epochs = epoch_table(trials, rng)
        print(f"{len(trials):,} trials, {len(epochs):,} records")
        epochs.to_parquet(results / "epochs.parquet")
        effects = {"joint.color": -0.9}
        photos = photo_table(num_replicates(num_folds), NUM_PHOTOS, effects, 0, num_folds)
        photos = photos.join(concept_table(photos, effects, 0))
        photos.to_parquet(results / "photos.parquet")
        baseline_table(photos).to_parquet(results / "baselines.parquet")
        selection_table(num_folds, num_replicates(num_folds)).to_parquet(results / "selections.parquet")
        del trials, epochs
        wall, cpu = time.perf_counter(), time.process_time()
        size = report.write(Path(folder)).stat().st_size
        found = {
            "trials": num_trials, "epochs": num_epochs, "folds": num_folds,
            "seconds": round(time.perf_counter() - wall, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1), "page_mb": round(size / 1e6, 1),
            "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        }  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main()

"""What a person should know of a network before using it: where it comes from, how well it does, what it cannot do."""

import math
from statistics import NormalDist, fmean, stdev
from typing import Any

from study.definition.study import Study
from study.ledger.ledger import Entry, Ledger
from study.storage.files import read_json, read_table
from study.storage.path import StoragePath
from trainables.metrics import METRICS, metric_of


def model_card(study: Study, ledger: Ledger, entry: Entry, fingerprint: dict[str, Any]) -> str:
    """Markdown: arm, data, errors on the test pool with intervals, the study's verdict, and limits."""
    data, side = fingerprint["data"], entry.data["image_size"]
    tasks = {
        "color": float(entry.config["color_loss_weight"]) > 0,
        "class": float(entry.config["class_loss_weight"]) > 0 and not entry.config["shuffle_labels"],
    }
    named = "colours grey photos and names what they show" if tasks["class"] else "colours grey photos"
    lines = [
        f"# {study.name}: {entry.setting}",
        "",
        f"A network that {named}. Replicate {entry.replicate} of the setting `{entry.setting}` (arm `{entry.arm}`, "
        f"settings found by trial `{entry.source}`), trained for {entry.config['epochs']} epochs at width "
        f"{entry.config['width']:g}. Architecture: Iizuka, Simo-Serra and Ishikawa 2016. "
        "It is the first replicate, not the best one.",
        "",
        "## Data",
        "",
        f"{data['dataset']}: {data['num_photos']} photos of {data['num_classes']} classes at {side} px, "
        f"digest `{data['digest']}`. {data['num_train']} to train on, {data['num_val']} to choose settings by, "
        f"{data['num_test']} to test on, which training and choice never saw.",
        "",
        f"Classes: {', '.join(data['class_names'])}.",
        "",
        "## On the test pool",
        "",
        "| metric | unit | mean | 95 % interval |",
        "|---|---|---|---|",
        *_metric_rows(ledger.trial_folder(entry.name) / "photos.parquet", tasks),
        "",
        "The intervals speak for this one network and for new photos of the same kind (Wilson for shares, otherwise "
        "mean and standard error over photos). They say nothing about training again; the verdict does.",
        "",
        "## The study",
        "",
        study.question,
        "",
        *[f"- {line}" for line in _verdict_lines(ledger.folder)],
        "",
        "## Limits",
        "",
        f"- It knows the {data['num_classes']} classes above and nothing else; any photo gets one of them, and its "
        "colours. The probability is the network's own opinion and is not calibrated.",
        f"- It saw photos at {side} px. Colours are found at that size and enlarged, so they run over "
        "fine edges; lightness and detail are the photo's own.",
        "- Colours are plausible guesses, not a record of what was there. Do not use them as evidence.",
        *([] if tasks["class"] else ["- It was not trained to name: it gives no class."]),
    ]
    return "\n".join(lines) + "\n"


def _metric_rows(path: StoragePath, tasks: dict[str, bool]) -> list[str]:
    table = read_table(path)
    rows = []
    for name, metric in METRICS.items():
        if name in table.column_names and tasks.get(metric_of(f"test/{name}").task, True):
            values = [float(value) for value in table[name].to_pylist() if value is not None and math.isfinite(value)]
            if not values:
                continue
            mean, low, high = interval(values, is_share=metric.unit == "share")
            rows.append(
                f"| {name} | {metric.unit or '1'} | {mean:.4g} | {low:.4g} to {high:.4g} ({len(values)} photos) |"
            )
    return rows


def interval(values: list[float], *, is_share: bool) -> tuple[float, float, float]:
    """Mean and 95 % interval over photos: Wilson's for shares of zeros and ones, else mean +- 1.96 standard errors."""
    num, mean, z = len(values), fmean(values), NormalDist().inv_cdf(0.975)
    if is_share and set(values) <= {0.0, 1.0}:
        centre = (mean + z**2 / (2 * num)) / (1 + z**2 / num)
        half = z / (1 + z**2 / num) * math.sqrt(mean * (1 - mean) / num + z**2 / (4 * num**2))
        return mean, centre - half, centre + half
    half = z * stdev(values) / math.sqrt(num) if num > 1 else math.inf
    return mean, mean - half, mean + half


def _verdict_lines(folder: StoragePath) -> list[str]:
    path = folder / "report" / "verdict.json"
    return list(read_json(path)["lines"]) if path.exists() else ["The study has no verdict yet."]

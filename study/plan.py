"""What a launch would do, before it does anything: trials, epochs and device time by arm and phase."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from study.definition.study import Study
from study.results.status import duration
from study.search.selection import make_entry, roles_of
from study.storage.path import StoragePath
from trainables.analytic_surface import NUM_CLASSES, PHOTOS_PER_CLASS
from trainables.config import DataConfig, TrialConfig
from trainables.datasets.class_folders import list_photos
from trainables.datasets.orchard import ORCHARD_DEFAULTS


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How long an epoch takes here, and why that is not known where it is not."""

    epoch_seconds: dict[str, float]
    """By arm; empty where it is not known."""
    basis: str
    """How it was found, or what is missing."""


def estimate(study: Study) -> Estimate:
    """Times one step of the first settings that each arm will try, on this machine's device."""
    data = study.data_config()
    if data.dataset == "analytic":
        return Estimate(epoch_seconds=dict.fromkeys(study.arms, data.epoch_seconds or 0.0), basis="as the file says")
    num_photos = count_photos(data)
    if num_photos is None:
        return Estimate(epoch_seconds={}, basis=f"device time unknown, because the photos are not at {data.root}")
    # torch takes seconds to load, and not every plan needs it.
    from trainables.devices import choose_device, describe
    from trainables.training.epoch_cost import measure_epoch_seconds

    num_rest = round(num_photos * (1 - (data.test_share if data.folds == 1 else 1 / data.folds)))
    num_val = max(1, round(num_rest * data.val_share))
    configs = {arm: _first_config(study, arm) for arm in study.arms}
    try:
        devices = {choose_device(config.device) for config in configs.values()}
    except ValueError as error:
        return Estimate(epoch_seconds={}, basis=f"device time unknown: {error}")
    seconds = {
        arm: measure_epoch_seconds(config, data, num_train=max(2, num_rest - num_val), num_val=num_val)
        for arm, config in configs.items()
    }
    where = " and ".join(sorted(describe(device) for device in devices))
    num_threads = max(config.num_threads for config in configs.values())
    threads = f", {num_threads} threads a trial" if where == "cpu" else ""
    return Estimate(
        epoch_seconds=seconds,
        basis=f"device time: one trial at a time on this machine's {where}{threads}, from one step of each arm's first "
        f"settings and {num_photos:,} photos; other settings may take longer",
    )


def plan_rows(study: Study, found: Estimate) -> list[dict[str, Any]]:
    """One row an arm and phase, all folds together: trials and epochs at most, device seconds (None where unknown).

    `exact` says whether the number holds in any case: settings that several criteria agree on are tried again and
    confirmed once, a contrast that is settled early asks for no more, and controls wait for an effect.
    """
    rows = []
    folds = study.confirm.folds
    for arm in study.arms:
        num_search = study.search.trials_per_arm * folds
        is_later = arm in study.later_arms
        num_roles = len(roles_of(study, arm))
        num_tried = min(study.search.trials_per_arm, study.search.rechecks * num_roles) * folds
        num_rechecks = num_tried if study.search.trials_per_arm > 1 else 0
        num_confirm = (num_roles + _num_twins(study, arm)) * study.confirm.num_replicates * folds
        is_one = num_roles + _num_twins(study, arm) == 1 and len(study.confirm.all_looks) == 1
        for phase, num_trials, exact in (
            ("search", num_search, True),
            ("recheck", num_rechecks, num_roles == 1 and study.search.early_stopping == "none"),
            ("confirm", num_confirm, is_one),
        ):
            num_epochs = num_trials * study.epochs
            if phase == "recheck" and not num_trials:
                continue
            rows.append(
                {
                    "arm": arm,
                    "phase": phase,
                    "trials": num_trials,
                    "exact": exact and not is_later,
                    "only_with_an_effect": is_later,
                    "epochs": num_epochs,
                    "device_seconds": num_epochs * found.epoch_seconds[arm] if found.epoch_seconds else None,
                    "tasks": sorted(study.arm_tasks(arm)),
                    "searched": list(study.arm_space(arm).searched),
                }
            )
    return rows


def plan_table(study: Study, found: Estimate) -> Table:
    """The plan's rows as a person reads them, and their sum."""
    table = Table(title=f"{study.name}: {study.question}", title_justify="left")
    for name in ("arm", "phase"):
        table.add_column(name, no_wrap=True)
    for name in ("trials", "epochs", "device time"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("trained, and searched")
    rows = plan_rows(study, found)
    for row in rows:
        first, seconds = row["phase"] == "search", row["device_seconds"]
        table.add_row(
            row["arm"] + (" *" if row["only_with_an_effect"] else "") if first else "",
            row["phase"],
            f"{'' if row['exact'] else '≤ '}{row['trials']}",
            f"{row['epochs']:,}",
            "?" if seconds is None else duration(seconds),
            " and ".join(row["tasks"]) if first else ", ".join(row["searched"]) if row["phase"] == "confirm" else "",
        )
    objectives = " and ".join(f"{name} ({better})" for name, better in study.objectives.items())
    total_seconds = sum(row["device_seconds"] or 0.0 for row in rows)
    time = f" and {duration(total_seconds)}" if found.epoch_seconds else ""
    table.caption = (
        f"{sum(row['epochs'] for row in rows):,} epochs at most{time}, {study.epochs} epochs a trial; search: "
        f"{objectives}, {study.search.sampler}, early stopping {study.search.early_stopping}; confirm: "
        f"{_confirm_words(study)}. {found.basis[:1].upper()}{found.basis[1:]}."
        + ("\n* Only where a primary contrast finds an effect, as twins are." if study.later_arms else "")
    )
    return table


def _confirm_words(study: Study) -> str:
    confirm = study.confirm
    if confirm.folds == 1:
        return f"{confirm.num_replicates} replicates"
    looks = " and ".join(str(look) for look in confirm.all_looks)
    return f"{confirm.folds} folds, each with a search of its own, looks after {looks} replicates of each"


def plan_document(study: Study, found: Estimate, folder: StoragePath, power: list[dict[str, Any]]) -> dict[str, Any]:
    """The plan for programs; `folder` is where the study would lie, `power` the rows of `power_rows`."""
    return {
        "study": study.name,
        "question": study.question,
        "folder": folder,
        "epochs_per_trial": study.epochs,
        "folds": study.confirm.folds,
        "looks": list(study.confirm.all_looks),
        "replicates": study.confirm.num_replicates,
        "basis": found.basis,
        "plan": plan_rows(study, found),
        "power": power,
    }


def _num_twins(study: Study, arm: str) -> int:
    """Twins of the arm at most: one for each primary contrast that holds it against an arm of one task."""
    if not study.confirm.twins or len(study.arm_tasks(arm)) < 2:
        return 0
    return sum(one.treatment == arm and len(study.arm_tasks(one.control)) == 1 for one in study.contrasts.values())


def _first_config(study: Study, arm: str) -> TrialConfig:
    from study.search.arm_search import ArmSearch

    settings, _ = ArmSearch(study, arm, []).ask()
    return TrialConfig.from_dict(make_entry(study, arm, settings, phase="search", number=0, replicate=0).config)


def count_photos(data: DataConfig) -> int | None:
    """How many photos there are to train on, without decoding one; None where they are not here."""
    if data.dataset == "analytic":
        return NUM_CLASSES * PHOTOS_PER_CLASS
    if data.dataset == "orchard":
        chosen = {
            field: getattr(data, field) or ORCHARD_DEFAULTS[field] for field in ("num_classes", "photos_per_class")
        }
        return int(chosen["num_classes"] * chosen["photos_per_class"])
    try:
        return len(list_photos(Path(data.root or ""), dataset=data.dataset).photo_names)
    except ValueError:
        return None

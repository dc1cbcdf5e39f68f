"""Which confirmed network stands for a study, or for one of its arms. The test pool has no say in it."""

import math
from dataclasses import dataclass
from statistics import fmean

from study.definition.load import load_study
from study.definition.study import Study
from study.ledger.ledger import Entry, Ledger
from study.storage.files import read_json
from study.storage.path import StoragePath, storage_path
from trainables.metrics import metric_of


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A confirmed trial whose network is used, and why this one."""

    folder: StoragePath
    """Of the study."""
    entry: Entry
    why: str
    """One sentence."""

    @property
    def checkpoint(self) -> StoragePath:
        return Ledger(self.folder).checkpoint(self.entry.name)

    @property
    def class_names(self) -> tuple[str, ...]:
        data = read_json(self.folder / "fingerprint.json")["data"]
        return tuple(data["class_names"])


def choose_model(named: str) -> ModelChoice:
    """The network that `STUDY_DIR[:ARM]` names; ARM may also be a confirmed setting or one of its trials.

    Raises:
        ValueError: no study there, nothing confirmed yet, no such arm, or one that did not learn to colour.
    """
    folder, arm = _split(named)
    study, ledger = load_study(folder / "study.yaml"), Ledger(folder)
    if study.data_config().dataset == "analytic":
        raise ValueError(f"{folder} is a study of formulas (dataset analytic): it trained no network.")
    confirmed = [entry for entry in ledger.entries("confirm") if entry.state == "done"]
    usable = [entry for entry in confirmed if learned_to_color(entry) and ledger.checkpoint(entry.name).is_file()]
    if not usable:
        raise ValueError(
            f"{folder} has no confirmed network that learned to colour: the study is unfinished, or its weights "
            "(checkpoint.pt) were deleted. Continue it with tintune launch."
        )
    if not arm:
        return _default(study, ledger, usable)
    by_name = {entry.name: entry for entry in usable}
    if arm in by_name:
        return ModelChoice(folder=folder, entry=by_name[arm], why="It was asked for.")
    settings = dict.fromkeys(entry.setting for entry in usable if arm in (entry.setting, entry.arm))
    # No twin stands for its arm.
    own = [arm] if arm in settings else [setting for setting in settings if not setting.endswith(".twin")]
    if not own:
        choices = ", ".join(dict.fromkeys(entry.setting for entry in usable))
        if any(arm in (entry.setting, entry.arm) for entry in confirmed):
            raise ValueError(f"{arm!r} did not learn to colour (color_loss_weight 0). Those that did: {choices}.")
        raise ValueError(f"{folder} has no arm {arm!r} with a confirmed network. Known: {choices}.")
    named_groups = {setting: [one for one in usable if one.setting == setting] for setting in own}
    name, why = (own[0], "It was asked for.") if len(own) == 1 else _best(ledger, named_groups)
    return ModelChoice(folder=folder, entry=_first(named_groups[name]), why=why)


def learned_to_color(entry: Entry) -> bool:
    """Whether the trial trained the colours of its network."""
    return float(entry.config["color_loss_weight"]) > 0


def primary_settings(study: Study, ledger: Ledger) -> list[str]:
    """The settings that the primary contrasts compare, colour contrasts first."""
    from study.search.selection import select

    chosen = [one for one in select(study, ledger) if one.family == "primary" and one.source]
    chosen.sort(key=lambda one: metric_of(one.metric).task != "color")
    return list(dict.fromkeys(one.setting for one in chosen))


def _split(named: str) -> tuple[StoragePath, str]:
    """A study's folder may have a colon in its name."""
    for folder, arm in ((named, ""), (named.rpartition(":")[0], named.rpartition(":")[2])):
        if folder.strip("/") and not folder.endswith(":") and (storage_path(folder) / "study.yaml").is_file():
            return storage_path(folder), arm
    raise ValueError(
        f"{named} holds no study (no study.yaml): give the folder that launch printed, and :ARM if wanted."
    )


def _default(study: Study, ledger: Ledger, usable: list[Entry]) -> ModelChoice:
    """The better side of the primary colour contrast; without one, the best confirmed setting."""
    groups = _color_contrast(study, ledger, usable)
    if not groups:
        for entry in usable:
            groups.setdefault(entry.setting, []).append(entry)
    name, why = _best(ledger, groups)
    return ModelChoice(folder=ledger.folder, entry=_first(groups[name]), why=why)


def _color_contrast(study: Study, ledger: Ledger, usable: list[Entry]) -> dict[str, list[Entry]]:
    """The networks behind each side of the first colour contrast, by role; a fold may have trained two roles as one."""
    from study.search.selection import select

    color = [name for name, contrast in study.contrasts.items() if metric_of(contrast.metric).task == "color"]
    chosen = [one for one in select(study, ledger) if one.family == "primary" and one.source]
    sides = [one for one in chosen if color and one.contrast == color[0]]
    groups: dict[str, list[Entry]] = {}
    for side in sides:
        own = [one for one in usable if (one.fold, one.setting) == (side.fold, side.setting)]
        if own:
            groups.setdefault(side.role, []).extend(own)
    return groups


def _best(ledger: Ledger, groups: dict[str, list[Entry]]) -> tuple[str, str]:
    """The group whose trainings have the smallest mean val/delta_e at their end, and the sentence that says so."""
    records = ledger.all_records([one.name for group in groups.values() for one in group])
    means = {
        name: fmean(float(records[one.name][-1]["val/delta_e"]) for one in group) for name, group in groups.items()
    }
    ranked = sorted(groups, key=lambda name: means[name] if math.isfinite(means[name]) else math.inf)
    best = ranked[0]
    if len(ranked) == 1:
        return best, f"{best} is the only confirmed setting that can stand for it."
    others = ", ".join(f"{means[one]:.2f} for {one}" for one in ranked[1:])
    return best, (
        f"{best} has the smallest mean val/delta_e: {means[best]:.2f} CIEDE2000 over {len(groups[best])} "
        f"replicates, against {others}. The test pool had no say."
    )


def _first(group: list[Entry]) -> Entry:
    """The first fold's replicate 1, or the first one that there is: never the one that came out best."""
    return min(group, key=lambda one: (one.fold, one.replicate))

"""Settings to begin with: the best of another study, such as the same question on a smaller data set.

They are chosen once, at the first launch, and kept in the study's folder (`warm_start.json`), so that a continued
search begins as it began, whatever became of the other study.
"""

from typing import Any

from study.definition.study import Study
from study.errors import SettingError
from study.ledger.ledger import Entry, Ledger
from study.search.selection import best_by
from study.search_space.distributions import Scalar
from study.search_space.space import params_of
from study.storage.files import read_json, write_json
from study.storage.path import StoragePath, storage_path

FILE = "warm_start.json"


def choose(study: Study) -> dict[str, Any]:
    """What each arm tries early: `arms` has Optuna's parameters by arm, `left_out` a sentence for what does not fit.

    An arm takes the best full-budget trial of the arm of the same name by each of its objectives, as far as its space
    can hold the settings; a setting that it cannot hold is left to the sampler.

    Raises:
        ValueError: `search.warm_start` is no study's folder.
    """
    assert study.search.warm_start is not None
    folder = storage_path(study.search.warm_start).absolute()
    if not (folder / "study.yaml").is_file():
        raise ValueError(
            f"search.warm_start must be a study's folder, but {folder} holds no study.yaml: give the folder that the "
            "other study's launch printed."
        )
    entries = Ledger(folder).entries("search")
    arms: dict[str, list[dict[str, Scalar]]] = {}
    left_out: list[str] = []
    for arm in study.arms:
        arms[arm] = []
        for trial in _best_trials(study, folder, [one for one in entries if one.arm == arm], arm):
            if len(study.enqueued_params(arm)) + len(arms[arm]) == study.search.trials_per_arm:
                left_out.append(f"{arm}: {trial.name} finds no room among {study.search.trials_per_arm} trials.")
                continue
            params, dropped = _fitting(study, arm, trial)
            left_out += [f"{arm}: {sentence}" for sentence in dropped]
            if params and params not in arms[arm]:
                arms[arm].append(params)
        if not arms[arm]:
            left_out.append(f"{arm}: {folder.name} has no settings for it that fit, so it begins without.")
    return {"from": str(folder), "arms": arms, "left_out": left_out}


def keep(study: Study, folder: StoragePath) -> dict[str, Any] | None:
    """The choice of the study in `folder`, made now if it has begun no trial yet; None where it asks for none."""
    if study.search.warm_start is None:
        return None
    path = folder / FILE
    if not path.exists():
        write_json(path, choose(study))
    kept: dict[str, Any] = read_json(path)
    return kept


def warm_params(study: Study, arm: str, folder: StoragePath) -> list[dict[str, Scalar]]:
    """The arm's settings from the other study, under Optuna's names."""
    kept = keep(study, folder)
    found: list[dict[str, Scalar]] = kept["arms"][arm] if kept else []
    return found


def _best_trials(study: Study, folder: StoragePath, entries: list[Entry], arm: str) -> list[Entry]:
    ledger = Ledger(folder)
    records = ledger.all_records([one.name for one in entries if one.state == "done"])
    finished = {name: found[-1:] for name, found in records.items()}
    if not finished:
        return []
    names = [best_by(study, metric, finished)[0] for metric in study.arm_objectives(arm)]
    return [ledger.entry(name) for name in dict.fromkeys(names)]


def _fitting(study: Study, arm: str, trial: Entry) -> tuple[dict[str, Scalar], list[str]]:
    """The trial's settings that the arm's space can hold, and a sentence for each of the others."""
    space = study.arm_space(arm)
    settings = {field: trial.config[field] for field in space.cases if field in trial.config}
    dropped: list[str] = []
    while True:
        try:
            return params_of(space, settings), dropped
        except SettingError as error:
            field = str(error.path[0])
            del settings[field]
            dropped.append(f"{str(error).removesuffix('.')} (from {trial.name}); it is sampled instead.")

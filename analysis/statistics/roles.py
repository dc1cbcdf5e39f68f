"""Who stands for whom: the settings behind a role in every fold, and whether their trainings have ended.

A role is the same in all folds (joint.color); what it is trained as is chosen fold by fold, and two roles may share a
training. Twins have no search of their own: they are trained in every fold under the role's own name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from analysis.tables import Tables, records

TWIN = ".twin"


@dataclass(frozen=True)
class Design:
    """How the study confirms: folds, and the looks at which it may decide."""

    num_folds: int
    looks: tuple[int, ...]
    """Replicates of every fold behind each look."""
    shares: tuple[float, ...]
    """Of the error, for each look."""


@dataclass(frozen=True)
class Progress:
    """Whether the trainings of some roles have ended up to a replicate, and what is in the way."""

    failed: str = ""
    """What failed for good, in words; empty where nothing did."""
    is_open: str = ""
    """What has not ended yet, in words."""
    is_running: bool = False
    """Whether any of what is open is being trained right now."""


@lru_cache(maxsize=4)
def design(tables: Tables) -> Design:
    """From the study as launched; a study that says nothing has one fold and one look at all that was trained."""
    confirm = tables.study["confirm"]
    trained = tables.photos["replicate"].max()
    replicates = confirm.get("replicates") or (1 if pd.isna(trained) else trained)
    looks = tuple(int(number) for number in confirm.get("looks") or (replicates,))
    shares = tuple(float(share) for share in confirm.get("shares") or (1 / len(looks),) * len(looks))
    return Design(int(confirm.get("folds") or 1), looks, shares)


def design_of(tables: Tables, family: str, roles: tuple[str, ...]) -> Design:
    """How a contrast of these roles is judged: at the study's looks, or once, with all of the error, where it explains.

    Controls and twins are trained after a primary contrast has found its effect, with as many replicates as that rests
    on; so they are judged at the last look that both sides have whole.
    """
    whole = design(tables)
    if family != "controls":
        return whole
    trials = tables.trials[tables.trials["phase"] == "confirm"]
    still_open = any(members(tables, trials, role)["state"].isin(["queued", "running"]).any() for role in roles)
    reached = [number for number in whole.looks if not progress(tables, roles, number).is_open]
    look = whole.looks[-1] if still_open else max(reached, default=whole.looks[0])
    return Design(whole.num_folds, (look,), (1.0,))


@lru_cache(maxsize=4)
def chosen(tables: Tables) -> Mapping[str, Mapping[int, str]]:
    """Of each role the setting it is trained as, fold by fold; an empty one where the fold's search chose nothing."""
    found: dict[str, dict[int, str]] = {}
    for row in records(_selections(tables)):
        is_chosen = isinstance(row["source"], str) and row["source"] != ""
        found.setdefault(row["role"], {})[int(row["fold"])] = row["setting"] if is_chosen else ""
    return found


@lru_cache(maxsize=4)
def sides(tables: Tables) -> Mapping[tuple[str, str, str], str]:
    """The role of each (family, contrast, side), the same in every fold."""
    found = _selections(tables).drop_duplicates(["family", "contrast", "side"])
    return {(row["family"], row["contrast"], row["side"]): row["role"] for row in records(found)}


def _selections(tables: Tables) -> pd.DataFrame:
    selections = tables.selections
    return selections.assign(role=selections["role"].fillna(selections["setting"])).dropna(subset=["role"])


def settings_of(tables: Tables, role: str) -> dict[int, str]:
    """The role's setting by fold, where there is one."""
    if role.endswith(TWIN):
        return dict.fromkeys(range(design(tables).num_folds), role)
    return {fold: setting for fold, setting in chosen(tables).get(role, {}).items() if setting}


def members(tables: Tables, frame: pd.DataFrame, role: str) -> pd.DataFrame:
    """The rows of a table with fold and setting that belong to a role."""
    wanted = settings_of(tables, role)
    among = frame[frame["setting"].isin(set(wanted.values()))]
    return among[among["setting"] == among["fold"].map(wanted)]


def progress(tables: Tables, roles: tuple[str, ...], num_replicates: int) -> Progress:
    """Of all trainings of these roles, in every fold, up to a replicate. What failed comes before what is open."""
    num_folds, states = design(tables).num_folds, _states(tables)
    failed, waiting, is_running = [], [], False
    for role in roles:
        by_fold = {} if role.endswith(TWIN) else chosen(tables).get(role, {})
        # What has not been searched may still be; only a search that has ended without a finished trial chose nothing.
        arm = role.partition(".")[0]
        empty = [fold for fold, setting in by_fold.items() if not setting and _was_searched(tables, arm, fold)]
        if empty:
            what = f"no setting of {role} was chosen{_in_folds(empty, num_folds)}"
            failed.append(f"{what}: the search has no finished trial to choose from")
        settings = settings_of(tables, role)
        unsearched = [fold for fold in range(num_folds) if fold not in settings and fold not in empty]
        if unsearched:
            waiting.append(f"no setting of {role} has been chosen yet{_in_folds(unsearched, num_folds)}")
        ends = {
            (fold, number): states.get((setting, fold, number), "queued")
            for fold, setting in settings.items()
            for number in range(1, num_replicates + 1)
        }
        lost = [place for place, state in ends.items() if state == "failed"]
        if lost:
            places = ", ".join(_place(*place, num_folds) for place in lost[:3])
            more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
            failed.append(f"the training of {role} failed in {places}{more}; the ones left are not judged")
        num_open = sum(state not in ("done", "failed") for state in ends.values())
        is_running |= "running" in ends.values()
        if num_open:
            waiting.append(f"{num_open} of {len(ends)} trainings of {role} have not ended")
    return Progress("; ".join(failed), "; ".join(waiting), is_running)


def _was_searched(tables: Tables, arm: str, fold: int) -> bool:
    """Whether the fold's search of an arm has trials, and all of them have ended."""
    trials = tables.trials
    ours = trials[(trials["phase"] == "search") & (trials["arm"] == arm) & (trials["fold"] == fold)]
    return not ours.empty and bool(ours["state"].isin(["done", "stopped", "failed"]).all())


@lru_cache(maxsize=4)
def _states(tables: Tables) -> dict[tuple[str, int, int], str]:
    trials = tables.trials[tables.trials["phase"] == "confirm"]
    columns = (trials[name] for name in ("setting", "fold", "replicate", "state"))
    return {
        (setting, int(fold), int(replicate)): state for setting, fold, replicate, state in zip(*columns, strict=True)
    }


def _in_folds(folds: list[int], num_folds: int) -> str:
    if num_folds == 1:
        return ""
    numbers = ", ".join(str(fold + 1) for fold in sorted(folds))
    return f" in fold{'s' if len(folds) > 1 else ''} {numbers}"


def _place(fold: int, replicate: int, num_folds: int) -> str:
    return f"replicate {replicate}" if num_folds == 1 else f"fold {fold + 1}, replicate {replicate}"

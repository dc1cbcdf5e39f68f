"""What a study does, in order: search, try the best again, confirm look by look, explain what was found.

Everything is read from the ledger, so that a launch that was interrupted goes through the same steps again and runs
only what has not ended.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from study.definition.study import Study
from study.errors import StudyStoppedError
from study.ledger.ledger import Entry, Ledger
from study.results.export import read_verdicts, write_report
from study.search import warm_start
from study.search.selection import Selection, confirm_entries, recheck_entries, select, twin_entries, why_none

if TYPE_CHECKING:
    from study.execution.phases import Phases

EFFECTS = ("helps", "hurts")
"""How the verdict begins of a contrast that found one."""


def drive(phases: "Phases", console: Console) -> Path:
    """Runs the study to its end and gives the folder of its tables and report on this machine."""
    study, folder = phases.study, phases.assignment.folder
    ledger = Ledger(folder)
    console.print(_opening(phases), soft_wrap=True)
    warm = warm_start.keep(study, folder)
    if warm:
        num_settings = sum(map(len, warm["arms"].values()))
        lines = [f"{num_settings} settings of {warm['from']} are tried early.", *warm["left_out"]]
        console.print("\n".join(lines), soft_wrap=True)
    _choose(phases, study.first_arms, console)
    # What confirm needs is settled by the search alone, so it is read once.
    selections = [one for one in select(study, ledger) if one.family != "controls"]
    report = _confirm(phases, selections, console)
    return _explain(phases, read_verdicts(report), console) or report


def _opening(phases: "Phases") -> str:
    study, confirm = phases.study, phases.study.confirm
    num_trials = len(study.first_arms) * study.search.trials_per_arm * confirm.folds
    looks = " or ".join(str(look) for look in confirm.all_looks)
    folds = f" in each of {confirm.folds} folds" if confirm.folds > 1 else ""
    return (
        f"{study.name}: {num_trials} search trials on {phases.placement.num_slots} slots, then {looks} replicates of "
        f"each chosen setting{folds}. Ledger: {phases.assignment.folder}"
    )


def _choose(phases: "Phases", arms: Sequence[str], console: Console) -> None:
    """Searches these arms, and runs their best settings again."""
    study, ledger = phases.study, Ledger(phases.assignment.folder)
    phases.search(arms)
    num_bare = _say_arms_without_settings(study, ledger, arms, console)
    if num_bare == len(study.first_arms) * study.confirm.folds and arms == study.first_arms:
        raise StudyStoppedError(
            "No search trial of any arm reached its last epoch, so there is nothing to confirm. Read failure_message "
            f"in {ledger.trials}/*/trial.json, mend the study and launch it under another name."
        )
    phases.finish(recheck_entries(study, ledger, arms))


def _confirm(phases: "Phases", selections: Sequence[Selection], console: Console) -> Path:
    """Trains the chosen settings look by look; of a contrast that is settled nothing more is started."""
    study, folder = phases.study, phases.assignment.folder
    settled: set[tuple[str, str]] = set()
    looks = study.confirm.all_looks
    for number, num_replicates in enumerate(looks, start=1):
        open_ones = [one for one in selections if (one.family, one.contrast) not in settled]
        phases.finish(confirm_entries(study, Ledger(folder), open_ones, num_replicates))
        report = write_report(folder)
        verdicts = read_verdicts(report)
        settled = {(row["family"], row["contrast"]) for row in verdicts if row["settled"]}
        still_open = {(one.family, one.contrast) for one in selections} - settled
        if number < len(looks):
            words = ", ".join(f"{row['contrast']} {row['verdict']}" for row in verdicts if row["family"] != "controls")
            console.print(f"Look {number} of {len(looks)}: {words}.", soft_wrap=True, highlight=False)
        if not still_open:
            break
    return report


def _explain(phases: "Phases", verdicts: list[dict[str, Any]], console: Console) -> Path | None:
    """Controls and twins, where a primary contrast found an effect; None where there is nothing to train."""
    study, folder = phases.study, phases.assignment.folder
    ledger = Ledger(folder)
    primary = [row for row in verdicts if row["family"] == "primary"]
    if not (study.controls or study.confirm.twins):
        return None
    if not any(str(row["verdict"]).startswith(EFFECTS) for row in primary):
        console.print("No primary contrast found an effect, so controls and twins are not trained.", soft_wrap=True)
        return None
    if study.later_arms:
        _choose(phases, study.later_arms, console)
    looks = {row["contrast"]: int(row["look"]) for row in primary if str(row["verdict"]).startswith(EFFECTS)}
    selections = select(study, ledger)
    # As many replicates as the effects rest on; of other contrasts nothing more is trained.
    replicates = {name: study.confirm.all_looks[look - 1] for name, look in looks.items()}
    controls = [one for one in selections if one.family == "controls"]
    planned = confirm_entries(study, ledger, controls, max(replicates.values()))
    for name, num_replicates in replicates.items():
        planned += twin_entries(study, ledger, [one for one in selections if one.contrast == name], num_replicates)
    phases.finish(planned)
    return write_report(folder)


def _say_arms_without_settings(study: Study, ledger: Ledger, arms: Sequence[str], console: Console) -> int:
    """Names the arms that have nothing to confirm, with their folds, and gives the number of those."""
    entries = ledger.entries("search")
    num_bare = 0
    for arm in arms:
        ours = [entry for entry in entries if entry.arm == arm]
        bare = [fold for fold in range(study.confirm.folds) if not _any_done(ours, fold)]
        if not bare:
            continue
        num_bare += len(bare)
        where = f" in fold {', '.join(str(fold + 1) for fold in bare)}" if study.confirm.folds > 1 else ""
        ends = why_none([entry for entry in ours if entry.fold in bare])
        console.print(
            f"{arm}{where}: no search trial reached its last epoch: {ends}. It has no settings to confirm, and its "
            "contrasts have no verdict.",
            soft_wrap=True,
        )
    return num_bare


def _any_done(entries: Sequence[Entry], fold: int) -> bool:
    return any(entry.fold == fold and entry.state == "done" for entry in entries)

"""A study from its file to its report: search, choose, confirm, export. Launching again continues."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from study.cluster.placement import place
from study.cluster.preflight import described, preflight, this_machine
from study.cluster.preload import preloading
from study.cluster.ray_session import quiet, session
from study.data.photos import prepare_data
from study.definition.study import Study
from study.errors import StudyStoppedError
from study.execution.messages import Assignment
from study.folder import check_folder, open_folder
from study.ledger.fingerprint import kept_precision, note_changes
from study.ledger.lease import lease
from study.ledger.ledger import Ledger
from study.results.export import write_report
from study.search import warm_start
from study.search.selection import confirm_entries, select, why_none
from study.storage.failures import stops_the_study
from study.storage.path import StoragePath, make_folder, workplace
from study.tracking.follow import kept_level
from trainables.files import default_cache

if TYPE_CHECKING:
    from study.execution.phases import Phases


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What is launched, where, and on what."""

    study: Study
    storage: StoragePath
    """Folder of studies."""
    tracking_uri: str
    address: str | None = None
    """Of a Ray cluster; None starts Ray on this machine."""
    command: str = ""
    """As the person typed it, for the report."""

    @property
    def folder(self) -> StoragePath:
        return (self.storage / self.study.name).absolute()


def run(launch: Launch, console: Console) -> Path:
    """Drives the study to its end and gives the folder of its tables and report on this machine.

    Raises:
        ValueError: what a person can mend.
        StudyStoppedError: trials could not be finished; launching again continues.
    """
    study, folder = launch.study, launch.folder
    check_folder(study, folder)
    images, prepared, cut = prepare_data(study.data_config(), console)
    # Torch's optimizers load what compiles, whether asked to or not.
    needs = ["study.execution.worker"] + (
        ["torch", "torch._dynamo"] if study.data_config().dataset != "analytic" else []
    )
    with (
        preloading(needs, study.resources.cpus_per_trial),
        session(launch.address, launch.command),
        stops_the_study(folder),
    ):
        make_folder(folder, parents=True)
        with lease(folder) as token, quiet(workplace(folder) / "ray.log"):
            nodes = preflight(folder, token) if launch.address else [this_machine(folder, token)]
            placement = place(study, nodes, kept_precision(folder))
            open_folder(study, folder, launch.command, images, prepared, cut, placement.num_gpus, placement.precision)
            if changes := note_changes(folder):
                console.print(
                    f"Since this study was last launched, these changed: {', '.join(changes)}. Its trials may differ "
                    f"from here on; recorded in {folder / 'fingerprint.json'}.",
                    soft_wrap=True,
                )
            lines = [described(nodes)] if launch.address else []
            for line in (*lines, *placement.remarks):
                console.print(line, soft_wrap=True, highlight=False)
            assignment = Assignment(
                folder=folder,
                token=token,
                cache=default_cache().absolute(),
                digest=images.digest,
                root=study.data_config().root,
                precision=placement.precision,
                device_memory_share=placement.gpus_per_trial if 0 < placement.gpus_per_trial < 1 else 1.0,
            )
            with kept_level(folder, launch.tracking_uri, console):
                # Ray Tune loads while Ray's workers load torch.
                from study.execution.phases import Phases

                _search_and_confirm(Phases(study, assignment, placement, launch.address is None), console)
                return write_report(folder)


def _search_and_confirm(phases: "Phases", console: Console) -> None:
    study, folder = phases.study, phases.assignment.folder
    ledger = Ledger(folder)
    console.print(
        f"{study.name}: {study.num_search_trials} search trials on {phases.placement.num_slots} slots, then "
        f"{study.confirm.replicates} replicates of each chosen setting. Ledger: {folder}",
        soft_wrap=True,
    )
    warm = warm_start.keep(study, folder)
    if warm:
        num_settings = sum(map(len, warm["arms"].values()))
        lines = [f"{num_settings} settings of {warm['from']} are tried early.", *warm["left_out"]]
        console.print("\n".join(lines), soft_wrap=True)
    phases.run("search", study.num_search_trials)
    _say_arms_without_settings(study, ledger, console)
    planned = confirm_entries(study, ledger, select(study, ledger))
    known = set(ledger.names())
    for entry in planned:
        if entry.name not in known:
            ledger.write(entry)
    if planned:
        phases.run("confirm", len(planned))


def _say_arms_without_settings(study: Study, ledger: Ledger, console: Console) -> None:
    """Names the arms that have nothing to confirm; where no arm has, the study stops."""
    entries = ledger.entries("search")
    missing = [arm for arm in study.arms if not any(one.arm == arm and one.state == "done" for one in entries)]
    for arm in missing:
        ends = why_none([entry for entry in entries if entry.arm == arm])
        console.print(
            f"{arm}: no search trial reached its last epoch: {ends}. It has no settings to confirm, and its contrasts "
            "have no verdict.",
            soft_wrap=True,
        )
    if len(missing) == len(study.arms):
        raise StudyStoppedError(
            "No search trial of any arm reached its last epoch, so there is nothing to confirm. Read failure_message "
            f"in {ledger.trials}/*/trial.json, mend the study and launch it under another name."
        )

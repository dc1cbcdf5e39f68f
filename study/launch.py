"""A study from its file to its report: checked, placed on what there is, driven. Launching again continues."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from study.cluster.placement import place
from study.cluster.preflight import described, preflight, this_machine
from study.cluster.preload import preloading
from study.cluster.ray_session import quiet, session
from study.data.photos import check_objects, prepare_data
from study.definition.study import Study
from study.drive import drive
from study.execution.messages import Assignment
from study.folder import check_folder, open_folder
from study.ledger.fingerprint import kept_precision, note_changes
from study.ledger.lease import lease
from study.storage.failures import stops_the_study
from study.storage.path import StoragePath, make_folder, workplace
from study.tracking.follow import kept_level
from trainables.files import default_cache


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
    check_objects(study, images)
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

                return drive(Phases(study, assignment, placement, launch.address is None), console)

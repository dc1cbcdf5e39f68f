"""A study from its file to its report: search, choose, confirm, export. Launching again continues."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from study import warm_start
from study.entries import confirm_entries, select
from study.export import write_report
from study.files import read_json, write_bytes, write_json
from study.fingerprint import fingerprint
from study.lease import lease
from study.ledger import Ledger
from study.mlflow_address import without_password
from study.preflight import described, preflight
from study.preload import preloading
from study.progress_bar import progress_bar
from study.ray_session import quiet, session
from study.stops import StudyStoppedError, why_none
from study.storage import stops_the_study, write_problem
from study.storage_path import StoragePath, make_folder, read_bytes, storage_path, workplace
from study.study_changes import differences
from study.study_file import Study, load_study
from study.versions import check_version, note_changes
from trainables.cache import default_cache
from trainables.config import DataConfig
from trainables.images import Images, load_images
from trainables.prepare import prepare
from trainables.splits import Cut, cut_replicate
from trainables.trial import images_of

if TYPE_CHECKING:
    from study.phases import Phases


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
    check_folder(launch)
    images, prepared, cut = prepare_data(study.data_config(), console)
    # Torch's optimizers load what compiles, whether asked to or not.
    needs = ["study.worker"] + (["torch", "torch._dynamo"] if study.data_config().dataset != "analytic" else [])
    with (
        preloading(needs, study.resources.cpus_per_trial),
        session(launch.address, launch.command) as resources,
        stops_the_study(folder),
    ):
        num_slots, num_gpus, gpus_per_trial = _slots(study, resources)
        make_folder(folder, parents=True)
        with lease(folder) as token, quiet(workplace(folder) / "ray.log"):
            _open_folder(launch, images, prepared, cut, num_gpus)
            if changes := note_changes(folder):
                console.print(
                    f"Since this study was last launched, these changed: {', '.join(changes)}. Its trials may differ "
                    f"from here on; recorded in {folder / 'fingerprint.json'}.",
                    soft_wrap=True,
                )
            if launch.address:
                console.print(described(preflight(folder, token)), soft_wrap=True)
            handed = {
                "study": str(folder),
                "cache": str(default_cache().absolute()),
                "token": token,
                "digest": images.digest,
                "root": study.data_config().root or "",
                # Whole GPUs are Ray's to give; of a shared one each process gets its part.
                "device_memory_share": str(gpus_per_trial if 0 < gpus_per_trial < 1 else 1.0),
            }
            with _mlflow_view(launch, console):
                # Ray Tune loads while Ray's workers load torch.
                from study.phases import Phases

                _search_and_confirm(
                    Phases(study, folder, handed, num_slots, gpus_per_trial, launch.address is None), console
                )
                return write_report(folder)


def _search_and_confirm(phases: "Phases", console: Console) -> None:
    study, ledger = phases.study, Ledger(phases.folder)
    console.print(
        f"{study.name}: {study.num_search_trials} search trials on {phases.num_slots} slots, then "
        f"{study.confirm.replicates} replicates of each chosen setting. Ledger: {phases.folder}",
        soft_wrap=True,
    )
    warm = warm_start.keep(study, phases.folder)
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


def check_folder(launch: Launch) -> None:
    """Refuses a folder that holds another study, or that cannot be written, before anything starts."""
    folder = launch.folder
    check_version(folder)
    existing = folder / "study.yaml"
    if existing.exists():
        changes = differences(read_bytes(existing).decode(), launch.study.document)
        if changes.refused:
            raise ValueError(
                f"{folder} holds another study; it differs in {', '.join(changes.refused)}. "
                "Give the changed study another name, or another --storage."
            )
        more_search = [change for change in changes.growth if change.startswith("search.")]
        if more_search and Ledger(folder).entries("confirm"):
            raise ValueError(
                f"{folder} has begun to confirm its settings, and {more_search[0]} could choose others. "
                "Give the larger study another name."
            )
    elif isinstance(folder, Path) and folder.exists() and {path.name for path in folder.iterdir()} - {"lease.json"}:
        raise ValueError(f"{folder} is not empty and holds no study.yaml: choose another --storage or name.")
    if launch.study.search.warm_start is not None and not (folder / warm_start.FILE).exists():
        if storage_path(launch.study.search.warm_start).absolute() == folder:
            raise ValueError(f"search.warm_start must be another study's folder, but {folder} is this study's own.")
        warm_start.choose(launch.study)
    writable: StoragePath = folder
    if isinstance(folder, Path):
        writable = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if reason := write_problem(writable):
        raise ValueError(
            f"{writable} cannot be written ({reason}): choose another --storage, or ask for write permission."
        )


def prepare_data(data: DataConfig, console: Console) -> tuple[Images, Path | None, Cut]:
    """A study's photos, prepared, and the cut of its first replicate; a class too small for any cut is refused."""
    prepared: Path | None = None
    if data.dataset == "analytic":
        images = images_of(data, default_cache())
    else:
        with progress_bar(console, "preparing photos") as tell:
            prepared = prepare(data, default_cache(), progress=tell)
        images = load_images(prepared)
        skipped = json.loads((prepared / "manifest.json").read_text())["skipped"]
        if skipped:
            names = ", ".join(f"{one['name']} ({one['reason']})" for one in skipped[:5])
            more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
            console.print(
                f"{len(skipped)} photos are left out: {names}{more}. All are listed in {prepared}/manifest.json."
            )
    return images, prepared, cut_replicate(images, data, 0)


def _open_folder(launch: Launch, images: Images, prepared: Path | None, cut: Cut, num_gpus: int) -> None:
    """Writes the study's file and fingerprint at the first launch; a continued study must find the same photos."""
    folder = launch.folder
    path = folder / "fingerprint.json"
    if path.exists():
        launched_on = read_json(path)["data"]["digest"]
        if launched_on != images.digest:
            raise ValueError(
                f"The photos changed since {folder} was launched (digest {launched_on}, now {images.digest}): "
                "give it the same photos, or launch under another name."
            )
    write_bytes(folder / "study.yaml", launch.study.document.encode())
    if not path.exists():
        write_json(path, fingerprint(launch.study, images, prepared, cut, launch.command, num_gpus))


def _slots(study: Study, resources: dict[str, float]) -> tuple[int, int, float]:
    """How many trials run at once, the GPUs there are, and the share of one that each trial gets."""
    cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
    asked_cpus, asked_gpus = study.resources.cpus_per_trial, study.resources.gpus_per_trial
    if asked_gpus is None:
        # One trial per GPU at least, and as many as the CPU cores allow.
        asked_gpus = max(0.1, round(min(1.0, gpus * asked_cpus / cpus), 2)) if gpus else 0.0
    # Shares such as 0.1 are not exact: 1 // 0.1 is 9.
    num_slots = int(cpus / asked_cpus + 1e-9)
    if asked_gpus > 1:
        num_slots = min(num_slots, int(gpus / asked_gpus + 1e-9))
    elif asked_gpus:
        # A trial's share lies on one GPU.
        num_slots = min(num_slots, int(gpus) * int(1 / asked_gpus + 1e-9))
    if num_slots < 1:
        raise ValueError(
            f"A trial asks for {asked_cpus:g} CPU cores and {asked_gpus:g} GPUs, but the cluster has {cpus:g} and "
            f"{gpus:g}: lower resources.cpus_per_trial or resources.gpus_per_trial, or launch on a larger cluster."
        )
    return num_slots, int(gpus), asked_gpus


@contextmanager
def _mlflow_view(launch: Launch, console: Console) -> Iterator[None]:
    """Keeps MLflow level with the ledger from a process of its own while the block runs."""
    with (workplace(launch.folder) / "mlflow.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "study.mlflow_follow", str(launch.folder), launch.tracking_uri, str(os.getpid())],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        try:
            behind = process.wait(timeout=120) != 0
        except subprocess.TimeoutExpired:
            process.kill()
            behind = True
        if behind:
            console.print(
                f"MLflow at {without_password(launch.tracking_uri)} could not be brought level (see "
                f"{workplace(launch.folder)}/mlflow.log); nothing is lost: hueristic sync {launch.folder}"
            )


def load(folder: StoragePath) -> Study:
    """The study in a folder, as launched."""
    check_version(folder)
    path = folder / "study.yaml"
    if not path.is_file():
        usual = Path("studies") / str(folder)
        remedy = (
            f"did you mean {usual}?" if (usual / "study.yaml").is_file() else "give the folder that launch printed."
        )
        raise ValueError(f"{folder} holds no study (no study.yaml): {remedy}")
    return load_study(path)


__all__ = ["Launch", "StudyStoppedError", "load", "load_study", "run"]

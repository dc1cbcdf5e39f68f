"""A study's folder as a launch finds it: refused, opened, or read."""

from pathlib import Path

from study.definition.changes import differences
from study.definition.load import load_study
from study.definition.study import Study
from study.ledger.fingerprint import check_version, fingerprint
from study.ledger.ledger import Ledger
from study.search import warm_start
from study.storage.failures import write_problem
from study.storage.files import read_json, write_bytes, write_json
from study.storage.path import StoragePath, read_bytes, storage_path
from trainables.data.images import Images
from trainables.data.splits import Cut


def check_folder(study: Study, folder: StoragePath) -> None:
    """Refuses a folder that holds another study, or that cannot be written, before anything starts."""
    check_version(folder)
    existing = folder / "study.yaml"
    if existing.exists():
        changes = differences(read_bytes(existing).decode(), study.document)
        if changes.refused:
            raise ValueError(
                f"{folder} holds another study; it differs in {', '.join(changes.refused)}. "
                "Give the changed study another name, or another --storage."
            )
        if changes.growth and any(entry.phase != "search" for entry in Ledger(folder).entries()):
            raise ValueError(
                f"{folder} has begun to confirm its settings, and {changes.growth[0]} could choose others. "
                "Give the larger study another name."
            )
    elif isinstance(folder, Path) and folder.exists() and {path.name for path in folder.iterdir()} - {"lease.json"}:
        raise ValueError(f"{folder} is not empty and holds no study.yaml: choose another --storage or name.")
    if study.search.warm_start is not None and not (folder / warm_start.FILE).exists():
        if storage_path(study.search.warm_start).absolute() == folder:
            raise ValueError(f"search.warm_start must be another study's folder, but {folder} is this study's own.")
        warm_start.choose(study)
    writable: StoragePath = folder
    if isinstance(folder, Path):
        writable = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if reason := write_problem(writable):
        raise ValueError(
            f"{writable} cannot be written ({reason}): choose another --storage, or ask for write permission."
        )


def open_folder(
    study: Study,
    folder: StoragePath,
    command: str,
    images: Images,
    prepared: Path | None,
    cut: Cut,
    num_gpus: int,
    precision: str,
) -> None:
    """Writes the study's file and fingerprint at the first launch; a continued study must find the same photos."""
    path = folder / "fingerprint.json"
    if path.exists():
        document = read_json(path)
        launched_on = document["data"]["digest"]
        if launched_on != images.digest:
            raise ValueError(
                f"The photos changed since {folder} was launched (digest {launched_on}, now {images.digest}): "
                "give it the same photos, or launch under another name."
            )
    write_bytes(folder / "study.yaml", study.document.encode())
    if not path.exists():
        made = fingerprint(study.data, images, prepared, cut, command, num_gpus)
        write_json(path, {**made, "precision": precision})
    elif "precision" not in document:
        write_json(path, {**document, "precision": precision})


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

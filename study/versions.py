"""A ledger and the version that reads it: newer ones are refused, changed code and packages are said and recorded."""

from typing import Any

from study.files import read_json, write_json
from study.fingerprint import code_digest, packages
from study.ledger import FORMAT, now
from study.storage_path import StoragePath


def check_version(folder: StoragePath) -> None:
    """Refuses the ledger of a newer version before anything of it is read; older ones are readable.

    Raises:
        ValueError: naming both versions.
    """
    path = folder / "fingerprint.json"
    if not path.exists():
        return
    document = read_json(path)
    if int(document.get("format", 0)) > FORMAT:
        theirs, ours = document.get("packages", {}).get("hueristic", "a newer one"), packages()["hueristic"]
        raise ValueError(
            f"The ledger in {folder} was written in format {document['format']} by hueristic {theirs}; this is "
            f"hueristic {ours}, which reads formats up to {FORMAT}: install the version that wrote it, or a newer one."
        )


def note_changes(folder: StoragePath) -> list[str]:
    """What differs from the code and packages that the study last ran with: "torch 2.14.0 -> 2.15.0".

    New differences are added to the fingerprint, under `changes`.
    """
    path = folder / "fingerprint.json"
    document = read_json(path)
    last = (document.get("changes") or [document])[-1]
    current: dict[str, Any] = {"code": code_digest(), "packages": packages()}
    found = []
    for name, version in current["packages"].items():
        before = last["packages"].get(name)
        if before not in (None, version):
            found.append(f"{name} {before} -> {version}")
    if last["code"] != current["code"]:
        found.append(f"the code that trains {last['code']} -> {current['code']}")
    if found:
        changes = [*document.get("changes", []), {"launched": now(), "differences": found, **current}]
        write_json(path, {**document, "changes": changes})
    return found

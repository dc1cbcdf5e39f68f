"""One trial of a ledger trained again: on this machine, alone, without Ray, and without touching the study."""

import dataclasses
import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from study.definition.load import load_study
from study.ledger.fingerprint import code_digest, hardware, packages
from study.ledger.ledger import Entry, Ledger
from study.storage.files import read_json
from study.storage.path import StoragePath
from trainables.data.images import Images
from trainables.files import default_cache
from trainables.records import NotFiniteError, Record, repeatable
from trainables.trial import Trial, images_of, start

MAX_NAMES = 3
"""Trials offered for one that does not exist."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One field of one record that is not the same to the last bit."""

    epoch: int
    field: str
    in_ledger: float | int | str | None
    """None: the field is missing there."""
    here: float | int | str | None

    @property
    def amount(self) -> float | None:
        """What this machine has more than the ledger; None where one of the two is no number."""
        if isinstance(self.in_ledger, int | float) and isinstance(self.here, int | float):
            return float(self.here) - float(self.in_ledger)
        return None


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What came of training a trial again."""

    entry: Entry
    num_records: int
    """Records compared: all that the ledger has, unless training ended earlier here."""
    first: tuple[Difference, ...]
    """The fields that differ in the first record that differs, in the record's order."""
    last: tuple[Difference, ...]
    """The fields that differ in the last record."""
    end: str
    """How the end differs from the ledger's; empty where it does not."""
    changed: tuple[tuple[str, str, str], ...]
    """What is not as fingerprint.json has it: name, then, now."""

    @property
    def same(self) -> bool:
        return not self.first and not self.end


def reproduce(
    folder: StoragePath, name: str, *, root: str | None = None, progress: Callable[[int, int], object] = lambda *_: None
) -> Reproduction:
    """Trains the trial called `name` again, as far as the ledger in `folder` has records of it, and compares.

    Args:
        root: folder of the photos, where they are no longer where the study was launched.
        progress: told after each epoch how many are done, and of how many.

    Raises:
        ValueError: no such study or trial, a ledger of another format, a trial without records, other photos.
    """
    ledger = Ledger(folder)
    entry = _entry(ledger, name)
    records = ledger.records(name)
    if not records and entry.failure_kind != "not_finite":
        raise ValueError(f"Trial {name!r} is {entry.state} and has no records, so there is nothing to compare with.")
    fingerprint = read_json(folder / "fingerprint.json")
    images, trial = _images(folder, entry, fingerprint["data"]["digest"], root)
    if trial.config.precision == "auto" and "precision" in fingerprint:
        trial = dataclasses.replace(trial, config=dataclasses.replace(trial.config, precision=fingerprint["precision"]))
    generator = start(trial, images)
    different: list[tuple[Difference, ...]] = []
    last: tuple[Difference, ...] = ()
    end, num_compared = "", 0
    try:
        for in_ledger in records:
            last = differences(in_ledger, next(generator))
            different += [last] if last else []
            num_compared += 1
            progress(num_compared, len(records))
        if entry.failure_kind == "not_finite":
            next(generator)
            end = f"the ledger's training ended with: {entry.failure_message.splitlines()[0]} Here it went on."
    except NotFiniteError as error:
        # The message names metric, epoch and step.
        if not entry.failure_message.startswith(str(error)):
            end = f"here the training ended with: {error}"
    finally:
        generator.close()
    return Reproduction(
        entry=entry,
        num_records=num_compared,
        first=different[0] if different else (),
        last=last,
        end=end,
        changed=_changed(fingerprint),
    )


def differences(in_ledger: Record, here: Record) -> tuple[Difference, ...]:
    """The repeatable fields in which two records of one epoch are not the same to the last bit."""
    theirs, ours = repeatable(in_ledger), repeatable(here)
    return tuple(
        Difference(epoch=int(in_ledger["epoch"]), field=field, in_ledger=theirs.get(field), here=ours.get(field))
        for field in dict.fromkeys([*theirs, *ours])
        if not _same(theirs.get(field), ours.get(field))
    )


def print_reproduction(found: Reproduction, console: Console) -> None:
    """The answer first, then what differs and what might explain it."""
    name = found.entry.name
    if found.same:
        console.print(f"Same: all {found.num_records} records of {name} came out again to the last bit.")
    elif not found.first:
        console.print(
            f"Different: the first {found.num_records} records of {name} are the same, but {found.end}", soft_wrap=True
        )
    else:
        one = found.first[0]
        by = "" if one.amount is None else f", {one.amount:+.3g}"
        console.print(
            f"Different: {name} differs first in epoch {one.epoch}, {one.field}: {_value(one.in_ledger)} in the "
            f"ledger, {_value(one.here)} here{by}. {found.end}".strip(),
            soft_wrap=True,
        )
        _print_last(found, console)
    for what, then, now in found.changed:
        console.print(f"{what}: {then} at launch, {now} here.", soft_wrap=True, highlight=False)
    if not found.same and not found.changed:
        console.print("Code, packages and hardware are those of the launch.")


def reproduction_document(found: Reproduction) -> dict[str, Any]:
    """The answer for programs; of a difference both values and, between numbers, the amount."""
    first, last = (
        [{**dataclasses.asdict(one), "amount": one.amount} for one in side] for side in (found.first, found.last)
    )
    changed = [{"what": what, "at_launch": then, "here": now} for what, then, now in found.changed]
    head = {"trial": found.entry.name, "same": found.same, "num_records": found.num_records, "end": found.end}
    return {**head, "first_difference": first, "last_difference": last, "changed": changed}


def _print_last(found: Reproduction, console: Console) -> None:
    table = Table(title=f"Epoch {found.num_records}, the last compared", title_justify="left")
    for column in ("field", "in the ledger", "here", "difference"):
        table.add_column(column, justify="left" if column == "field" else "right")
    for one in found.last:
        amount = "" if one.amount is None else f"{one.amount:+.3g}"
        table.add_row(one.field, _value(one.in_ledger), _value(one.here), amount)
    console.print(table if found.last else f"Epoch {found.num_records}, the last compared, is the same again.")


def _value(value: float | int | str | None) -> str:
    return "missing" if value is None else repr(value)


def _same(one: float | int | str | None, other: float | int | str | None) -> bool:
    """The ledger writes no infinite number: whatever is not finite is one and the same."""
    if isinstance(one, float) and isinstance(other, float) and not (math.isfinite(one) or math.isfinite(other)):
        return True
    return one == other


def _entry(ledger: Ledger, name: str) -> Entry:
    known = ledger.names()
    if name in known:
        return ledger.entry(name)
    near = difflib.get_close_matches(name, known, n=MAX_NAMES, cutoff=0.4) or known[:MAX_NAMES]
    offer = f"Nearest: {', '.join(near)}." if near else "It has no trials yet."
    raise ValueError(f"{ledger.folder} has no trial {name!r}. {offer}")


def _images(folder: StoragePath, entry: Entry, digest: str, root: str | None) -> tuple[Images, Trial]:
    """The photos the study was launched on, and the trial on them."""
    named: dict[str, Any] = {**vars(entry), "data": dict(entry.data)}
    if named["data"].get("root") is not None:
        # The study's file has the folder of the last launch, the entry that of its own.
        latest = load_study(folder / "study.yaml").data_config().root
        named["data"]["root"] = str(Path(root or latest or entry.data["root"]).absolute())
        if not Path(named["data"]["root"]).is_dir():
            raise ValueError(f"The photos are not at {named['data']['root']}: give their folder with --root.")
    elif root is not None:
        raise ValueError(f"--root has no effect with dataset {entry.data['dataset']!r}.")
    trial = Trial.from_json(named)
    images = images_of(trial.data, default_cache())
    if images.digest != digest:
        raise ValueError(
            f"The photos here have the digest {images.digest}, the study was launched on {digest}: "
            "give it the same photos with --root."
        )
    return images, trial


def _changed(fingerprint: dict[str, Any]) -> tuple[tuple[str, str, str], ...]:
    then = {"code": fingerprint["code"], "hardware": fingerprint["hardware"], **fingerprint["packages"]}
    now = {"code": code_digest(), "hardware": hardware(_num_gpus()), **packages()}
    return tuple((what, then[what], now.get(what, "not asked")) for what in then if then[what] != now.get(what))


def _num_gpus() -> int:
    import torch

    return torch.cuda.device_count()

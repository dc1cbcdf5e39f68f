"""What Ray runs on a worker: one trial after another, each from the ledger's entry to its last record."""

import dataclasses
import os
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from ray import tune

from study.execution.messages import Assignment, Ending
from study.execution.system_metrics import SystemMetrics
from study.ledger.lease import holder
from study.ledger.ledger import Ledger
from study.storage.checkpoint_file import CheckpointFile
from study.storage.failures import failure
from study.storage.files import table_bytes, write_bytes
from study.storage.path import is_storage_error
from trainables.data.images import Images
from trainables.records import NotFiniteError, PhotoMeasures, Record, failure_kind
from trainables.trial import End, Trial, images_of, start


class LedgerTrainable(tune.Trainable):  # type: ignore[misc]
    """Ray's view of a trial: each step is an epoch not yet in the ledger.

    An exception of the trial is a result: it is returned with its kind, so that Ray repeats only trials whose worker
    was lost. Files that cannot be written or read say nothing about a trial: it stays open, and the study stops.
    """

    def setup(self, config: dict[str, Any]) -> None:
        self.name_in_ledger: str = config["trial"]
        self.assignment: Assignment = config["assignment"]
        self.ledger = Ledger(self.assignment.folder)
        self.records: list[Record] | None = None
        self.generator: Generator[Record, None, End] | None = None
        self.checkpoint: CheckpointFile | None = None
        self.system: SystemMetrics | None = None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """The next trial of a reused actor starts with nothing of the last one."""
        self.cleanup()
        self.setup(new_config)
        return True

    def cleanup(self) -> None:
        if self.system is not None:
            self.system.close()
            self.system = None
        if self.generator is not None:
            self.generator.close()
            # With it go the network and the photos, before the next trial asks for memory.
            self.generator = None
        if self.checkpoint is not None:
            self.checkpoint.close()
            self.checkpoint = None

    def step(self) -> dict[str, Any]:
        """Trains up to the next record that the ledger does not have, writes it, and reports it."""
        try:
            if holder(self.ledger.folder) != self.assignment.token:
                return {"done": True, "end": Ending.ORPHANED}
            return self._advance()
        except NotFiniteError as error:
            return _failed(failure_kind(error), str(error), error)
        # Whatever a trial raises is recorded as its result, with the place it came from.
        except Exception as error:
            if is_storage_error(error):
                return {"done": True, "end": Ending.STORAGE, "failure_message": failure(error, self.ledger.folder)}
            return _failed(failure_kind(error), f"{error}\n{traceback.format_exc(limit=-4)}", error)

    def _advance(self) -> dict[str, Any]:
        if self.generator is None:
            self._start()
        assert self.generator is not None and self.records is not None and self.checkpoint is not None
        while True:
            try:
                record = next(self.generator)
            except StopIteration as stop:
                return self._finish(stop.value)
            if record["epoch"] == len(self.records) + 1:
                break
            assert int(record["epoch"]) <= len(self.records), f"{record['epoch']} follows {len(self.records)} records"
        self.records.append({**record, **(self.system.read() if self.system is not None else {})})
        self.checkpoint.bring_back()
        self.ledger.write_records(self.name_in_ledger, self.records)
        if record["epoch"] < self.num_epochs:
            return {**record, "done": False}
        # The generator's end measures nothing more: the last record and the end reach the driver together.
        try:
            next(self.generator)
        except StopIteration as stop:
            return self._finish(stop.value)
        raise AssertionError("A trial yielded more records than it has epochs.")

    def _start(self) -> None:
        entry = self.ledger.entry(self.name_in_ledger)
        # The photos may have moved since the entry was written; their digest says whether they are the same.
        data = {**entry.data, "root": self.assignment.root}
        named = {name: getattr(entry, name) for name in ("config", "replicate", "fold", "phase")}
        trial = Trial.from_json({**named, "data": data})
        config = dataclasses.replace(
            trial.config,
            device_memory_share=self.assignment.device_memory_share,
            precision=self.assignment.precision if trial.config.precision == "auto" else trial.config.precision,
        )
        trial = dataclasses.replace(trial, config=config)
        self.images: Images = images_of(trial.data, self.assignment.cache, self.assignment.digest)
        if self.images.digest != self.assignment.digest:
            raise ValueError(
                f"The photos on this machine have the digest {self.images.digest}, the study was launched on "
                f"{self.assignment.digest}: give every machine the same photos."
            )
        self.num_epochs = trial.config.epochs
        self.ledger.drop_half_written(self.name_in_ledger)
        self.records = self.ledger.records(self.name_in_ledger)
        self.checkpoint = CheckpointFile(self.ledger.checkpoint(self.name_in_ledger))
        self.generator = start(trial, self.images, self.checkpoint.path)
        self.system = SystemMetrics.of_gpu()

    def _finish(self, end: End) -> dict[str, Any]:
        assert self.records and len(self.records) == self.num_epochs and self.checkpoint is not None
        self.checkpoint.bring_back()
        if end.test is not None:
            folder = self.ledger.trial_folder(self.name_in_ledger)
            write_bytes(folder / "photos.parquet", table_bytes(_photo_columns(end.test, self.images)))
            network = getattr(end, "network", None)
            if network is not None:
                # torch is loaded by now; an analytic trial never gets here.
                from trainables.evaluation.gallery import draw_gallery, pool_pictures

                shown = (network, self.images, end.test.indices_N)
                write_bytes(folder / "gallery.png", draw_gallery(*shown))
                if self.ledger.entry(self.name_in_ledger).replicate == 1:
                    write_bytes(folder / "pictures.parquet", table_bytes(pool_pictures(*shown)))
                if variants := getattr(end, "variants", None):
                    write_bytes(folder / "variants.parquet", table_bytes(_variant_columns(variants, self.images)))
        return {**self.records[-1], "done": True, "end": Ending.DONE}


def _failed(kind: str, message: str, error: Exception) -> dict[str, Any]:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return {
        "done": True,
        "end": Ending.FAILED,
        "failure_kind": kind,
        "failure_message": message,
        "failure_place": f"{Path(last.filename).name}:{last.lineno}",
        "pid": os.getpid(),
    }


def _photo_columns(measures: PhotoMeasures, images: Images) -> dict[str, Any]:
    """One row per photo of the pool."""
    classes = np.array(images.class_names)
    return {
        "photo": [images.photo_names[index] for index in measures.indices_N],
        "category": classes[np.asarray(images.labels_N)[measures.indices_N]],
        "predicted": classes[measures.predicted_N],
        **measures.metrics,
        **measures.concepts,
    }


def _variant_columns(variants: list[tuple[int, str, bytes]], images: Images) -> dict[str, Any]:
    """One row per painting: after some epoch, or with the features of others."""
    photos, names, jpegs = zip(*variants, strict=True)
    return {"photo": [images.photo_names[index] for index in photos], "variant": names, "jpeg": jpegs}

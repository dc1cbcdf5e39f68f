"""MLflow as a view of the ledger: whatever is missing there is sent, whatever is there stays as it is.

It runs in a process of its own beside the driver (`study/tracking/follow.py`), so that a slow or dead server delays
nothing; `tintune sync` runs it once. All timestamps come from the ledger, and a metric sent twice is one metric to
MLflow, so running it again changes nothing. "Run" is MLflow's word for what shows one trial.
"""

import json
import math
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from mlflow.entities import Dataset, DatasetInput, Experiment, InputTag, Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from study.definition.load import load_study
from study.definition.study import Study
from study.ledger.ledger import Entry, Ledger
from study.storage.files import read_json
from study.storage.path import StoragePath, local_copy
from study.tracking.address import artifact_location
from study.tracking.confusion import confusion_counts, draw_confusion
from trainables.metrics import METRICS, metric_of
from trainables.records import Record

TRIAL_TAG = "tintune.trial"
STUDY_TAG = "tintune.study"
LAUNCHED_TAG = "tintune.launched"
"""When the study of a run was launched: two studies of one name may share a server."""
SYNCED_TAG = "tintune.synced"
"""How far a run is level with the ledger; set last."""

PARENT_TAG = "mlflow.parentRunId"
"""Nests the run of a trial under the study's."""

STATUS = {"stopped": "FINISHED", "done": "FINISHED", "failed": "FAILED"}
"""MLflow's word for how a trial ended."""
MAX_METRICS_PER_BATCH = 800
"""MLflow refuses batches of more than 1000 metrics, params and tags together."""


class MlflowView:
    """Brings one MLflow experiment level with one ledger.

    Args:
        folder: the study's folder.
        tracking_uri: where MLflow keeps it: a server's address or `sqlite:///FILE`.
    """

    def __init__(self, folder: StoragePath, tracking_uri: str) -> None:
        self.ledger = Ledger(folder)
        self.study: Study = load_study(folder / "study.yaml")
        self.client = MlflowClient(tracking_uri=tracking_uri)
        self.tracking_uri = tracking_uri
        self.runs: dict[str, str] = {}
        """MLflow's run id by trial; the study's own under the empty name."""
        self.synced: dict[str, str] = {}
        self.experiment_id = ""
        self.fingerprint = read_json(folder / "fingerprint.json")
        self.launched: str = self.fingerprint["launched"]
        self.has_models = False

    def sync(self, rest: Callable[[float], object] | None = None) -> int:
        """Sends everything the ledger has and MLflow has not; gives the number of trials that were behind.

        Args:
            rest: called after each trial with the seconds it took, to leave a store that fell behind some time for
                others.

        After an exception this view no longer knows what arrived: the next try needs a new one.
        """
        if not self.experiment_id:
            self._find()
        num_behind = 0
        # Of 10,000 trials only those that may have changed are looked at.
        final = {name for name, level in self.synced.items() if _is_final(level)}
        for name in self.ledger.names(besides=final):
            entry = self.ledger.entry(name)
            # A trial that waits has no start yet, and MLflow would invent one.
            if not entry.started:
                continue
            if self.synced.get(name) != _level(entry, len(self.ledger.records(name))):
                began = time.monotonic()
                self._send(entry)
                num_behind += 1
                if rest is not None:
                    rest(time.monotonic() - began)
        self._send_study()
        self._send_models()
        return num_behind

    def _find(self) -> None:
        """Looks up what is there already.

        A request that was repeated may have made two runs for one trial. Both carry the ledger's times, so the one
        whose id sorts first counts, whoever looks, and the other is deleted.
        """
        experiment: Experiment | None = self.client.get_experiment_by_name(self.study.name)
        if experiment is None:
            location = artifact_location(self.tracking_uri, self.ledger.folder.parent)
            # MLflow's pages then open on training runs, not on traces of language models.
            kind = {"mlflow.experimentKind": "custom_model_development"}
            self.experiment_id = self.client.create_experiment(self.study.name, location, tags=kind)
        elif experiment.lifecycle_stage == "deleted":
            raise ValueError(
                f"The experiment {self.study.name!r} was deleted in MLflow: restore it there (mlflow experiments "
                f"restore --experiment-id {experiment.experiment_id}), or delete it for good (mlflow gc)."
            )
        else:
            self.experiment_id = experiment.experiment_id
        parents: dict[str, str] = {}
        surplus: list[str] = []
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id], order_by=["attributes.start_time DESC"], max_results=1000, page_token=token
            )
            for run in page:
                tags = run.data.tags
                if tags.get(LAUNCHED_TAG) != self.launched:
                    continue
                name = "" if STUDY_TAG in tags else tags.get(TRIAL_TAG)
                if name is None:
                    continue
                known = self.runs.get(name)
                if known is not None:
                    surplus.append(max(known, run.info.run_id))
                if known is None or run.info.run_id < known:
                    self.runs[name] = run.info.run_id
                    self.synced[name] = tags.get(SYNCED_TAG, "")
                    parents[name] = tags.get(PARENT_TAG, "")
            token = page.token
            if not token:
                break
        # Not before: a run deleted between two pages would hide another one.
        for run_id in surplus:
            self.client.delete_run(run_id)
        if "" not in self.runs:
            run = self.client.create_run(
                self.experiment_id,
                run_name=self.study.name,
                start_time=_milliseconds(self.launched),
                tags={
                    STUDY_TAG: self.study.name,
                    LAUNCHED_TAG: self.launched,
                    "mlflow.note.content": self.study.question,
                },
            )
            self.runs[""] = run.info.run_id
        for name, run_id in self.runs.items():
            if name and parents[name] != self.runs[""]:
                self.client.set_tag(run_id, PARENT_TAG, self.runs[""])
        kept = {artifact.path for artifact in self.client.list_artifacts(self.runs[""])}
        if not {"study.yaml", "fingerprint.json"} <= kept:
            self._log_data(self.runs[""])
            self.client.log_text(self.runs[""], self.study.document, "study.yaml")
            self.client.log_dict(self.runs[""], self.fingerprint, "fingerprint.json")

    def _send(self, entry: Entry) -> None:
        records = self.ledger.records(entry.name)
        tags = {
            TRIAL_TAG: entry.name,
            LAUNCHED_TAG: self.launched,
            "arm": entry.arm,
            "phase": entry.phase,
            "setting": entry.setting,
            "fold": str(entry.fold + 1),
            "replicate": str(entry.replicate),
            "state": entry.state,
        }
        if entry.failure_kind:
            tags |= {"failure_kind": entry.failure_kind, "failure_message": entry.failure_message[:4000]}
        is_new = entry.name not in self.runs
        if is_new:
            run = self.client.create_run(
                self.experiment_id,
                run_name=run_name(entry),
                start_time=_milliseconds(entry.started),
                tags={**tags, PARENT_TAG: self.runs[""]},
            )
            self.runs[entry.name] = run.info.run_id
        run_id = self.runs[entry.name]
        synced = self.synced.get(entry.name, "")
        params = [] if synced else [Param(key, str(value)) for key, value in entry.config.items()]
        num_sent = _records_of(synced)
        metrics = [one for record in records[num_sent:] for one in _metrics_of(record)]
        if entry.finished and records:
            metrics += _summary_metrics(records)
        if entry.finished:
            folder = self.ledger.trial_folder(entry.name)
            for name in ("gallery.png", "trial.json"):
                if (folder / name).exists():
                    with local_copy(folder / name) as file:
                        self.client.log_artifact(run_id, str(file))
            if entry.phase == "confirm" and entry.state == "done":
                self._log_data(run_id)
                self._log_confusion(run_id, entry)
            self.client.set_terminated(run_id, status=STATUS[entry.state], end_time=_milliseconds(entry.ended))
        level = _level(entry, len(records))
        while len(metrics) > MAX_METRICS_PER_BATCH:
            self.client.log_batch(run_id, metrics=metrics[:MAX_METRICS_PER_BATCH])
            del metrics[:MAX_METRICS_PER_BATCH]
        # MLflow writes the tags of a batch last, so a run that says how level it is has everything below.
        last_tags = {SYNCED_TAG: level} if is_new else {**tags, SYNCED_TAG: level}
        self.client.log_batch(run_id, metrics=metrics, params=params, tags=[RunTag(*one) for one in last_tags.items()])
        self.synced[entry.name] = level

    def _log_data(self, run_id: str) -> None:
        """The photos as MLflow's data set, named by the start of their digest (MLflow allows 36 characters)."""
        data = self.fingerprint["data"]
        # The image size stands there only where the study file names it.
        names = ("num_photos", "num_classes", "image_size", "num_train", "num_val", "num_test")
        sizes = {key: data[key] for key in names if key in data}
        dataset = Dataset(
            name=data["dataset"],
            digest=data["digest"][:16],
            source_type="tintune",
            source=json.dumps({"dataset": data["dataset"], "digest": data["digest"]}),
            profile=json.dumps(sizes),
        )
        tags = [InputTag("mlflow.data.context", "training and test")]
        self.client.log_inputs(run_id, [DatasetInput(dataset, tags)])

    def _log_confusion(self, run_id: str, entry: Entry) -> None:
        photos = self.ledger.trial_folder(entry.name) / "photos.parquet"
        names_truly = float(entry.config["class_loss_weight"]) > 0 and not entry.config["shuffle_labels"]
        if names_truly and photos.exists():
            class_names = self.fingerprint["data"]["class_names"]
            picture = draw_confusion(confusion_counts(photos, class_names), class_names)
            with tempfile.TemporaryDirectory() as scratch:
                (Path(scratch) / "confusion.png").write_bytes(picture)
                self.client.log_artifact(run_id, str(Path(scratch) / "confusion.png"))

    def _send_models(self) -> None:
        """The networks of a finished study, after everything else is level."""
        if self.has_models or not self.synced.get("") or not (self.ledger.folder / "report" / "verdict.json").exists():
            return
        if all(_is_final(level) for name, level in self.synced.items() if name):
            from study.tracking.logged_models import log_models

            tags = {LAUNCHED_TAG: self.launched, STUDY_TAG: self.study.name}
            given = (self.study, self.ledger, self.fingerprint, self.runs, tags, TRIAL_TAG)
            log_models(self.client, self.experiment_id, *given)
            self.has_models = True

    def _send_study(self) -> None:
        """The tables and the report, once they are written, hang on the parent run."""
        report = self.ledger.folder / "report" / "verdict.json"
        if not report.exists():
            return
        level = str(report.stat().st_mtime_ns)
        if self.synced.get("") == level:
            return
        run_id = self.runs[""]
        for folder in ("results", "report"):
            with local_copy(self.ledger.folder / folder) as files:
                self.client.log_artifacts(run_id, str(files), folder)
        verdicts = read_json(report).get("lines", [])
        note = "\n\n".join([self.study.question, *verdicts])
        self.client.set_tag(run_id, "mlflow.note.content", note)
        entries = self.ledger.entries()
        if entries and all(entry.finished for entry in entries):
            ended = max(entry.ended for entry in entries)
            self.client.set_terminated(run_id, status="FINISHED", end_time=_milliseconds(ended))
        self.client.set_tag(run_id, SYNCED_TAG, level)
        self.synced[""] = level


def run_name(entry: Entry) -> str:
    """The trial's name with a number that sorts as text, which is how MLflow's pages sort."""
    return f"{entry.name.removesuffix(f'-{entry.number}')}-{entry.number:04d}"


def _metrics_of(record: Record) -> list[Metric]:
    timestamp, step = _milliseconds(str(record["time"])), int(record["epoch"])
    metrics = {key: float(value) for key, value in record.items() if key != "epoch" and not isinstance(value, str)}
    # What could not be measured, such as an error inside objects that nothing tells apart, is no number.
    return [Metric(key, value, timestamp, step) for key, value in metrics.items() if math.isfinite(value)]


def _summary_metrics(records: list[Record]) -> list[Metric]:
    """MLflow's tables sort by the last value of a metric: the best and the final one get columns of their own."""
    last = records[-1]
    timestamp, step = _milliseconds(str(last["time"])), int(last["epoch"])
    summary: dict[str, float] = {f"final/{k}": float(v) for k, v in last.items() if k.startswith(("val/", "test/"))}
    for name in METRICS:
        key = f"val/{name}"
        values = [float(record[key]) for record in records if key in record and math.isfinite(float(record[key]))]
        if values and METRICS[name].better != "none":
            summary[f"best/{key}"] = min(values) if metric_of(key).better == "min" else max(values)
    return [Metric(key, value, timestamp, step) for key, value in summary.items() if math.isfinite(value)]


def _level(entry: Entry, num_records: int) -> str:
    return f"{entry.state}:{num_records}"


def _is_final(level: str) -> bool:
    """Whether the trial had ended when its run was brought level; nothing of it changes after that."""
    return level.partition(":")[0] in ("stopped", "done", "failed")


def _records_of(level: str) -> int:
    return int(level.partition(":")[2] or 0)


def _milliseconds(time_utc: str) -> int:
    return round(datetime.fromisoformat(time_utc).timestamp() * 1000) if time_utc else 0

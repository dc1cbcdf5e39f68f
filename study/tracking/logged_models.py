"""Confirmed networks as MLflow models that serve: one for each setting of the primary contrasts that colours.

Nothing in them is pickled. A model carries the trial's tag; it is made only where none does, and one that a killed
process left half made is completed. Loading this file loads mlflow.pyfunc; torch comes once there is a model to make.
"""

import base64
import io
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import save_model
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, Schema
from PIL import Image

from study.definition.study import Study
from study.ledger.ledger import Entry, Ledger
from study.results.model_card import model_card
from study.results.model_choice import learned_to_color, primary_settings
from study.storage.path import local_copy

REQUIREMENTS = ("mlflow", "torch", "numpy", "pillow", "pandas")
"""What serving needs, pinned to what made the model; the code of `trainables` travels with it."""

MAX_NOTE = 4000
"""Characters of the card that MLflow's page shows as the model's description; the whole card is README.md."""

ROOT = Path(__file__).parents[2]


def winners(study: Study, ledger: Ledger) -> list[Entry]:
    """Replicate 1, of the first fold, of each setting that the primary contrasts compare and that learned to colour."""
    if study.data_config().dataset == "analytic":
        return []
    entries = {entry.setting: entry for entry in ledger.entries("confirm") if (entry.fold, entry.replicate) == (0, 1)}
    chosen = [entries[setting] for setting in primary_settings(study, ledger) if setting in entries]
    return [
        entry
        for entry in chosen
        if entry.state == "done" and learned_to_color(entry) and ledger.checkpoint(entry.name).is_file()
    ]


def log_models(
    client: MlflowClient,
    experiment_id: str,
    study: Study,
    ledger: Ledger,
    fingerprint: dict[str, Any],
    runs: Mapping[str, str],
    tags: Mapping[str, str],
    trial_tag: str,
) -> int:
    """Makes the models that MLflow does not have yet and gives their number.

    Args:
        runs: MLflow's run id by trial.
        tags: tags of this launch, which its models carry too.
        trial_tag: the tag that holds the trial's name.
    """
    entries = winners(study, ledger)
    if not entries:
        return 0
    known: dict[str, list[LoggedModel]] = {}
    for model in _all_models(client, experiment_id):
        if all(model.tags.get(key) == value for key, value in tags.items()) and trial_tag in model.tags:
            known.setdefault(model.tags[trial_tag], []).append(model)
    num_made = 0
    for entry in entries:
        # A repeated request may have made two: the finished one counts, then the one whose id sorts first.
        own = sorted(known.get(entry.name, []), key=lambda one: (one.status != LoggedModelStatus.READY, one.model_id))
        for surplus in own[1:]:
            client.delete_logged_model(surplus.model_id)
        if own and own[0].status == LoggedModelStatus.READY:
            continue
        model = (
            own[0] if own else _create(client, experiment_id, entry, runs[entry.name], {**tags, trial_tag: entry.name})
        )
        with tempfile.TemporaryDirectory(prefix="tintune-model-") as scratch:
            folder = _write(Path(scratch), study, ledger, entry, fingerprint, model, runs[entry.name])
            client.log_model_artifacts(model.model_id, str(folder))
            note = (folder / "README.md").read_text()[:MAX_NOTE]
        client.set_logged_model_tags(model.model_id, {"mlflow.note.content": note})
        client.log_outputs(runs[entry.name], [LoggedModelOutput(model.model_id, step=int(entry.config["epochs"]))])
        client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        num_made += 1
    return num_made


def _all_models(client: MlflowClient, experiment_id: str) -> list[LoggedModel]:
    found: list[LoggedModel] = []
    token = None
    while True:
        page = client.search_logged_models([experiment_id], page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _create(
    client: MlflowClient, experiment_id: str, entry: Entry, run_id: str, tags: Mapping[str, str]
) -> LoggedModel:
    # MLflow allows no dots in a model's name.
    return client.create_logged_model(
        experiment_id,
        name=entry.setting.replace(".", "-"),
        source_run_id=run_id,
        tags={**tags, "arm": entry.arm, "setting": entry.setting, "replicate": str(entry.replicate)},
        params={key: str(value) for key, value in entry.config.items()},
        model_type="colorizer",
    )


def _write(
    scratch: Path,
    study: Study,
    ledger: Ledger,
    entry: Entry,
    fingerprint: dict[str, Any],
    model: LoggedModel,
    run_id: str,
) -> Path:
    """The model's folder as MLflow wants it."""
    from trainables.inference.portable import write_portable

    class_names = tuple(fingerprint["data"]["class_names"])
    origin = {"study": study.name, "trial": entry.name, "data_digest": fingerprint["data"]["digest"]}
    with local_copy(ledger.checkpoint(entry.name)) as checkpoint:
        write_portable(scratch / "network", vars(entry), checkpoint, class_names, origin)
    output = [ColSpec(DataType.string, "image"), ColSpec(DataType.string, "class", required=False)]
    output.append(ColSpec(DataType.double, "probability", required=False))
    save_model(
        str(scratch / "model"),
        loader_module="study.tracking.served_model",
        data_path=str(scratch / "network"),
        code_paths=[str(path) for path in _code(scratch / "code")],
        mlflow_model=Model(
            artifact_path=model.artifact_location, model_uuid=model.model_id, run_id=run_id, model_id=model.model_id
        ),
        signature=ModelSignature(inputs=Schema([ColSpec(DataType.string, "image")]), outputs=Schema(output)),
        input_example=pd.DataFrame({"image": [example_picture()]}),
        pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in REQUIREMENTS],
        metadata=origin,
    )
    (scratch / "model" / "README.md").write_text(model_card(study, ledger, entry, fingerprint))
    return scratch / "model"


def _code(target: Path) -> list[Path]:
    """`trainables` and the one file of `study` that serving needs, with the `__init__` files on the way to it."""
    shutil.copytree(ROOT / "trainables", target / "trainables", ignore=shutil.ignore_patterns("__pycache__"))
    (target / "study" / "tracking").mkdir(parents=True)
    for name in ("study/__init__.py", "study/tracking/__init__.py", "study/tracking/served_model.py"):
        shutil.copyfile(ROOT / name, target / name)
    return [target / "trainables", target / "study"]


def example_picture() -> str:
    """A drawn grey ball on white, as base64 PNG."""
    y_HW, x_HW = np.mgrid[-1:1:64j, -1:1:64j]
    ball_HW = 1 - 0.7 * np.sqrt(np.clip(0.6 - x_HW**2 - y_HW**2, 0, None))
    buffer = io.BytesIO()
    Image.fromarray((ball_HW * 255).astype(np.uint8)).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()

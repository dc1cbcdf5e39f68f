"""logged_models.py and served_model.py: confirmed networks in MLflow, once each, without pickles, and served."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModel
from mlflow.tracking import MlflowClient

from study.ledger.ledger import Ledger
from study.results.model_choice import choose_model
from study.tracking.view import TRIAL_TAG, MlflowView
from tests.study.commands import closed_port, environment
from tests.study.finished_study import finished_study
from tests.study.mlflow_servers import MlflowServer, everything
from tests.trainables.datasets.test_photo import colorful, encoded
from trainables.datasets.photo import read_upright
from trainables.inference.colorizer import colorize_file
from trainables.inference.portable import load_portable, load_trial

pytestmark = pytest.mark.full

TEXT = """\
name: served
question: Does naming shapes help to colour them?
data: {dataset: orchard, image_size: 32, num_classes: 4, photos_per_class: 16, coupling: 1.0}
base: {epochs: 2, batch_size: 16, width: 0.125, optimizer: adamw, learning_rate: 0.01}
arms:
  joint: {class_loss_weight: {log_uniform: [1.0e-3, 0.1]}}
  color_only: {class_loss_weight: 0}
  class_only: {color_loss_weight: 0, class_loss_weight: 1}
objectives: {val/delta_e: min, val/top1: max}
contrasts:
  color: {treatment: joint, control: color_only, metric: test/delta_e}
  naming: {treatment: joint, control: class_only, metric: test/top1}
margin: {test/delta_e: 0.5, test/top1: 0.03}
search: {trials_per_arm: 1, sampler: random}
confirm: {replicates: 2}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return finished_study(tmp_path_factory.mktemp("finished"), TEXT)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, study: Ledger) -> Iterator[MlflowServer]:
    """A server that holds the study."""
    made = MlflowServer(tmp_path_factory.mktemp("mlflow") / "server")
    made.start()
    MlflowView(study.folder, made.uri).sync()
    yield made
    made.kill()


def models(uri: str) -> dict[str, LoggedModel]:
    client = MlflowClient(tracking_uri=uri)
    found = client.search_logged_models([client.get_experiment_by_name("served").experiment_id])
    assert len({one.tags[TRIAL_TAG] for one in found}) == len(found), "one model a trial"
    return {one.tags[TRIAL_TAG]: one for one in found}


def test_each_setting_of_the_primary_contrasts_that_colours_is_a_model_of_its_run(server: MlflowServer) -> None:
    found = models(server.uri)
    assert sorted(found) == ["color_only-confirm-1", "joint.color-confirm-1"]
    client = MlflowClient(tracking_uri=server.uri)
    for name, model in found.items():
        run = client.get_run(model.source_run_id)
        assert run.data.tags[TRIAL_TAG] == name and run.outputs.model_outputs[0].model_id == model.model_id
        assert str(model.status) == "READY" and model.tags["arm"] == name.partition("-")[0].partition(".")[0]


def test_bringing_level_again_makes_no_second_model_and_completes_a_half_made_one(
    server: MlflowServer, study: Ledger
) -> None:
    before, shown = models(server.uri), everything(server.uri)
    assert MlflowView(study.folder, server.uri).sync() == 0
    assert {name: one.model_id for name, one in models(server.uri).items()} == {
        name: one.model_id for name, one in before.items()
    }
    assert everything(server.uri) == shown
    client = MlflowClient(tracking_uri=server.uri)
    client.delete_logged_model(before["color_only-confirm-1"].model_id)
    tags = before["color_only-confirm-1"].tags
    half = client.create_logged_model(before["joint.color-confirm-1"].experiment_id, name="color_only", tags=tags)
    MlflowView(study.folder, server.uri).sync()
    completed = models(server.uri)["color_only-confirm-1"]
    assert completed.model_id == half.model_id and str(completed.status) == "READY"


def test_a_model_holds_a_card_a_signature_pinned_requirements_and_no_pickle(
    server: MlflowServer, study: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models(server.uri)["joint.color-confirm-1"]
    # Of a model's address MLflow (3.17) looks up a part in the store of the environment, whatever `tracking_uri` says.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    folder = Path(download_artifacts(f"models:/{model.model_id}", dst_path=str(tmp_path / "model")))
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle", ".cloudpickle")]
    requirements = (folder / "requirements.txt").read_text().split()
    assert {one.partition("==")[0] for one in requirements} == {"mlflow", "torch", "numpy", "pillow", "pandas"}
    assert all("==" in one for one in requirements)
    described = (folder / "MLmodel").read_text()
    assert "loader_module: study.tracking.served_model" in described and "probability" in described
    assert json.loads((folder / "serving_input_example.json").read_text())["dataframe_split"]["columns"] == ["image"]
    card, digest = (folder / "README.md").read_text(), json.loads((study.folder / "fingerprint.json").read_text())
    for said in ("arm `joint`", digest["data"]["digest"], "95 % interval", "| delta_e | CIEDE2000 |", "## Limits"):
        assert said in card, said
    content = encoded(colorful(50, 40))
    entry = choose_model(f"{study.folder}:joint").entry
    names = tuple(digest["data"]["class_names"])
    expected = colorize_file(load_trial(vars(entry), study.checkpoint(entry.name), names), content)
    assert np.array_equal(
        colorize_file(load_portable(folder / "data" / "network"), content).pixels_HW3, expected.pixels_HW3
    )


@contextmanager
def serving(server: MlflowServer, model_id: str, folder: Path) -> Iterator[str]:
    """`mlflow models serve` on loopback, far from our code; its address."""
    port = closed_port()
    command = [
        sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{model_id}", "--env-manager", "local",
        "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    variables = {**environment(folder), "MLFLOW_TRACKING_URI": server.uri}
    # MLflow starts uvicorn by its bare name, and our code must come from the model.
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{variables['PATH']}"
    variables.pop("PYTHONPATH", None)
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 300
        while True:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "serve.log").read_text()[-3000:]
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
                break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ask(address: str, *pictures: str) -> tuple[int, dict[str, object]]:
    body = json.dumps({"dataframe_split": {"columns": ["image"], "data": [[one] for one in pictures]}}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, {"text": error.read().decode()}


def test_a_served_model_answers_fifty_requests_at_once_each_with_its_own_picture(
    server: MlflowServer, study: Ledger, tmp_path: Path
) -> None:
    choice = choose_model(f"{study.folder}:joint")
    local = load_trial(vars(choice.entry), choice.checkpoint, choice.class_names)
    photos = [encoded(colorful(64 + number, 48, seed=number)) for number in range(50)]
    with serving(server, models(server.uri)["joint.color-confirm-1"].model_id, tmp_path) as address:
        with ThreadPoolExecutor(len(photos)) as pool:
            answers = list(pool.map(lambda photo: ask(address, base64.b64encode(photo).decode()), photos))
        for wrong in ("no base64!", base64.b64encode(b"no photo").decode(), ""):
            status, said = ask(address, wrong)
            assert status == 400 and "cannot be coloured" in str(said)
        status, again = ask(address, *[base64.b64encode(photo).decode() for photo in photos[:2]])
    refused = [status for status, _ in answers if status != 200]
    assert set(refused) <= {429, 503, 504} and len(refused) < len(answers)
    assert status == 200 and len(again["predictions"]) == 2  # type: ignore[arg-type]
    for photo, (status, answer) in zip(photos, answers, strict=True):
        if status == 200:
            (row,) = answer["predictions"]  # type: ignore[misc]
            expected = colorize_file(local, photo)
            served = np.asarray(read_upright(base64.b64decode(row["image"])))
            assert served.shape == expected.pixels_HW3.shape
            assert np.abs(served.astype(int) - expected.pixels_HW3).max() <= 1
            assert row["class"] == expected.class_name
            assert row["probability"] == pytest.approx(expected.probability, abs=1e-4)

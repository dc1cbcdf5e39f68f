"""A cluster that loses a node and gets another one: every trial ends, continued from its checkpoint."""

import io
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster
from ray.util import placement_group_table
from rich.console import Console

from study import launch
from study.cluster.preflight import NodeReport, preflight
from study.definition.load import parse_study
from study.definition.study import Study
from study.ledger.ledger import Ledger
from study.storage.files import read_json
from study.storage.path import StoragePath
from tests.chaos.processes import said, wait_for_epochs
from tests.study.analytic import TEXT
from tests.study.commands import TINTUNE, environment, write_study
from trainables.analytic_surface import analytic_images
from trainables.records import repeatable
from trainables.trial import Trial
from trainables.trial import start as run

pytestmark = pytest.mark.full

STUDY = TEXT.replace("{dataset: analytic}", "{dataset: analytic, epoch_seconds: 0.4}")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A head without slots and two nodes of one slot each, on this machine."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        made.add_node(num_cpus=1)
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


def test_trials_of_a_lost_node_continue_elsewhere(cluster: Cluster, tmp_path: Path) -> None:
    write_study(tmp_path, STUDY)
    with (tmp_path / "launch.log").open("wb") as log:
        process = subprocess.Popen(
            [*TINTUNE, "launch", "study.yaml", "--address", cluster.address],
            cwd=tmp_path, env={**os.environ, **environment(tmp_path)}, stdout=log, stderr=log,
        )  # fmt: skip
    wait_for_epochs(tmp_path, 15, process)
    assert "2 nodes with the driver's packages and storage" in said(tmp_path)
    lost = next(node for node in cluster.worker_nodes)
    cluster.remove_node(lost, allow_graceful=False)
    wait_for_epochs(tmp_path, 30, process)
    cluster.add_node(num_cpus=1)
    assert process.wait(timeout=400) == 0, said(tmp_path)
    ledger = Ledger(tmp_path / "studies" / "analytic")
    assert {entry.state for entry in ledger.entries()} == {"done"}
    assert sum(entry.phase == "search" for entry in ledger.entries()) == 12
    for entry in ledger.entries():
        trial = Trial.from_json({"config": entry.config, "data": {**entry.data, "epoch_seconds": 0.0}} | {
            "replicate": entry.replicate, "phase": entry.phase
        })  # fmt: skip
        whole = [repeatable(record) for record in run(trial, analytic_images(trial.data))]
        assert [repeatable(record) for record in ledger.records(entry.name)] == whole


NETWORKS = """\
name: networks
question: Does naming help to colour?
data: {dataset: orchard, image_size: 32, num_classes: 2, photos_per_class: 20}
base: {epochs: 2, batch_size: 8, width: 0.125, optimizer: adamw}
arms: {joint: {}, color_only: {class_loss_weight: 0}}
objectives: {val/delta_e: min}
contrasts: {color: {treatment: joint, control: color_only, metric: test/delta_e}}
margin: {test/delta_e: 1.0}
search: {trials_per_arm: 1}
confirm: {replicates: 2}
"""


def launched(
    study: Study, storage: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, *, have_bfloat16: tuple[bool, bool]
) -> tuple[str, dict[str, set[str]], list[str]]:
    """What a launch says, the nodes of every actor so far, by placement group, and the two nodes there are.

    The nodes are real; what their CPUs compute is made up, as both lie on this machine.
    """
    nodes: list[str] = []

    def reports(folder: StoragePath, token: str) -> list[NodeReport]:
        found = sorted(preflight(folder, token), key=lambda report: report.node_id)
        nodes[:] = [report.node_id for report in found]
        return [replace(one, cpu_bfloat16=has) for one, has in zip(found, have_bfloat16, strict=True)]

    monkeypatch.setattr(launch, "preflight", reports)
    told = io.StringIO()
    asked = launch.Launch(
        study=study, storage=storage, tracking_uri=f"sqlite:///{storage}/mlflow.db", address=cluster.address
    )
    launch.run(asked, Console(file=told))
    ray.init(address=cluster.address, log_to_driver=False)
    groups = {name: set(group["bundles_to_node_id"].values()) - {""} for name, group in placement_group_table().items()}
    ray.shutdown()
    return told.getvalue(), groups, nodes


def test_a_study_has_one_precision_where_nodes_disagree(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = parse_study(NETWORKS)
    told, _, nodes = launched(study, tmp_path, cluster, monkeypatch, have_bfloat16=(True, False))
    assert len(nodes) == 2 and "All trials compute in float32, because" in told
    ledger = Ledger(tmp_path / "networks")
    assert len(ledger.names()) == 6
    assert {record["precision"] for name in ledger.names() for record in ledger.records(name)} == {"float32"}
    assert read_json(ledger.folder / "fingerprint.json")["precision"] == "float32"


def test_a_study_that_began_in_bfloat16_gives_nothing_to_a_node_without(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, begun, nodes = launched(parse_study(NETWORKS), tmp_path, cluster, monkeypatch, have_bfloat16=(True, True))
    assert set.union(*begun.values()) == set(nodes)
    ledger = Ledger(tmp_path / "networks")
    names = ledger.names()
    # As if the first launch had been interrupted before these began.
    for name in names:
        if name.endswith("-confirm-2"):
            shutil.rmtree(ledger.trial_folder(name))
    told, used, nodes = launched(parse_study(NETWORKS), tmp_path, cluster, monkeypatch, have_bfloat16=(True, False))
    assert "cannot and gets none" in told and "on 1 slots" in told
    assert ledger.names() == names and len(names) == 6
    assert set.union(*(on for group, on in used.items() if group not in begun)) == {nodes[0]}
    precisions = {record["precision"] for name in ledger.names() for record in ledger.records(name)}
    assert {str(precision).partition(",")[0] for precision in precisions} == {"bfloat16"}

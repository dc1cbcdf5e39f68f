"""A cluster that loses a node and gets another one: every trial ends, continued from its checkpoint."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from study.ledger.ledger import Ledger
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

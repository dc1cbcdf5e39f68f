"""Before the first trial of a cluster: can every node do what the study needs?"""

import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from study.ledger.fingerprint import code_digest, packages
from study.ledger.lease import holder
from study.storage.failures import write_problem
from study.storage.path import StoragePath, is_storage_error, storage_path
from trainables.cpu import has_bfloat16

TIMEOUT_SECONDS = 120.0
"""For a node to start a process, load this package and answer."""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU of a node."""

    name: str
    """Its model, as its driver says it."""
    gibibytes: float
    bfloat16: bool
    """Whether it computes bfloat16 in hardware."""


@dataclass(frozen=True, kw_only=True)
class NodeReport:
    """What a node says of itself."""

    name: str
    python: str
    code: str
    packages: dict[str, str]
    storage: str
    """What is wrong with the study's folder as this node sees it; empty where nothing is."""
    cpu_bfloat16: bool
    """Whether the CPU computes bfloat16 in hardware."""
    gpus: tuple[Gpu, ...]
    node_id: str = ""
    """Ray's."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """What the node gives to trials, by Ray's names."""


def this_machine(folder: StoragePath, token: str) -> NodeReport:
    """The one node of a Ray that was started here."""
    import ray

    (node,) = (node for node in ray.nodes() if node["Alive"])
    return with_place(examine(str(folder), token), node)


def preflight(folder: StoragePath, token: str) -> list[NodeReport]:
    """Asks every node that can run a trial.

    Raises:
        ValueError: naming each node that has other packages or other code, or does not share the storage.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(num_cpus=0)(examine)
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) > 0]
    # Nodes of one machine share its name.
    asked = [
        (
            node,
            ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
                str(folder), token
            ),
        )
        for node in nodes
    ]
    reports, problems = [], []
    for node, answer in asked:
        try:
            reports.append(with_place(ray.get(answer, timeout=TIMEOUT_SECONDS), node))
        except (ray.exceptions.RayError, ImportError) as error:
            problems.append(f"{node['NodeManagerHostname']} does not answer ({str(error).splitlines()[0]})")
    here = examine(str(folder), token)
    problems += [problem for report in reports for problem in differences(here, report)]
    if problems:
        raise ValueError(
            f"The cluster is not ready: {'; '.join(problems)}. Install the same versions on every node and give all of "
            "them the same storage."
        )
    return reports


def with_place(report: NodeReport, node: Mapping[str, Any]) -> NodeReport:
    """The report with Ray's view of the node, and as many GPUs as it gives to trials: its machine may show it those of
    other nodes too."""
    resources = node["Resources"]
    gpus = report.gpus[: int(resources.get("GPU", 0))]
    return replace(report, gpus=gpus, node_id=node["NodeID"], resources=resources)


def examine(folder: str, token: str) -> NodeReport:
    """Run on a node: what it has installed, and whether it reads and writes what the driver does."""
    return NodeReport(
        name=platform.node(),
        python=".".join(platform.python_version_tuple()[:2]),
        code=code_digest(),
        packages=packages(),
        storage=_storage_problem(storage_path(folder), token),
        cpu_bfloat16=has_bfloat16(),
        gpus=_gpus(),
    )


def differences(here: NodeReport, node: NodeReport) -> list[str]:
    """What keeps a node from training the same trials as the driver's machine, a sentence each."""
    found = []
    if node.python != here.python:
        found.append(f"{node.name} has Python {node.python}, the driver {here.python}")
    for package, version in here.packages.items():
        if node.packages.get(package) != version:
            found.append(f"{node.name} has {package} {node.packages.get(package)}, the driver {version}")
    if node.code != here.code:
        found.append(f"{node.name} has other code in trainables/ than the driver")
    if node.storage:
        found.append(f"{node.name}: {node.storage}")
    return found


def _storage_problem(folder: StoragePath, token: str) -> str:
    try:
        if holder(folder) != token:
            return f"{folder} is not the driver's folder there, or cannot be read"
    except Exception as error:
        if not is_storage_error(error):
            raise
        return f"{folder} cannot be read there ({error})"
    reason = write_problem(folder)
    return f"{folder} cannot be written there ({reason})" if reason else ""


BFLOAT16_FROM = 8.0
"""Compute capability (Ampere)."""


def _gpus() -> tuple[Gpu, ...]:
    # A task that asked for no GPU is shown none by torch.
    try:
        command = ["nvidia-smi", "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = [[word.strip() for word in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
    return tuple(
        Gpu(name=name, gibibytes=float(mebibytes) / 1024, bfloat16=float(capability) >= BFLOAT16_FROM)
        for name, mebibytes, capability in rows
    )


def described(reports: list[NodeReport]) -> str:
    """The cluster in a line, for the person who launches."""
    gpus = [gpu.gibibytes for report in reports for gpu in report.gpus]
    memory = f", {len(gpus)} GPUs of {min(gpus):.0f} GiB or more" if gpus else ", no GPU"
    return f"{len(reports)} {'node' if len(reports) == 1 else 'nodes'} with the driver's packages and storage{memory}"

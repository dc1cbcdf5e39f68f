"""deploy/rayjob.yaml says what Kubernetes and KubeRay understand, and closes what can be closed.

No Kubernetes runs here. Pods, claim and network policy are checked by Kubernetes' own schemas; KubeRay's part by its
reference of fields; the command by the command line itself.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.compose import ROOT
from tests.study.commands import tintune

DOCUMENTS: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "deploy" / "rayjob.yaml").read_text()))
RAY_JOB = next(one for one in DOCUMENTS if one["kind"] == "RayJob")
CLUSTER = RAY_JOB["spec"]["rayClusterSpec"]
PODS = {
    "submitter": RAY_JOB["spec"]["submitterPodTemplate"],
    "head": CLUSTER["headGroupSpec"]["template"],
    **{group["groupName"]: group["template"] for group in CLUSTER["workerGroupSpecs"]},
}

# Names and kinds of KubeRay's fields (ray.io/v1, 1.6): the reference of its API, docs/reference/api.md.
JOB_FIELDS = {
    "entrypoint": str, "submissionMode": str, "backoffLimit": int, "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int, "activeDeadlineSeconds": int, "submitterPodTemplate": dict, "rayClusterSpec": dict,
    "runtimeEnvYAML": str, "suspend": bool, "entrypointNumCpus": float, "entrypointNumGpus": float, "metadata": dict,
}  # fmt: skip
CLUSTER_FIELDS = {"rayVersion": str, "authOptions": dict, "headGroupSpec": dict, "workerGroupSpecs": list}
HEAD_FIELDS = {"serviceType": str, "enableIngress": bool, "rayStartParams": dict, "template": dict}
WORKER_FIELDS = {
    "groupName": str, "replicas": int, "minReplicas": int, "maxReplicas": int, "rayStartParams": dict, "template": dict
}  # fmt: skip


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if one is not RAY_JOB], ids=lambda one: str(one["kind"]))
def test_kubernetes_understands_what_is_its_own(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, "1.33", strict=True)


@pytest.mark.parametrize("name", PODS)
def test_kubernetes_understands_the_pods(name: str) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **PODS[name]["metadata"]}}
    kubernetes_validate.validate({**pod, "spec": PODS[name]["spec"]}, "1.33", strict=True)
    broken = {**pod, "spec": {**PODS[name]["spec"], "container": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.33", strict=True)


def test_kuberay_understands_the_rest() -> None:
    assert RAY_JOB["apiVersion"] == "ray.io/v1"
    checked = [
        (RAY_JOB["spec"], JOB_FIELDS),
        (CLUSTER, CLUSTER_FIELDS),
        (CLUSTER["headGroupSpec"], HEAD_FIELDS),
        *((group, WORKER_FIELDS) for group in CLUSTER["workerGroupSpecs"]),
    ]
    for given, fields in checked:
        assert set(given) <= set(fields)
        assert all(isinstance(value, fields[key]) for key, value in given.items())
    assert RAY_JOB["spec"]["submissionMode"] in ("K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode")
    assert CLUSTER["authOptions"] == {"mode": "token", "secretName": "tintune-ray"}
    for group in (CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    for group in CLUSTER["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


@pytest.mark.parametrize("name", PODS)
def test_no_pod_is_root_or_holds_a_secret_in_the_file(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 1000
    assert "--uid 1000" in (ROOT / "Dockerfile").read_text()
    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"]:
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        for variable in container.get("env", []):
            if re.search("PASSWORD|USERNAME|TOKEN|SECRET", variable["name"]):
                assert "value" not in variable and "secretKeyRef" in variable["valueFrom"]


def test_only_the_cluster_reaches_its_ports() -> None:
    (policy,) = [one for one in DOCUMENTS if one["kind"] == "NetworkPolicy"]
    chosen = policy["spec"]["podSelector"]["matchLabels"]
    assert all(chosen.items() <= pod["metadata"]["labels"].items() for pod in PODS.values())
    assert CLUSTER["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert not CLUSTER["headGroupSpec"]["enableIngress"]


def test_every_volume_that_is_mounted_exists() -> None:
    claims = {one["metadata"]["name"] for one in DOCUMENTS if one["kind"] == "PersistentVolumeClaim"}
    for pod in PODS.values():
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        mounted = {mount["name"] for one in pod["spec"]["containers"] for mount in one.get("volumeMounts", [])}
        assert mounted == set(volumes)
        claimed = {
            one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "persistentVolumeClaim" in one
        }
        assert claimed <= claims


def test_versions_are_those_of_the_image() -> None:
    assert f"ray=={CLUSTER['rayVersion']}" in (ROOT / "constraints.txt").read_text().split()


def test_the_command_launches_the_catalogues_study(tmp_path: Path) -> None:
    words = shlex.split(RAY_JOB["spec"]["entrypoint"])
    assert words.pop(0) == "tintune"
    study = ROOT / "study" / "catalog" / f"{RAY_JOB['metadata']['name']}.yaml"
    places = {"/study/study.yaml": str(study), "/shared/studies": str(tmp_path / "studies")}
    done = tintune(tmp_path, *[places.get(word, word) for word in words], "--dry-run")
    assert done.returncode == 0, done.stderr

"""preflight.py: a node that would train other trials than the driver's is named before the first trial."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

from study.cluster.preflight import Gpu, described, differences, examine, with_place

H100 = Gpu(name="NVIDIA H100", gibibytes=80.0, bfloat16=True)


def test_a_node_like_the_driver_s_machine_is_ready(tmp_path: Path) -> None:
    (tmp_path / "lease.json").write_text(json.dumps({"token": "ours"}))
    here = examine(str(tmp_path), "ours")
    assert differences(here, here) == []
    assert described([here, here]).startswith("2 nodes with the driver's packages and storage")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"python": "3.9"}, "far has Python 3.9, the driver 3."),
        ({"code": "other"}, "far has other code in trainables/"),
        ({"packages": {}}, "far has torch None, the driver 2."),
    ],
)
def test_what_a_node_has_other_than_the_driver_is_named(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    here = examine(str(tmp_path), "")
    found = differences(here, dataclasses.replace(here, name="far", **change))  # type: ignore[arg-type]
    assert any(one.startswith(sentence) for one in found), found


def test_a_storage_that_is_not_shared_or_not_writable_is_named(tmp_path: Path) -> None:
    (tmp_path / "lease.json").write_text(json.dumps({"token": "another"}))
    assert "is not the driver's folder there" in examine(str(tmp_path), "ours").storage
    # /proc cannot be written, by root either, and holds no lease: the empty token of no lease.
    assert "cannot be written there" in examine("/proc", "").storage


def test_gpus_that_a_machine_shows_to_several_nodes_are_counted_once(tmp_path: Path) -> None:
    shown = dataclasses.replace(examine(str(tmp_path), ""), gpus=(H100, H100))
    nodes = [with_place(shown, {"NodeID": "one", "Resources": {"CPU": 4.0, "GPU": number}}) for number in (1.0, 1.0, 0)]
    assert described(nodes) == "3 nodes with the driver's packages and storage, 2 GPUs of 80 GiB or more"


def test_gpus_are_what_nvidia_smi_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A stand-in that answers the one question, in the tool's own form, and nothing else.
    tool = tmp_path / "nvidia-smi"
    asked = "--query-gpu=name,memory.total,compute_cap --format=csv,noheader,nounits"
    tool.write_text(
        f"""#!/bin/sh
[ "$*" = "{asked}" ] || exit 2
echo 'NVIDIA H100 80GB HBM3, 81559, 9.0'
echo 'Tesla V100-SXM2-16GB, 16160, 7.0'
"""
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    new, old = examine(str(tmp_path), "").gpus
    assert (new.name, round(new.gibibytes, 1), new.bfloat16) == ("NVIDIA H100 80GB HBM3", 79.6, True)
    assert (old.name, round(old.gibibytes, 1), old.bfloat16) == ("Tesla V100-SXM2-16GB", 15.8, False)

"""placement.py: which nodes train, and in which precision."""

from typing import Any

import pytest

from study.cluster.placement import Placement, place
from study.cluster.preflight import Gpu, NodeReport
from study.definition.load import parse_study
from study.definition.study import Study

H100 = Gpu(name="NVIDIA H100", gibibytes=80.0, bfloat16=True)
V100 = Gpu(name="Tesla V100", gibibytes=16.0, bfloat16=False)


STUDY = """
name: small
question: Does it?
data: {dataset: orchard, image_size: 32}
base: {epochs: 1, BASE}
space: {learning_rate: {log_uniform: [1.0e-3, 1.0e-2]}}
arms: {joint: {}, color_only: {class_loss_weight: 0}}
objectives: {val/delta_e: min}
contrasts: {color: {treatment: joint, control: color_only, metric: test/delta_e}}
margin: {test/delta_e: 1.0}
search: {trials_per_arm: 2}
confirm: {replicates: 2}
resources: {RESOURCES}
"""


def study_with(base: str = "", **resources: Any) -> Study:
    words = ", ".join(f"{name}: {value}" for name, value in resources.items())
    return parse_study(STUDY.replace("BASE", base).replace("RESOURCES", words))


def node(name: str, *gpus: Gpu, cpus: float = 8.0, bfloat16: bool = True) -> NodeReport:
    resources = {"CPU": cpus} if cpus else {}
    if gpus:
        resources |= {"GPU": float(len(gpus)), f"accelerator_type:{gpus[0].name.split()[1]}": 1.0}
    return NodeReport(
        name=name, python="3.11", code="", packages={}, storage="", cpu_bfloat16=bfloat16, gpus=gpus,
        node_id=f"id-{name}", resources=resources,
    )  # fmt: skip


def placed(*nodes: NodeReport, kept: str | None = None, **resources: Any) -> Placement:
    return place(study_with(**resources), nodes, kept)


@pytest.mark.parametrize(
    ("nodes", "precision", "remark"),
    [
        ([node("one"), node("two")], "bfloat16", "All trials compute in bfloat16."),
        ([node("one", bfloat16=False)], "float32", "All trials compute in float32."),
        ([node("one"), node("two", bfloat16=False)], "float32", "because two has no instructions for bfloat16"),
        # With GPUs it is theirs that counts, and nodes without one train nothing.
        ([node("one", H100, bfloat16=False), node("two", bfloat16=False)], "bfloat16", "in bfloat16."),
        ([node("one", H100), node("two", V100)], "float32", "because two has no"),
        # A head that gives no core to trials trains nothing.
        ([node("head", cpus=0, bfloat16=False), node("one")], "bfloat16", "in bfloat16."),
    ],
)
def test_a_study_has_the_precision_of_all_nodes_that_train(
    nodes: list[NodeReport], precision: str, remark: str
) -> None:
    found = placed(*nodes)
    assert found.precision == precision and remark in found.remarks[0] and found.left_out == ()


def test_a_study_that_began_in_bfloat16_leaves_out_nodes_without() -> None:
    both = (node("one"), node("two", bfloat16=False))
    found = placed(*both, kept="bfloat16")
    assert (found.precision, found.left_out, found.num_slots) == ("bfloat16", ("id-two",), 8)
    assert "two cannot and gets none" in found.remarks[0]
    with pytest.raises(ValueError, match="for which two has no instructions"):
        placed(both[1], kept="bfloat16")


def test_a_study_that_began_in_float32_stays_there() -> None:
    found = placed(node("one"), kept="float32")
    assert (found.precision, found.left_out) == ("float32", ())


def test_a_precision_that_the_study_names_is_not_judged() -> None:
    study = study_with("precision: bfloat16")
    found = place(study, [node("one", bfloat16=False)], None)
    assert (found.precision, found.left_out) == ("bfloat16", ())
    assert found.remarks == ("All trials compute in bfloat16, as the study says.",)


def test_trials_on_the_cpu_of_a_node_with_gpus_ask_its_cpu() -> None:
    study = study_with("device: cpu", gpus_per_trial=0)
    assert place(study, [node("one", H100, bfloat16=False)], None).precision == "float32"


def test_one_kind_of_gpu_is_counted_alone() -> None:
    nodes = (node("one", H100, H100), node("two", V100), node("three"))
    everything, alone = placed(*nodes, gpus_per_trial=0.5), placed(*nodes, gpus_per_trial=0.5, accelerator_type="H100")
    assert (everything.num_gpus, everything.num_slots, everything.precision) == (3, 6, "float32")
    assert (alone.num_gpus, alone.num_slots, alone.precision) == (2, 4, "bfloat16")
    assert any("NVIDIA H100, Tesla V100" in remark for remark in everything.remarks) and len(alone.remarks) == 1
    with pytest.raises(ValueError, match="is 'A100', but this cluster has H100, V100"):
        placed(*nodes, accelerator_type="A100")


def test_no_room_for_a_trial_is_told() -> None:
    with pytest.raises(ValueError, match="asks for 16 CPU cores and 0 GPUs, but the cluster has 8 and 0"):
        placed(node("one"), cpus_per_trial=16)

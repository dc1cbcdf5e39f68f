"""Which nodes train a study's trials, how many at once, and in which precision: decided before Ray Tune loads."""

from collections.abc import Sequence
from dataclasses import dataclass

from study.cluster.preflight import NodeReport
from study.definition.study import Study


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the trials of a launch go."""

    num_slots: int
    """Trials at once."""
    num_gpus: int
    gpus_per_trial: float
    precision: str
    """What `precision: auto` means in every trial of the study: `bfloat16` or `float32`."""
    left_out: tuple[str, ...]
    """Ray's names of nodes that get no trial, because they do not compute the study's precision."""
    remarks: tuple[str, ...]
    """What the person who launches should know."""


def place(study: Study, nodes: Sequence[NodeReport], kept: str | None) -> Placement:
    """Decides for the nodes of a cluster, or the one of this machine.

    Args:
        kept: precision that earlier launches of the study trained in. Without one it is bfloat16 where every node that
            trains computes it in hardware, else float32.

    Raises:
        ValueError: there is no room for a trial, no GPU of the kind that was asked for, or no node that computes the
            kept precision.
    """
    kind = study.resources.accelerator_type
    kinds = {
        name.partition(":")[2] for node in nodes for name in node.resources if name.startswith("accelerator_type:")
    }
    if kind is not None and kind not in kinds:
        there = ", ".join(sorted(kinds)) or "no GPU"
        raise ValueError(f"resources.accelerator_type is {kind!r}, but this cluster has {there}.")
    on_gpus = _uses_gpus(study, nodes)
    able = [node for node in nodes if _may_train(study, node, on_gpus=on_gpus)]
    precision, left_out, remark = _precision(study, able, kept, on_gpus=on_gpus)
    able = [node for node in able if node not in left_out]
    num_slots, num_gpus, gpus_per_trial = _slots(study, able)
    remarks = [remark] if study.data_config().dataset != "analytic" else []
    models = sorted({gpu.name for node in able for gpu in node.gpus}) if on_gpus else []
    if len(models) > 1:
        remarks.append(
            f"These GPUs differ: {', '.join(models)}. Speed and last bits differ between them; to use one kind alone, "
            "set resources.accelerator_type."
        )
    return Placement(
        num_slots=num_slots,
        num_gpus=num_gpus,
        gpus_per_trial=gpus_per_trial,
        precision=precision,
        left_out=tuple(node.node_id for node in left_out),
        remarks=tuple(remarks),
    )


def _precision(
    study: Study, nodes: list[NodeReport], kept: str | None, *, on_gpus: bool
) -> tuple[str, list[NodeReport], str]:
    """The study's precision, the nodes that do not compute it, and what to say."""
    named = {str(study.arm_space(arm).known().get("precision", "auto")) for arm in study.arms}
    if "auto" not in named:
        precision = " and ".join(sorted(named))
        return precision, [], f"All trials compute in {precision}, as the study says."
    lacking = _without_bfloat16(study, nodes, on_gpus=on_gpus)
    names = ", ".join(sorted({node.name for node in lacking}))
    if kept == "bfloat16" and nodes and len(lacking) == len(nodes):
        raise ValueError(
            f"The trials of this study compute in bfloat16, for which {names} has no instructions, and trials of two "
            "precisions cannot be compared: continue it where it began, or launch it under another name."
        )
    if kept == "bfloat16" and lacking:
        return kept, lacking, f"All trials compute in bfloat16, as they began; {names} cannot and gets none."
    if kept == "float32" or (lacking and len(lacking) == len(nodes)):
        return "float32", [], "All trials compute in float32."
    if lacking:
        return "float32", [], f"All trials compute in float32, because {names} has no instructions for bfloat16."
    return "bfloat16", [], "All trials compute in bfloat16."


def _uses_gpus(study: Study, nodes: Sequence[NodeReport]) -> bool:
    asked = study.resources.gpus_per_trial
    return asked > 0 if asked is not None else any(node.resources.get("GPU", 0) for node in nodes)


def _may_train(study: Study, node: NodeReport, *, on_gpus: bool) -> bool:
    kind = study.resources.accelerator_type
    has_kind = kind is None or f"accelerator_type:{kind}" in node.resources
    return has_kind and node.resources.get("CPU", 0) > 0 and (not on_gpus or node.resources.get("GPU", 0) > 0)


def _without_bfloat16(study: Study, nodes: list[NodeReport], *, on_gpus: bool) -> list[NodeReport]:
    """The nodes that have no instructions for bfloat16 on some device that trials use."""
    devices = {str(study.arm_space(arm).known().get("device", "auto")) for arm in study.arms}
    kinds = {("cuda" if on_gpus else "cpu") if device == "auto" else device.split(":")[0] for device in devices}

    def has(node: NodeReport, kind: str) -> bool:
        if kind == "cpu":
            return node.cpu_bfloat16
        return kind == "cuda" and bool(node.gpus) and all(gpu.bfloat16 for gpu in node.gpus)

    return [node for node in nodes if not all(has(node, kind) for kind in kinds)]


def _slots(study: Study, nodes: Sequence[NodeReport]) -> tuple[int, int, float]:
    """How many trials run at once, the GPUs there are, and the share of one that each trial gets."""
    cpus, gpus = (sum(node.resources.get(name, 0.0) for node in nodes) for name in ("CPU", "GPU"))
    asked_cpus, asked_gpus = study.resources.cpus_per_trial, study.resources.gpus_per_trial
    if asked_gpus is None:
        # One trial per GPU at least, and as many as the CPU cores allow.
        asked_gpus = max(0.1, round(min(1.0, gpus * asked_cpus / cpus), 2)) if gpus else 0.0
    # Shares such as 0.1 are not exact: 1 // 0.1 is 9.
    num_slots = int(cpus / asked_cpus + 1e-9)
    if asked_gpus > 1:
        num_slots = min(num_slots, int(gpus / asked_gpus + 1e-9))
    elif asked_gpus:
        # A trial's share lies on one GPU.
        num_slots = min(num_slots, int(gpus) * int(1 / asked_gpus + 1e-9))
    if num_slots < 1:
        raise ValueError(
            f"A trial asks for {asked_cpus:g} CPU cores and {asked_gpus:g} GPUs, but the cluster has {cpus:g} and "
            f"{gpus:g}: lower resources.cpus_per_trial or resources.gpus_per_trial, or launch on a larger cluster."
        )
    return num_slots, int(gpus), asked_gpus

"""How many trials run at once. Loads no Ray: the driver asks before it loads Ray Tune."""

from study.definition.study import Study


def slots_of(study: Study, resources: dict[str, float]) -> tuple[int, int, float]:
    """How many trials run at once, the GPUs there are, and the share of one that each trial gets."""
    cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
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

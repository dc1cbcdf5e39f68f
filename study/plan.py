"""What a launch would do, before it does anything."""

from rich.table import Table

from study.study_file import Study


def plan_table(study: Study) -> Table:
    """Trials per arm and phase, and epochs. A confirm phase trains one to two settings of an arm in the contrasts."""
    table = Table(title=f"{study.name}: {study.question}", title_justify="left")
    table.add_column("arm", no_wrap=True)
    table.add_column("trained")
    table.add_column("searched", no_wrap=True)
    for name in ("search", "confirm", "epochs at most"):
        table.add_column(name, justify="right")
    total = 0
    for arm in study.arms:
        metrics = {
            contrast.metric
            for contrasts in study.families.values()
            for contrast in contrasts.values()
            if arm in (contrast.treatment, contrast.control)
        }
        num_settings = len(metrics)
        if study.confirm.twins and len(study.arm_tasks(arm)) > 1:
            num_settings += sum(arm in (one.treatment, one.control) for one in study.contrasts.values())
        num_confirm = num_settings * study.confirm.replicates
        num_epochs = (study.search.trials_per_arm + num_confirm) * study.epochs
        total += num_epochs
        table.add_row(
            arm,
            " and ".join(sorted(study.arm_tasks(arm))),
            "\n".join(study.arm_space(arm).searched) or "nothing",
            str(study.search.trials_per_arm),
            f"up to {num_confirm}" if num_settings > 1 else str(num_confirm),
            f"{num_epochs:,}",
        )
    objectives = " and ".join(f"{name} ({better})" for name, better in study.objectives.items())
    table.caption = (
        f"{total:,} epochs at most, {study.epochs} a trial; search: {objectives}, {study.search.sampler}, "
        f"early stopping {study.search.early_stopping}; confirm: {study.confirm.replicates} replicates."
    )
    return table

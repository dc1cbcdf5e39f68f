"""What a launch would do, before it does anything."""

from rich.table import Table

from study.study_file import Study


def plan_table(study: Study) -> Table:
    """Trials and epochs per arm and phase. A confirm phase trains one to two settings of an arm in the contrasts."""
    table = Table(title=f"{study.name}: {study.question}", title_justify="left")
    for name in ("arm", "trained", "searched", "objectives"):
        table.add_column(name)
    for name in ("search trials", "confirm trials", "epochs at most"):
        table.add_column(name, justify="right")
    total = 0
    for arm in study.arms:
        metrics = {
            contrast.metric
            for contrasts in study.families.values()
            for contrast in contrasts.values()
            if arm in (contrast.treatment, contrast.control)
        }
        twins = 2 if study.confirm.twins and len(study.arm_tasks(arm)) > 1 else 1
        num_confirm = len(metrics) * study.confirm.replicates * twins
        num_epochs = (study.search.trials_per_arm + num_confirm) * study.epochs
        total += num_epochs
        table.add_row(
            arm,
            " and ".join(sorted(study.arm_tasks(arm))),
            ", ".join(study.arm_space(arm).searched) or "nothing",
            ", ".join(f"{name} ({better})" for name, better in study.arm_objectives(arm).items()),
            str(study.search.trials_per_arm),
            f"up to {num_confirm}" if len(metrics) > 1 else str(num_confirm),
            f"{num_epochs:,}",
        )
    table.caption = (
        f"{total:,} epochs at most, of {study.epochs} each trial; search: {study.search.sampler}, early stopping "
        f"{study.search.early_stopping}; confirm: {study.confirm.replicates} replicates."
    )
    return table

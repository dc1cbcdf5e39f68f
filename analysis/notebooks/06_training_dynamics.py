# %% [markdown]
# # Training dynamics
#
# How the confirmed settings learned, on the validation photos of each training. The line is the median over all
# trainings, the band their middle half (from the lower quartile to the upper), which does not widen with the number of
# trainings. Curves that still fall or rise at the end ask for more epochs.

# %%
from analysis.figures import curves, search
from analysis.page.show import show, study_tables
from analysis.summaries import dynamics, trials

tables = study_tables()
for objective in tables.study["objectives"] or ("val/delta_e", "val/top1"):
    show(curves.learning_curves(tables, objective), f"`{objective}` by epoch.")

# %% [markdown]
# ### Where trials stopped, and why

# %%
show(trials.stop_reason(tables))
show(search.survival(tables), "Search trials still training at each epoch, arm by arm.")
show(trials.stopped_table(tables), "Trials that early stopping ended, by the epoch they had reached.", folded=True)
failures = trials.failure_counts(tables)
show(failures, "Failures by kind, message and arm." if len(failures) else "No trial failed.")
if len(failures):
    show(trials.failure_table(tables), "Every failed trial.", folded=True)

# %% [markdown]
# ### How the two tasks pull
#
# Diagnostics, not evidence: such numbers correlate poorly with what one task gains from the other in the end (Azorin
# et al. 2023; Elich et al. 2023). The effects are in the verdict. On one batch of training photos, the same in every
# epoch, and on the layers that both tasks train: the cosine between their gradients (below 0 they oppose each other),
# the length of the naming gradient over that of the colouring one (both times their loss weights), and by which share
# of itself a task's loss falls when the other task alone takes one step of the optimizer (task affinity, Fifty et al.
# 2021; below 0 the step hurts). A step grows and shrinks with the learning rate, and so does affinity: read it beside
# a step's effect on its own task, in the table.

# %%
if dynamics.diagnostics_table(tables).empty:
    show(
        "No confirmed trial recorded them. They are measured where both tasks are trained and the study file sets "
        "`base.diagnostics_every`."
    )
else:
    for name in dynamics.DRAWN:
        show(curves.diagnostic(tables, name), f"{dynamics.DIAGNOSTICS[name].label}, by epoch.")
    show(
        dynamics.summary_table(tables),
        "Each training counts with its mean over the epochs looked at: median, lowest and highest. "
        "Gradients opposed: share of all looks with a cosine below 0.",
        folded=True,
    )
if dynamics.WEIGHT_RATIO in dynamics.with_weight_ratio(tables).epochs:
    show(
        curves.weight_curves(tables),
        "Where the weights are learned (`task_weighting: uncertainty`): naming's over colouring's, after each epoch.",
    )

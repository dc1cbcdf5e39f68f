# %% [markdown]
# # Trade-off
#
# Can one network be good at both tasks at once, and what does the weight between the two losses buy?
#
# ### Both tasks at once
#
# On validation photos at the last epoch. Small hollow marks are single search trials that ran their full number of
# epochs: they show where the sampler looked and are not results. Large marks are confirmed settings, averaged over
# their trainings. An arm that trains one task, or names by shuffled labels, has no meaningful score on the other, so
# it is drawn as a line. Dotted steps join the search trials that no other trial of their arm beats in both tasks (the
# Pareto front).

# %%
from analysis.figures import loss_weight as weight_figures
from analysis.figures import trade_off
from analysis.page.show import show, study_tables
from analysis.summaries import loss_weight, pareto
from analysis.tables import metric

tables = study_tables()
show(trade_off.trade_off(tables), "Both tasks at once, on validation photos.")

# %%
table = trade_off.trade_off_table(tables)
units = {name: metric(tables, name).axis for name in table.columns if name.startswith("val/")}
show(
    table[table["kind"] == "confirm"]
    .drop(columns="kind")
    .rename(columns={"name": "setting", "num_trials": "trainings", **units}),
    "Confirmed settings, mean over trainings, on validation photos.",
    folded=True,
)

# %% [markdown]
# ### How much of the plane is won
#
# The hypervolume is the area of the plane above that an arm's confirmed settings dominate, from what costs nothing to
# reach: grey or one colour for every photo, whichever is better, and naming by how frequent each class is. One number
# for both tasks hides which of them it comes from, so it never carries a verdict.

# %%
show(pareto.reference_sentence(tables))
areas = pareto.in_words(tables)
if not areas.empty:
    show(
        areas,
        "Hypervolume on the test photos: mean and 95 % interval over folds, over replicates where there is one fold. "
        "The front of the search trials is left out: it was picked after looking.",
    )

# %% [markdown]
# ### Response to the loss weight
#
# The weight of naming over that of colouring, in the arms that searched it. Hollow marks: search trials with the full
# number of epochs. Lines: median of a span of weights that holds three trials or more, from the lowest weight tried
# within to the highest. Large marks: confirmed settings with their lowest and highest replicate. Optimizers are kept
# apart, because an optimizer that rescales gradients hides the scale of a loss.

# %%
arms = loss_weight.response_arms(tables)
if not arms:
    show("No arm of this study tried more than one loss weight at full budget, so there is no response to show.")
for arm in arms:
    show(weight_figures.response(tables, arm), f"{arm}: both tasks by loss weight, on validation photos.")
    show(loss_weight.response_table(tables, arm), f"{arm}: the same as a table, search trials only.", folded=True)

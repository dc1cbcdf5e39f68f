# %% [markdown]
# # Trade-off
#
# Both tasks at once, on validation photos at the last epoch. Small hollow marks are single search trials that ran
# their full number of epochs: they show where the sampler looked and are not results. Large marks are confirmed
# settings, averaged over their replicates. An arm that trains one task has no meaningful score on the other, so it is
# drawn as a line.

# %%
from analysis import figures
from analysis.notebook import show, study_tables

tables = study_tables()
show(figures.trade_off(tables), "Colour error against accuracy of naming. The best corner is at the upper left.")

# %%
table = figures.trade_off_table(tables)
show(
    table[table["kind"] == "confirm"]
    .drop(columns="kind")
    .rename(columns={"name": "setting", "num_trials": "replicates"}),
    "Confirmed settings, mean over replicates, on validation photos.",
)

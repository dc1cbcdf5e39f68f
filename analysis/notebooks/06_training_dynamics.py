# %% [markdown]
# # Training dynamics
#
# How the confirmed settings learned, on the validation photos of each replicate. The line is the median over
# replicates, the band reaches from the lowest to the highest. Curves that still fall or rise at the end ask for more
# epochs.

# %%
from analysis import figures, search_figures, trials
from analysis.notebook import show, study_tables

tables = study_tables()
for objective in tables.study["objectives"] or ("val/delta_e", "val/top1"):
    show(figures.learning_curves(tables, objective), f"`{objective}` by epoch.")

# %% [markdown]
# ### Where trials stopped, and why

# %%
show(trials.stop_reason(tables))
show(search_figures.survival(tables), "Search trials still training at each epoch, arm by arm.")
show(trials.stopped_table(tables), "Trials that early stopping ended, by the epoch they had reached.", folded=True)
show(trials.failure_table(tables), "Failed trials with what they reported.")

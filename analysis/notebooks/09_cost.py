# %% [markdown]
# # Cost
#
# Everything that was run, how it ended and what it took. A failed trial is a result too.

# %%
from analysis.page.show import show, study_tables
from analysis.summaries import trials

tables = study_tables()
show(trials.cost_sentence(tables))
show(
    trials.cost_table(tables),
    "Trials, epochs and hours by phase and arm. Saved: the epochs that stopped trials did not train, at their own "
    "arm's mean time an epoch.",
)
show(trials.trial_table(tables), "Trials by phase and arm: how they ended.", folded=True)

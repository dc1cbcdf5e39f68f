# %% [markdown]
# # Trials
#
# Everything that was run and how it ended. A failed trial is a result too; early stopping ends trials that fall
# behind the others of their own arm.

# %%
from analysis import trials
from analysis.notebook import show, study_tables

tables = study_tables()
show(trials.trial_table(tables), "Trials by phase and arm: how they ended, and what they cost.")

# %% [markdown]
# ### Failed

# %%
show(trials.failure_table(tables), "Failed trials with what they reported.")

# %% [markdown]
# ### Stopped early

# %%
show(trials.stopped_table(tables), "Trials that early stopping ended, by the epoch they had reached.")

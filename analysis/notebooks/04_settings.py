# %% [markdown]
# # Settings
#
# **Where the sampler looked, not what works.** The search went where earlier trials did well, so what it saw is no
# fair sample: a value it tried twice is not worse for that. A claim about a method needs arms that are that method.

# %%
from analysis.figures import parallel, search
from analysis.page.show import show, study_tables
from analysis.summaries import searched

tables = study_tables()
best = searched.best_settings_table(tables)
show(
    best,
    "Best settings of each arm, by validation photos, and the command that trains the first replicate again.",
    folded="fold" in best,
)

# %% [markdown]
# ### How the search went
#
# The best score so far, of trials that trained the full number of epochs, on the validation photos of replicate 0 that
# also chose: it flatters, and it says whether the search had settled.

# %%
for objective in tables.study["objectives"]:
    show(search.best_so_far(tables, objective), f"`{objective}`: best so far by the number of trials of the arm.")

# %% [markdown]
# ### Which settings went with the score
#
# Conditional PED-ANOVA (Watanabe et al. 2023, extended by Optuna 5 to settings that exist only under another): how far
# the values of the best trials differ from those of all trials of an arm. It follows any shape and keeps conditional
# settings apart; it sees one setting at a time. Scores are taken at the last epoch that every trial reached, so that
# all had the same budget. The best are the best tenth, but at least five trials. *By chance*: what one setting in
# twenty without any influence would exceed, found by dealing the scores out anew.

# %%
for objective in tables.study["objectives"]:
    importance = searched.importance_table(tables, objective)
    if importance.empty:
        show(searched.no_importance(tables, objective))
        continue
    show(importance, f"{objective}: what went with it, strongest first.")

# %% [markdown]
# ### Slices
#
# The score against each setting, a mark a trial; hollow ones were stopped early. Where few marks lie, the sampler
# did not look.

# %%
for objective in tables.study["objectives"]:
    for arm in search.sliced_arms(tables, objective):
        first = objective == next(iter(tables.study["objectives"])) and arm == next(iter(tables.study["arms"]))
        caption = f"{arm}: {objective} at epoch {searched.common_epoch(tables)} against each setting."
        show(search.slices(tables, arm, objective), caption, folded=not first)

# %% [markdown]
# ### Every trial at a glance
#
# One line a trial, one axis a setting; the last axis is the rank among the arm's trials at the same epoch. Arms that
# searched one setting alone have a figure without crossings, and none is drawn.

# %%
for arm in tables.study["arms"]:
    for objective in tables.study["objectives"]:
        table = parallel.parallel_table(tables, arm, objective)
        if len(table.columns) > 4:  # trial, score, class and at least two settings
            caption = f"{arm}, ranked by {objective}: {len(table)} trials."
            show(parallel.parallel(tables, arm, objective), caption, folded=True)

# %%
show(searched.seen_table(tables), "Values that the search tried.", folded=True)
for objective in tables.study["objectives"]:
    choices = searched.choice_table(tables, objective)
    if not choices.empty:
        show(choices, f"Choices, what became of their trials, and {objective} at the common epoch.", folded=True)

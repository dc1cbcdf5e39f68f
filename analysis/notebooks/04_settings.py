# %% [markdown]
# # Settings
#
# **Where the sampler looked, not what works.** The search went where earlier trials did well, so what it saw is no
# fair sample: a value it tried twice is not worse for that. A claim about a method needs arms that are that method.

# %%
from analysis.figures import search
from analysis.page.show import show, study_tables
from analysis.summaries import searched

tables = study_tables()
show(
    searched.best_settings_table(tables),
    "Best settings of each arm, by validation photos, and the command that trains the first replicate again.",
)

# %% [markdown]
# ### Which settings went with the score
#
# Scores are taken at the last epoch that every trial reached, so that all had the same budget. Method: the
# share of the variance of ranks that lies between the thirds of a range, or between the values of a choice
# (epsilon squared of Kruskal and Wallis, less what chance gives). It respects conditional settings: a setting is judged
# only among the trials that had it, and the learning rate and its like within each optimizer. PED-ANOVA and fANOVA
# assume a space without conditions, so they are not used. It sees one setting at a time and no interaction.

# %%
for objective in tables.study["objectives"]:
    importance = searched.importance_table(tables, objective)
    if importance.empty:
        show(f"`{objective}`: fewer than {searched.MIN_TRIALS} scored trials in every arm, too few to say anything.")
        continue
    show(importance, f"{objective} at epoch {searched.common_epoch(tables)}: what went with it, strongest first.")

# %% [markdown]
# ### Every trial at a glance
#
# One line a trial, one axis a setting; the last axis is the rank among the arm's trials at the same epoch. Arms that
# searched one setting alone have a figure without crossings, and none is drawn.

# %%
first = True
for arm in tables.study["arms"]:
    for objective in tables.study["objectives"]:
        table = search.parallel_table(tables, arm, objective)
        if len(table.columns) > 4:  # trial, score, class and at least two settings
            caption = f"{arm}, ranked by {objective}: {len(table)} trials."
            show(search.parallel(tables, arm, objective), caption, folded=not first)
            first = False

# %%
show(searched.seen_table(tables), "Values that the search tried.", folded=True)
for objective in tables.study["objectives"]:
    choices = searched.choice_table(tables, objective)
    if not choices.empty:
        show(choices, f"Choices, what became of their trials, and {objective} at the common epoch.", folded=True)

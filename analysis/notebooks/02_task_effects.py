# %% [markdown]
# # Task effects
#
# Each contrast was written down before any data: treatment minus control, on the same test photos and with the same
# replicates (data cut, first weights, order of batches) on both sides. All numbers come from fresh trainings of the
# chosen settings; no score of the search appears here.

# %%
from analysis import figures, trials, verdict
from analysis.notebook import show, study_tables

tables = study_tables()
show(
    figures.forest(tables),
    "Difference between the arms. Thin line: 95 % interval for new photos and trainings, which carries the verdict. "
    "Thick line: 95 % interval for new trainings on these photos only. Grey band: differences too small to matter.",
)
show(
    verdict.beside_each_other(verdict.contrast_table(tables, "primary")),
    "The primary family. The effect size is the difference divided by its standard deviation between replicates; the "
    "probability of improvement is the share of replicates in which the treatment did better.",
)

# %% [markdown]
# ### Controls and twins
#
# A second family with its own correction. Controls ask whether an effect needs true names or the shared path. A twin
# is the chosen joint setting trained once more with one task switched off; it is withheld where those settings suit
# the lone task so badly that the comparison would be unfair.

# %%
if tables.study["controls"] or not verdict.contrast_table(tables, "controls").empty:
    show(figures.forest(tables, "controls"), "Controls and twins, drawn as above.")
    show(verdict.beside_each_other(verdict.contrast_table(tables, "controls")), "The second family.")
else:
    show("This study declares no controls and trained no twins.")

# %% [markdown]
# ### By category
#
# Descriptive only: few photos stand behind each bar, and none was tested. Whiskers reach from the lowest to the
# highest replicate.

# %%
for contrast in tables.study["contrasts"]:
    show(figures.categories(tables, contrast), f"{contrast}: difference within each category.")

# %% [markdown]
# ### Which settings were compared

# %%
show(trials.chosen_table(tables), "Chosen on validation photos of the search, then trained again from scratch.")

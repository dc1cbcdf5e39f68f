# %% [markdown]
# # Task effects
#
# Each contrast was written down before any data: treatment minus control, on the same test photos and with the same
# replicates (data cut, first weights, order of batches) on both sides. All numbers come from fresh trainings of the
# chosen settings; no score of the search appears here.

# %%
from analysis.figures import effects
from analysis.page.show import show, study_tables
from analysis.summaries import trials, verdict

tables = study_tables()
show(
    effects.forest(tables),
    "Difference between the arms. Thin line: 95 % interval for new photos and trainings, which carries the verdict. "
    "Thick line: 95 % interval for new trainings on these photos only. Grey band: differences too small to matter. "
    "With few replicates the thin line can be the shorter one: it learns from the photos' spread too, the thick one "
    "from the replicates alone.",
)
show(
    verdict.beside_each_other(verdict.contrast_table(tables, "primary")),
    "The primary family, with Holm's correction over its own contrasts. The effect size is the difference divided by "
    "its standard deviation between replicates; the probability of improvement is the share of replicates in which the "
    "treatment did better.",
)

# %% [markdown]
# ### Controls and twins
#
# A second family with its own correction; it explains and never decides. *Controls* take one thing away: true names
# (shuffled labels), the shared path (no fusion), or one task's say over the shared layers (stopped gradients). If the
# effect stays without it, that thing did not carry it. A *twin* is the chosen joint setting trained once more with one
# task switched off. Where it is worse than the tuned specialist by more than the margin, the reference is
# undertuned: the comparison would flatter the joint arm and is withheld.

# %%
controls = verdict.contrast_table(tables, "controls")
if tables.study["controls"] or not controls.empty:
    show(effects.forest(tables, "controls"), "Controls and twins, drawn as above.")
    show(verdict.beside_each_other(controls), "The second family, with Holm's correction over its own contrasts.")
else:
    show("This study declares no controls and trained no twins, so it cannot say which path carries an effect.")

# %% [markdown]
# ### By category
#
# Descriptive only: few photos stand behind each bar, and none was tested, so single bars will differ by chance.
# Whiskers reach from the lowest to the highest replicate.

# %%
for contrast in tables.study["contrasts"]:
    show(effects.categories(tables, contrast), f"{contrast}: difference within each category.")
    show(effects.category_table(tables, contrast), f"{contrast}: the same as a table.", folded=True)

# %% [markdown]
# ### Which settings were compared

# %%
show(
    trials.chosen_table(tables),
    "The settings behind each side: chosen on validation photos of the search, then trained again from scratch.",
    folded=True,
)

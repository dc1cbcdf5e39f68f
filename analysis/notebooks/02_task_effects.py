# %% [markdown]
# # Task effects
#
# Each contrast was written down before any data: treatment minus control, on the same test photos and with the same
# replicates (data cut, first weights, order of batches) on both sides. All numbers come from fresh trainings of the
# chosen settings; no score of the search appears here.

# %%
from analysis.figures import effects, photos
from analysis.page.show import show, study_tables
from analysis.summaries import examples, pairs, trials, verdict

tables = study_tables()
show(
    effects.forest(tables),
    "Difference between the arms. Thin line: 95 % interval. Thick line: the interval that decides whether the "
    "difference lies within the margin. Grey band: differences too small to matter. Hollow dots: one for each fold, or "
    "for each replicate where there is one fold.",
)
show(pairs.unit_table(tables), "The dots as a table: treatment minus control.", folded=True)
show(
    verdict.beside_each_other(verdict.contrast_table(tables, "primary")),
    "The primary family, whose contrasts share one error of 5 %. Share of the gap: how much of the way from what costs "
    "nothing to what knowing the category would reach. Effect size: the difference divided by its standard deviation "
    "between folds, or between replicates where there is one fold.",
)

# %% [markdown]
# ### Both tasks in one network
#
# The setting that a compromise declared in the study file has chosen, held against both specialists: a family of its
# own.

# %%
both = verdict.contrast_table(tables, "both")
if both.empty:
    show("This study declares no compromise, so no single network was tested on both tasks.")
else:
    show(effects.forest(tables, "both"), "One network for both tasks, drawn as above.")
    show(verdict.beside_each_other(both), "The same as a table.", folded=True)

# %% [markdown]
# ### Controls and twins
#
# A second family with an error of its own; it explains and never decides. It is trained only where a primary contrast
# has found an effect. *Controls* take one thing away: true names
# (shuffled labels), the shared path (no fusion), or one task's say over the shared layers (stopped gradients). If the
# effect stays without it, that thing did not carry it. A *twin* is the chosen joint setting trained once more with one
# task switched off. Where it differs from the tuned specialist by more than the margin, either way, one of them is
# undertuned: a twin that is worse would flatter the joint arm, so its comparison is withheld.

# %%
controls = verdict.contrast_table(tables, "controls")
if tables.study["controls"] or not controls.empty:
    show(effects.forest(tables, "controls"), "Controls and twins, drawn as above.")
    show(verdict.beside_each_other(controls), "The second family as a table.", folded=True)
else:
    show("This study declares no controls and trained no twins, so it cannot say which path carries an effect.")

# %% [markdown]
# ### Photo by photo
#
# Descriptive only, as everything from here on: few photos stand behind each mark, and none was tested, so single ones
# will differ by chance. On the diagonal both sides do equally well; a mark has the colour of the arm that did better.

# %%
for contrast in tables.study["contrasts"]:
    show(photos.scatter(tables, contrast), f"{contrast}: each mark a test photo, averaged over its replicates.")

# %% [markdown]
# ### By category
#
# Whiskers hold the middle half of a category's photos.

# %%
quartiles = {"low": "lower quartile", "high": "upper quartile"}
for contrast in tables.study["contrasts"]:
    show(photos.categories(tables, contrast), f"{contrast}: difference within each category.")
    show(
        pairs.category_table(tables, contrast).rename(columns=quartiles),
        f"{contrast}: the same as a table.",
        folded=True,
    )

# %% [markdown]
# ### Which names are confused
#
# Rows are true names, columns predicted ones: how much more often the treatment gives that name than the control does,
# in percentage points of the row's photos. On the diagonal more is better, elsewhere less.

# %%
for contrast in pairs.naming_contrasts(tables):
    show(photos.confusion(tables, contrast), f"{contrast}: difference of the two confusion matrices.")
    show(photos.confusion_words(tables, contrast), f"{contrast}: the cells that differ most.", folded=True)
if not pairs.naming_contrasts(tables):
    show("No primary contrast compares two arms that both name.")

# %% [markdown]
# ### How colourful
#
# The mean error alone rewards grey: who is unsure and paints little is punished little. So the colourfulness (Hasler
# and Süsstrunk 2003) of what was painted stands beside that of the truth. Over 1, the painting is the more colourful.

# %%
colorfulness = examples.colorfulness_table(tables)
if colorfulness.empty:
    show("Colourfulness was not measured in this study.")
else:
    show(colorfulness, "Means over trainings and test photos.")

# %% [markdown]
# ### Which settings were compared

# %%
show(
    trials.chosen_table(tables),
    "The settings behind each side: chosen on validation photos of the search, then trained again from scratch.",
    folded=True,
)

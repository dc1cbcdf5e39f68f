# %% [markdown]
# # Concepts: does colouring use the class?
#
# The network fuses a vector that describes the whole photo into the colouring of each spot; the same layers name the
# photo. On the trained networks, each test photo is coloured again with that vector taken from elsewhere: from another
# test photo of the same class, from one of another class (four of each, the same for all networks), or the mean of all.
# A stranger's vector does harm as such. So the measure is the error with a stranger of *another* class minus that with
# one of the *same* class: above zero, colouring uses what the vector tells of the class. What the local layers know of
# the class without the vector stays out of it.

# %%
from analysis.figures import concepts as concept_figures
from analysis.page.show import show, study_tables
from analysis.summaries import concepts

tables = study_tables()
show(concepts.sentences(tables))
statistic = concepts.statistic_table(tables)
if not statistic.empty:
    show(
        concept_figures.class_use(tables),
        "Error with another class's features minus error with the same class's. Thin line: 95 % interval. Thick "
        "line: the interval that is held against the margin. Grey band: the margin.",
    )
    show(
        statistic.drop(columns=["arm", "p", "equivalent", "low_95_these_photos", "high_95_these_photos"]),
        "The same as a table, in CIEDE2000; p times the number of tests in this table. Beside the study's contrasts: "
        "it explains and decides nothing.",
        folded=True,
    )

# %% [markdown]
# ### What strangers' features cost

# %%
harm = concepts.feature_table(tables)
if harm.empty:
    show("Nothing to show: no confirmed network has been measured with features that are not the photo's own.")
else:
    show(concept_figures.features(tables), "Mean colour error of the test photos, by whose features were fused.")
    show(
        harm.assign(features=harm["features"].map(concepts.FEATURES)),
        "Mean error, and how much more it is than with the photo's own features (harm), with 95 % intervals, in "
        "CIEDE2000. The mean vector is that of the test photos.",
        folded=True,
    )

# %% [markdown]
# ### Where the class was named right, and where it was not
#
# Photos that are hard to name may be hard to colour for the same reason, so a difference here is no proof of use.

# %%
named = concepts.named_right_table(tables)
if named.empty:
    show(concepts.NO_NAMES)
else:
    show(
        named,
        "Mean colour error in CIEDE2000 where the class was named right and wrong, and wrong minus right (effect) with "
        "its 95 % interval.",
    )

# %% [markdown]
# ### Inside and outside the object
#
# The object is what lies within bounding boxes where the data set has them; elsewhere, on photos whose edge is mostly
# near white, all but the near-white area that reaches the edge. **Body parts cannot be tested:** no data set here says
# where a photo shows a head, a leg, a stalk or a leaf, so whether colouring knows them stays open.

# %%
regions = concepts.region_table(tables)
if regions.empty:
    show(concepts.NO_REGIONS)
else:
    show(
        regions,
        "Mean colour error in CIEDE2000 inside and outside the object, and inside minus outside (effect) with its "
        "95 % interval; over the photos where the two can be told apart.",
    )
effects = concepts.region_effect_table(tables)
if not effects.empty:
    show(
        effects,
        "Each primary contrast of colour inside and outside the object, and inside minus outside (effect), with plain "
        "95 % intervals: descriptive.",
        folded=True,
    )

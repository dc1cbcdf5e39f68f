# %% [markdown]
# # Gallery
#
# Photos are shown because a rule says so, never because somebody liked them.
#
# ### Evenly through the test pool
#
# The same test photos for every confirmed setting, from replicate 1, evenly spaced in the order of category and name:
# grey input, truth, prediction.

# %%
from analysis import examples
from analysis.notebook import show, study_tables

tables = study_tables()
if not tables.gallery:
    show("No confirmed trial has left pictures yet.")
for setting, picture in tables.gallery.items():
    show(picture, setting)

# %% [markdown]
# ### Best, median and worst

# %%
show(
    examples.best_median_worst(tables),
    "The test photos with the lowest, middle and highest colour difference (CIEDE2000), averaged over all settings "
    "that colour and all their replicates, so that no setting is favoured by the choice.",
)
show(
    examples.example_table(tables),
    "The photos that the treatment helped most, in the middle, and hurt most, by the mean difference over replicates. "
    "The extremes of many photos are extreme by chance too: they illustrate, they do not prove.",
)

# %% [markdown]
# ### Scores by category

# %%
show(examples.category_scores(tables), "PSNR and SSIM on the test pool, means over photos and replicates.", folded=True)
if tables.study["data"].get("dataset") == "ncd":
    show(
        examples.PUBLISHED_NCD,
        "For orientation: whole-set means that Anwar et al. (2020) report for published colorizers on this data set. "
        "They are not a contest: those networks were trained on other photos and measured on all of NCD at full size; "
        f"ours were trained on NCD and measured on its test pool at {tables.study['data'].get('image_size')} pixels. "
        "Their table by category is not part of this report.",
    )

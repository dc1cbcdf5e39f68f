# %% [markdown]
# # Gallery
#
# Photos are shown because a rule says so, never because somebody liked them. Each row is one test photo: what the
# network sees, the truth, and what every confirmed setting painted in replicate 1, with that painting's colour error
# (CIEDE2000, lower is better; inside the object where the study decides on it). Colours are shown as a screen can show
# them, and were measured so.
#
# ### Best, median and worst

# %%
from analysis.page.show import Pictures, show, study_tables
from analysis.summaries import examples, pictures
from analysis.tables import metric, records

tables = study_tables()
chosen = examples.best_median_worst(tables)
for row in records(chosen):
    painted = pictures.side_by_side(tables, row["photo"])
    if painted:
        show(Pictures([painted]), examples.words_of(row))
show(
    chosen,
    "The test photos with the lowest, middle and highest colour difference (CIEDE2000), averaged over all settings "
    "that colour and all their replicates, so that no setting is favoured by the choice.",
)

# %% [markdown]
# ### Helped and hurt most
#
# The extremes of many photos are extreme by chance too: they illustrate, they do not prove.

# %%
helped = examples.example_table(tables)
for row in records(helped):
    painted = pictures.side_by_side(tables, row["photo"])
    if painted and metric(tables, row["metric"]).task == "color":
        show(Pictures([painted]), f"{row['contrast']}, {examples.words_of(row)}", folded=row["rule"] == "middle")
show(
    helped,
    "The photos that the treatment helped most, in the middle, and hurt most, by the mean difference over replicates.",
)

# %% [markdown]
# ### Evenly through the test pool
#
# The same test photos for every confirmed setting, evenly spaced in the order of category and name.

# %%
for photo in examples.evenly(tables):
    painted = pictures.side_by_side(tables, photo)
    if painted:
        show(Pictures([painted]), photo)
if tables.pictures.empty:
    show("No confirmed trial has left pictures yet.")

# %% [markdown]
# ### The same photo with features of other photos
#
# The network fuses a vector that describes the whole photo into the colouring of each spot. Here that vector was taken
# from photos of other classes, or is the mean of all: where the colours follow, colouring uses what the vector tells.
# How much, in numbers, is in the section on concepts.

# %%
swapped = pictures.variant_rows(tables, "features")
for place, (role, rows) in enumerate(swapped.items()):
    show(rows, f"{role}, replicate 1: its own features, then others'.", folded=place > 0)
if not swapped:
    show("No confirmed network has left pictures with the features of other photos.")

# %% [markdown]
# ### The same photo while it learned

# %%
grown = pictures.variant_rows(tables, "epoch")
for place, (role, rows) in enumerate(grown.items()):
    show(rows, f"{role}, replicate 1: after so many epochs.", folded=place > 0)
if not grown:
    show("No confirmed network has left pictures of earlier epochs.")

# %% [markdown]
# ### Scores by category

# %%
show(
    examples.category_scores(tables), "PSNR and SSIM on the test photos, means over photos and replicates.", folded=True
)
if tables.study["data"].get("dataset") == "ncd":
    show(
        examples.beside_published(tables),
        "For orientation: whole-set means that Anwar et al. (2020) report for published colorizers on this data set. "
        "They are not a contest: those networks were trained on other photos and measured on all of NCD at full size; "
        f"ours were trained on NCD and measured on its test pool at {tables.study['data'].get('image_size')} pixels. "
        "Their table by category is not part of this report.",
    )

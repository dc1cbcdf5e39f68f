# %% [markdown]
# # Gallery
#
# The same test photos for every confirmed setting, from replicate 1: grey input, truth, prediction.

# %%
from analysis.notebook import show, study_tables

tables = study_tables()
if not tables.gallery:
    show("No confirmed trial has left pictures yet.")
for setting, picture in tables.gallery.items():
    show(picture, setting)

# %% [markdown]
# # Data colours
#
# What colours the photos have, whoever paints them, and how far off one gets with rules instead of a network. A colour
# error means little without them.

# %%
from analysis.figures.data_colors import swatches
from analysis.page.show import show, study_tables
from analysis.summaries import data_colors

tables = study_tables()
if data_colors.missing(tables):
    show(data_colors.missing(tables))
else:
    show(data_colors.in_words(tables))
    show(
        data_colors.rule_table(tables),
        "Errors of painting by rule, beside those of the confirmed settings; lower is better. The rules are fitted on "
        "the photos they are measured on, all of them, so they flatter a little; networks are measured on photos "
        "they have not seen.",
    )
    show(
        swatches(tables),
        "Dominant colours of each category by k-means in Lab, near-white pixels "
        f"({tables.colors['near_white_rule']}) set apart as the background of cut-out objects; to the right the mean "
        "colour, which hedging paints.",
    )
    show(data_colors.category_table(tables), "The same as a table, with errors in CIEDE2000.", folded=True)

# %% [markdown]
# # Verdict

# %%
from analysis.figures import effects
from analysis.health.checks import findings
from analysis.page.show import Badges, show, study_tables
from analysis.summaries import examples, verdict

tables = study_tables()
show(effects.answers(tables))
rows = examples.first_rows(tables)
if rows is not None:
    show(
        rows,
        "The test photos with the lowest, the middle and the highest colour error, averaged over the arms shown. "
        "Numbers: that error of replicate 1, lower is better.",
    )
limits = verdict.limits(tables)
show(f"**What it cannot tell**: {limits[0]}")

# %% [markdown]
# ### Health

# %%
order = ("weakens", "mind", "note")
found = sorted(findings(tables), key=lambda finding: order.index(finding.grade))
badges = Badges([(finding.grade, finding.sentence, finding.remedy) for finding in found])
show(badges if found else "Nothing found that weakens the answer.")

# %% [markdown]
# ### What the answer rests on

# %%
show(verdict.basis(tables))

# %% [markdown]
# How to read it: the grey band holds the differences that were declared too small to matter before the study began.
# Thin line: 95 % interval of the difference. Thick line: the interval that is held against the margin. Hollow dots: one
# for each fold, or for each replicate where there is one fold.
#
# ### What this study cannot tell

# %%
show(limits)

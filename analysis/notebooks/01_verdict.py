# %% [markdown]
# # Verdict

# %%
from analysis.health.checks import findings
from analysis.page.show import show, study_tables
from analysis.summaries import verdict

tables = study_tables()
show(verdict.summary(tables))
show(verdict.basis(tables))

# %% [markdown]
# How to read it: *helps* and *hurts* are said only where chance is an unlikely explanation (p below 0.05 after Holm's
# correction for the number of questions asked). *No difference within the margin* is said only where the 90 %
# interval lies wholly among differences that were declared too small to matter before the study began. Everything
# else is *undecided*. The interval allows for new photos and for new trainings.
#
# ### Health

# %%
found = findings(tables)
show([f"**{finding.sentence}** {finding.remedy}" for finding in found] or "Nothing found that weakens the answer.")

# %% [markdown]
# ### What this study cannot tell

# %%
show(verdict.limits(tables))

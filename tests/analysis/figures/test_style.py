"""One colour an arm, everywhere."""

from dataclasses import replace

from analysis.figures import style
from analysis.tables import Tables


def test_arms_keep_their_colour_whatever_has_finished(tables: Tables) -> None:
    styles = style.arm_styles(tables)
    assert len(set(styles.values())) == 4
    fewer = replace(tables, trials=tables.trials[tables.trials["arm"] == "no_fusion"], photos=tables.photos.iloc[:0])
    assert style.arm_styles(fewer) == styles


def test_forty_arms_do_not_run_out_of_styles(tables: Tables) -> None:
    arms = {f"arm{index}": {} for index in range(36)}
    styles = style.arm_styles(replace(tables, study={**tables.study, "arms": arms}))
    assert len({styles[arm] for arm in arms}) == 36

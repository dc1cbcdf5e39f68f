"""The words: subject, claim, numbers, and what it would take."""

from collections.abc import Callable
from dataclasses import replace

from analysis.summaries.verdict import basis, beside_each_other, contrast_table, number, summary, verdict_lines
from analysis.tables import Tables


def test_a_line_says_verdict_effect_unit_interval_p_replicates_and_photos(tables: Tables) -> None:
    color = verdict_lines(tables)[0]
    assert color.startswith("color: Learning to name photos as well helps colouring.")
    for part in (
        "CIEDE2000",
        "a difference of \N{MINUS SIGN}",
        "95 % interval",
        "adjusted p",
        "6 replicates",
        "60 photos",
    ):
        assert part in color


def test_an_undecided_line_says_what_it_would_take(tables: Tables) -> None:
    naming = verdict_lines(tables)[1]
    assert naming.startswith("naming: Whether learning to colour photos as well helps or hurts naming is undecided.")
    assert "To be sure of a decision it would take about" in naming


def test_hurting_is_called_hurting(make_tables: Callable[..., Tables]) -> None:
    tables = make_tables(effects={"joint.color": 1.2, "joint.naming/top1": 0.3})
    lines = verdict_lines(tables)
    assert "as well hurts colouring." in lines[0]
    assert "as well helps naming." in lines[1]


def test_arms_that_differ_in_more_than_a_task_are_named_instead(tables: Tables) -> None:
    arms = {**tables.study["arms"], "joint": {"overrides": {"shuffle_labels": True}, "tasks": ["color", "class"]}}
    lines = verdict_lines(replace(tables, study={**tables.study, "arms": arms}))
    assert lines[0].startswith("color: joint instead of color_only helps colouring.")


def test_one_replicate_is_said_to_say_nothing(make_tables: Callable[..., Tables]) -> None:
    assert "cannot be said: one replicate only" in verdict_lines(make_tables(num_replicates=1))[0]


def test_no_contrast_is_said_in_words(tables: Tables) -> None:
    bare = replace(tables, study={**tables.study, "contrasts": {}, "controls": {}})
    assert verdict_lines(bare) == ["The study declares no contrast, so there is no verdict."]
    assert summary(bare) == ["The study declares no contrast, so there is no answer."]


def test_the_basis_names_settings_replicates_photos_and_arms(tables: Tables) -> None:
    words = basis(tables)
    for part in ("with the settings this search found", "6 replicates", "60 test photos", "no_fusion", "orchard"):
        assert part in words


def test_the_table_has_both_intervals_and_both_counts(tables: Tables) -> None:
    table = beside_each_other(contrast_table(tables, "primary"))
    assert list(table.columns) == ["", "color", "naming"]
    rows = set(table[""])
    assert {"95 %, new photos and trainings", "95 %, these photos only", "adjusted p", "replicates", "photos"} <= rows


def test_numbers_carry_three_digits_and_their_unit() -> None:
    assert number(-0.12345, "CIEDE2000") == "\N{MINUS SIGN}0.123 CIEDE2000"
    assert number(0.5, "share") == "0.5"
    assert number(float("nan")) == "unknown"


def test_a_claim_about_colouring_says_at_once_where_a_side_has_not_learned_to_colour(tables: Tables) -> None:
    def lines(*settings: str) -> list[str]:
        errors = tables.photos["delta_e"].where(~tables.photos["setting"].isin(settings), 15.5)
        return verdict_lines(replace(tables, photos=tables.photos.assign(delta_e=errors)))

    assert not any("one colour" in line for line in lines())
    claim = lines("color_only")[0].partition(". ")[0]
    assert claim.endswith(
        "no replicate of color_only colours better than one colour for every photo does (15 CIEDE2000)"
    )
    both = lines("color_only", "joint.color")
    assert "but no replicate of either side colours better" in both[0].partition(". ")[0]
    assert "one colour" not in both[1]

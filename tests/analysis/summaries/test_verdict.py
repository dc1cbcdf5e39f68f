"""The words: subject, claim, numbers, what they rest on, and what they cannot tell."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from analysis.statistics import rule
from analysis.statistics.contrasts import contrasts
from analysis.summaries.verdict import (
    CLASS_USE_WORDS,
    also_holds,
    basis,
    beside_each_other,
    contrast_table,
    limits,
    number,
    percent,
    sentence,
    summary,
    verdict_lines,
    word,
)
from analysis.tables import Tables

MINUS = "\N{MINUS SIGN}"


def test_a_line_says_verdict_effect_unit_interval_replicates_photos_and_sizes(tables: Tables) -> None:
    color = verdict_lines(tables)[0]
    assert color.startswith(
        "color: Learning to name photos as well helps colouring by more than the margin of 0.5 CIEDE2000."
    )
    for part in (
        "CIEDE2000",
        "a difference of \N{MINUS SIGN}",
        "95 % interval",
        "6 replicates",
        "60 photos",
        "It gains 26 % of the way from grey to the colour of the category.",
        "Of single photos 80 % (95 % interval 75 to 86 %) come out better.",
    ):
        assert part in color


def test_an_undecided_line_says_what_another_study_would_need(tables: Tables) -> None:
    naming = verdict_lines(tables)[1]
    assert naming.startswith("naming: Whether learning to colour photos as well helps or hurts naming is undecided.")
    assert "It loses 3 % of the way from guessing by frequency to no error." in naming
    assert "Another study could decide it, with about " in naming
    assert "confirm.replicates" not in naming


def test_hurting_is_called_hurting(make_tables: Callable[..., Tables]) -> None:
    tables = make_tables(effects={"joint.color": 1.2, "joint.naming/top1": 0.3})
    lines = verdict_lines(tables)
    assert "as well hurts colouring by more than the margin of 0.5 CIEDE2000." in lines[0]
    assert "as well helps naming by more than the margin of 0.03." in lines[1]


def test_arms_that_differ_in_more_than_a_task_are_named_instead(tables: Tables) -> None:
    arms = {**tables.study["arms"], "joint": {"overrides": {"shuffle_labels": True}, "tasks": ["color", "class"]}}
    lines = verdict_lines(replace(tables, study={**tables.study, "arms": arms}))
    assert lines[0].startswith("color: joint instead of color_only helps colouring by more")


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
    assert {"look", "folds", "against the margin", "share of the gap", "photos that improve"} <= rows


def test_numbers_carry_three_digits_and_their_unit() -> None:
    assert number(-0.12345, "CIEDE2000") == "\N{MINUS SIGN}0.123 CIEDE2000"
    assert number(0.5, "share") == "0.5"
    assert number(float("nan")) == "unknown"
    assert (percent(-0.123), percent(0.5), percent(float("nan"))) == (f"{MINUS}12 %", "50 %", "unknown")


def claimed(row, *claims: str):
    """The row as if these claims held."""
    return {**row, "verdict": claims[0] if claims else rule.UNDECIDED, "claims": list(claims)}


BY_CLAIM = {
    (rule.HELPS_MORE, rule.HELPS, rule.NOT_WORSE): "helps colouring by more than the margin of 0.5 CIEDE2000",
    (rule.HELPS, rule.NOT_WORSE): "helps colouring",
    (rule.HELPS, rule.EQUIVALENT, rule.NOT_WORSE, rule.NOT_BETTER):
        "helps colouring, but by less than the margin of 0.5 CIEDE2000",
    (rule.NOT_WORSE,):
        "does not worsen colouring by as much as the margin of 0.5 CIEDE2000; whether it helps stays open",
    (rule.EQUIVALENT, rule.NOT_WORSE, rule.NOT_BETTER):
        "makes no difference to colouring within the margin of 0.5 CIEDE2000",
    (rule.NOT_BETTER,):
        "does not improve colouring by as much as the margin of 0.5 CIEDE2000; whether it hurts stays open",
    (rule.HURTS, rule.NOT_BETTER): "hurts colouring",
    (rule.HURTS, rule.EQUIVALENT, rule.NOT_WORSE, rule.NOT_BETTER):
        "hurts colouring, but by less than the margin of 0.5 CIEDE2000",
    (rule.HURTS_MORE, rule.HURTS, rule.NOT_BETTER): "hurts colouring by more than the margin of 0.5 CIEDE2000",
}  # fmt: skip


@pytest.mark.parametrize("claims", BY_CLAIM, ids=lambda claims: claims[0])
def test_every_word_has_its_sentence(tables: Tables, claims: tuple[str, ...]) -> None:
    row = claimed(contrasts(tables).iloc[0].to_dict(), *claims)
    assert sentence(tables, row).startswith(f"Learning to name photos as well {BY_CLAIM[claims]}. ")


def test_what_the_verdict_implies_is_not_said_again(tables: Tables) -> None:
    row = contrasts(tables).iloc[0].to_dict()
    assert also_holds(claimed(row, rule.HELPS_MORE, rule.HELPS, rule.NOT_WORSE)) == ""
    assert also_holds(claimed(row, rule.HELPS, rule.EQUIVALENT, rule.NOT_WORSE, rule.NOT_BETTER)) == rule.EQUIVALENT
    assert also_holds(claimed(row)) == ""


def test_a_study_with_folds_says_look_folds_and_searches(make_tables: Callable[..., Tables]) -> None:
    tables = make_tables(num_folds=8, num_photos=240, effects={"joint.color": -0.9})
    color = verdict_lines(tables)[0]
    assert color.startswith("color: Learning to name photos as well helps colouring the object")
    assert "8 folds, each with its own search, 1 replicate in each, 216 photos, at look 1 of 2)" in color
    assert "8 folds, each with its own search" in basis(tables)
    assert "with the settings this search found" not in basis(tables) + " ".join(limits(tables))
    row = contrast_table(tables, "primary").iloc[0]
    assert row["look"] == "1 of 2" and "95 %, new photos, trainings and searches" in row
    (both,) = [row for _, row in contrasts(tables).iterrows() if row["contrast"] == "both, color"]
    assert "ne network for both tasks (joint.both) " in sentence(tables, both).partition(". ")[0]


def test_limits_name_shared_luck_failed_searches_looks_and_classes(make_tables: Callable[..., Tables]) -> None:
    folds, one = make_tables(num_folds=8, num_photos=48), make_tables("one")
    for part in (
        "luck that they share is not in the interval", "one search in ten goes wrong", "do not grow",
        "these 6 classes (Apple, Banana, Carrot, Lemon, Plum, Tomato)",
    ):  # fmt: skip
        assert part in " ".join(limits(folds))
    assert "All replicates share one search" in " ".join(limits(one))


def test_class_use_between_arms_is_neither_help_nor_harm(make_tables: Callable[..., Tables]) -> None:
    tables = make_tables(num_folds=8, num_photos=240, effects={"joint.color/class_use": 0.8})
    row = contrasts(tables).set_index("contrast").loc["class use"].to_dict() | {"contrast": "class use"}
    assert sentence(tables, row).startswith(
        "In joint.color colouring uses the class more, by more than the margin of 0.3 CIEDE2000, than in color_only. "
    )
    assert word(row) == "uses the class more, by more than the margin"
    for claim, words in CLASS_USE_WORDS.items():
        said = sentence(tables, claimed(row, claim))
        assert not {"helps", "hurts", "better"} & set(said.split(".")[0].split()), said
        assert words.split(",")[0].removesuffix("the margin") in said


def test_what_is_waited_for_is_said(tables: Tables) -> None:
    trials = tables.trials.assign(state=tables.trials["state"].where(tables.trials["replicate"] < 6, "queued"))
    line = verdict_lines(replace(tables, trials=trials))[0]
    assert line.startswith("color: What learning to name photos as well does to colouring is not known yet: ")
    assert "1 of 6 trainings of joint.color have not ended" in line


def test_a_claim_about_colouring_says_at_once_where_a_side_has_not_learned_to_colour(tables: Tables) -> None:
    def lines(*settings: str) -> list[str]:
        errors = tables.photos["delta_e"].where(~tables.photos["setting"].isin(settings), 11.5)
        return verdict_lines(replace(tables, photos=tables.photos.assign(delta_e=errors)))

    assert not any("grey does" in line for line in lines())
    claim = lines("color_only")[0].partition(". ")[0]
    assert claim.endswith(
        "; but no replicate of color_only colours better than leaving photos grey does (11.2 CIEDE2000)"
    )
    both = lines("color_only", "joint.color")
    assert "cannot be said: neither side does better than leaving photos grey" in both[0]
    assert "grey" not in both[1]

"""Two versions of a study are told apart by what may still change, and every study has a smallest version."""

from study.definition.changes import differences, smallest
from study.definition.load import parse_study
from tests.study.design_study import DESIGN, DROPOUT


def test_smallest_study_is_valid_and_keeps_arms_and_data() -> None:
    study = parse_study(DESIGN, overrides=["search.min_epochs=9", "search.enqueue=[{dropout: 0}, {dropout: 0.1}]"])
    small = smallest(study)
    assert (small.search.trials_per_arm, small.confirm.replicates, small.epochs) == (2, 2, 1)
    assert small.data_config().image_size == 32 and small.data["root"] == "data/ncd"
    assert small.arms == study.arms and small.space == study.space and small.contrasts == study.contrasts
    assert small.base["width"] == 0.125 and parse_study(small.document) == small
    assert "width" not in smallest(parse_study(DESIGN.replace(", width: 1.0", "").replace(DROPOUT, "width: 2"))).base


def test_smallest_study_that_compares_poolings_has_photos_on_which_they_differ() -> None:
    study = parse_study(DESIGN.replace(DROPOUT, "pooling: {choice: [flatten, average]}"))
    assert smallest(study).data_config().image_size == 40


def test_differences_tell_growth_and_placement_from_change() -> None:
    overrides = ["search.trials_per_arm=40", "confirm.replicates=4", "data.root=/elsewhere", "base.batch_size=32"]
    found = differences(DESIGN, parse_study(DESIGN, overrides=overrides).document)
    assert found.growth == ["search.trials_per_arm: 30 -> 40"]
    assert found.placement == ["data.root: 'data/ncd' -> '/elsewhere'"]
    assert found.refused == ["base.batch_size: 64 -> 32", "confirm.replicates: 10 -> 4"]


def test_comments_and_written_out_defaults_are_no_difference() -> None:
    overrides = ["seed=0", "base.fusion=true", "search.reduction_factor=3", "data.split=pool"]
    found = differences(DESIGN, "# a comment\n" + parse_study(DESIGN, overrides=overrides).document)
    assert (found.refused, found.growth, found.placement) == ([], [], [])


def test_changed_range_and_new_arm_are_differences() -> None:
    other = DESIGN.replace("[1.0e-3, 1.0]", "[1.0e-3, 2.0]").replace(
        "objectives:", "  extra: {width: 0.5}\nobjectives:"
    )
    refused = differences(DESIGN, other).refused
    assert [text.split(":")[0] for text in refused] == ["arms.extra.width", "space.learning_rate"]
    assert refused[0] == "arms.extra.width: absent -> 0.5"

"""selection.py: which settings are confirmed, by a rule worked out by hand."""

import dataclasses
from pathlib import Path

from study.definition.load import parse_study
from study.definition.study import Study
from study.ledger.ledger import Ledger
from study.search.selection import confirm_entries, make_entry, select
from tests.study.analytic import TEXT, analytic_study

JOINT = [{"learning_rate": rate, "class_loss_weight": 0.01} for rate in (1e-3, 2e-3, 3e-3)]


def fill(ledger: Ledger, study: Study, arm: str, ends: list[tuple[str, float, float]]) -> None:
    """Search trials of an arm with their end, val/delta_e and val/top1."""
    for number, (state, delta_e, top1) in enumerate(ends):
        settings = JOINT[number] if arm == "joint" else {"learning_rate": JOINT[number]["learning_rate"]}
        entry = make_entry(study, arm, settings, phase="search", number=number, replicate=0)
        ledger.write(dataclasses.replace(entry, state=state))
        ledger.write_records(entry.name, [{"epoch": 1, "val/delta_e": delta_e, "val/top1": top1}])


def chosen(ledger: Ledger, study: Study) -> dict[tuple[str, str], tuple[str, str]]:
    return {(one.contrast, one.side): (one.source, one.setting) for one in select(study, ledger)}


def test_each_contrast_picks_both_arms_by_its_own_metric(tmp_path: Path) -> None:
    study, ledger = analytic_study(), Ledger(tmp_path)
    fill(ledger, study, "joint", [("done", 5.0, 0.9), ("done", 4.0, 0.5)])
    fill(ledger, study, "color_only", [("done", 6.0, 0.1), ("done", 7.0, 0.2)])
    fill(ledger, study, "class_only", [("done", 20.0, 0.6), ("done", 10.0, 0.5)])
    assert chosen(ledger, study) == {
        ("color", "treatment"): ("joint-search-1", "joint.color"),
        ("color", "control"): ("color_only-search-0", "color_only"),
        ("naming", "treatment"): ("joint-search-0", "joint.naming"),
        ("naming", "control"): ("class_only-search-0", "class_only"),
    }


def test_one_trial_that_is_best_at_both_is_confirmed_once(tmp_path: Path) -> None:
    study, ledger = analytic_study(), Ledger(tmp_path)
    fill(ledger, study, "joint", [("done", 4.0, 0.9), ("done", 5.0, 0.5)])
    assert chosen(ledger, study)["color", "treatment"] == ("joint-search-0", "joint")
    assert chosen(ledger, study)["naming", "treatment"] == ("joint-search-0", "joint")
    entries = confirm_entries(study, ledger, select(study, ledger))
    assert [entry.name for entry in entries] == ["joint-confirm-1", "joint-confirm-2", "joint-confirm-3"]


def test_only_trials_with_the_full_budget_are_chosen(tmp_path: Path) -> None:
    study, ledger = analytic_study(), Ledger(tmp_path)
    fill(ledger, study, "color_only", [("stopped", 1.0, 0.0), ("done", 6.0, 0.0), ("failed", 2.0, 0.0)])
    assert chosen(ledger, study)["color", "control"][0] == "color_only-search-1"


def test_an_arm_without_a_finished_trial_is_left_out_and_said(tmp_path: Path) -> None:
    study, ledger = analytic_study(), Ledger(tmp_path)
    fill(ledger, study, "color_only", [("failed", 1.0, 0.0)])
    selections = select(study, ledger)
    assert all(one.source == "" and one.value is None for one in selections)
    assert confirm_entries(study, ledger, selections) == []


def test_confirm_trains_the_chosen_settings_as_fresh_replicates(tmp_path: Path) -> None:
    study, ledger = analytic_study(), Ledger(tmp_path)
    fill(ledger, study, "color_only", [("done", 6.0, 0.1)])
    entries = confirm_entries(study, ledger, select(study, ledger))
    assert [entry.replicate for entry in entries] == [1, 2, 3]
    source = ledger.entry("color_only-search-0")
    assert all(entry.config == source.config and entry.source == source.name for entry in entries)


def test_twins_drop_the_other_task_and_nothing_else(tmp_path: Path) -> None:
    study, ledger = analytic_study("confirm.twins=true"), Ledger(tmp_path)
    fill(ledger, study, "joint", [("done", 5.0, 0.9), ("done", 4.0, 0.5)])
    fill(ledger, study, "color_only", [("done", 6.0, 0.1)])
    configs = {entry.setting: entry.config for entry in confirm_entries(study, ledger, select(study, ledger))}
    assert set(configs) == {
        "joint.color",
        "joint.color.color.twin",
        "joint.naming",
        "joint.naming.class.twin",
        "color_only",
    }
    assert configs["joint.color.color.twin"] == {**configs["joint.color"], "class_loss_weight": 0.0}
    assert configs["joint.naming.class.twin"] == {**configs["joint.naming"], "color_loss_weight": 0.0}


def test_twins_of_a_task_weighting_have_nothing_to_weigh_and_learned_weights_have_no_twin(tmp_path: Path) -> None:
    for method, twin_weighting in (("pcgrad", "fixed"), ("uncertainty", None)):
        text = TEXT.replace("joint: {", f"joint: {{task_weighting: {method}, ")
        study = parse_study(text, "analytic.yaml", ["confirm.twins=true"])
        (tmp_path / method).mkdir()
        ledger = Ledger(tmp_path / method)
        fill(ledger, study, "joint", [("done", 5.0, 0.9), ("done", 4.0, 0.5)])
        configs = {entry.setting: entry.config for entry in confirm_entries(study, ledger, select(study, ledger))}
        assert configs["joint.color"]["task_weighting"] == method
        twin = configs.get("joint.color.color.twin")
        assert (twin["task_weighting"] if twin else None) == twin_weighting


def test_threads_follow_the_cores_of_a_trial() -> None:
    study = analytic_study("resources.cpus_per_trial=2")
    entry = make_entry(study, "color_only", {"learning_rate": 1e-3}, phase="search", number=0, replicate=0)
    assert entry.config["num_threads"] == 2

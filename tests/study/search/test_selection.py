"""selection.py: which settings are confirmed, by a rule worked out by hand."""

import dataclasses
from pathlib import Path

from study.definition.load import parse_study
from study.definition.study import Study
from study.ledger.ledger import Entry, Ledger
from study.search.selection import (
    RECHECK_REPLICATE,
    confirm_entries,
    make_entry,
    recheck_entries,
    roles_of,
    select,
    twin_entries,
)
from tests.study.analytic import TEXT, analytic_study

JOINT = [{"learning_rate": rate, "class_loss_weight": 0.01} for rate in (1e-3, 2e-3, 3e-3)]


def fill(ledger: Ledger, study: Study, arm: str, ends: list[tuple[str, float, float]], fold: int = 0) -> None:
    """Search trials of an arm with their end, val/delta_e and val/p_true, by which a contrast on top1 chooses."""
    for number, (state, delta_e, p_true) in enumerate(ends):
        settings = JOINT[number] if arm == "joint" else {"learning_rate": JOINT[number]["learning_rate"]}
        entry = make_entry(study, arm, settings, phase="search", fold=fold, number=number, replicate=0)
        ledger.write(dataclasses.replace(entry, state=state))
        ledger.write_records(entry.name, [{"epoch": 1, "val/delta_e": delta_e, "val/p_true": p_true}])


def end(ledger: Ledger, entry: Entry, delta_e: float, p_true: float) -> None:
    """A trial done, with its one record."""
    ledger.write(dataclasses.replace(entry, state="done"))
    ledger.write_records(entry.name, [{"epoch": 1, "val/delta_e": delta_e, "val/p_true": p_true}])


def chosen(ledger: Ledger, study: Study) -> dict[tuple[str, str], tuple[str, str]]:
    return {(one.contrast, one.side): (one.source, one.setting) for one in select(study, ledger)}


def trained(study: Study, ledger: Ledger) -> list[Entry]:
    """All that is confirmed where every contrast finds an effect."""
    chosen = select(study, ledger)
    return confirm_entries(study, ledger, chosen, 3) + twin_entries(study, ledger, chosen, 3)


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


def test_one_trial_that_is_best_at_both_is_confirmed_once_under_its_first_role(tmp_path: Path) -> None:
    study, ledger = analytic_study(), Ledger(tmp_path)
    fill(ledger, study, "joint", [("done", 4.0, 0.9), ("done", 5.0, 0.5)])
    assert chosen(ledger, study)["color", "treatment"] == ("joint-search-0", "joint.color")
    assert chosen(ledger, study)["naming", "treatment"] == ("joint-search-0", "joint.color")
    assert [one.role for one in select(study, ledger) if one.arm == "joint"] == ["joint.color", "joint.naming"]
    entries = confirm_entries(study, ledger, select(study, ledger), 3)
    assert [entry.name for entry in entries] == [f"joint.color-confirm-{number}" for number in (1, 2, 3)]


def test_only_trials_with_the_full_budget_are_chosen(tmp_path: Path) -> None:
    study, ledger = analytic_study(), Ledger(tmp_path)
    fill(ledger, study, "color_only", [("stopped", 1.0, 0.0), ("done", 6.0, 0.0), ("failed", 2.0, 0.0)])
    assert chosen(ledger, study)["color", "control"][0] == "color_only-search-1"


def test_an_arm_without_a_finished_trial_is_left_out_and_said(tmp_path: Path) -> None:
    study, ledger = analytic_study(), Ledger(tmp_path)
    fill(ledger, study, "color_only", [("failed", 1.0, 0.0)])
    selections = select(study, ledger)
    assert all(one.source == "" and one.value is None for one in selections)
    assert confirm_entries(study, ledger, selections, 3) == []


def test_confirm_trains_the_chosen_settings_as_fresh_replicates(tmp_path: Path) -> None:
    study, ledger = analytic_study(), Ledger(tmp_path)
    fill(ledger, study, "color_only", [("done", 6.0, 0.1)])
    entries = confirm_entries(study, ledger, select(study, ledger), 3)
    assert [entry.replicate for entry in entries] == [1, 2, 3]
    source = ledger.entry("color_only-search-0")
    assert all(entry.config == source.config and entry.source == source.name for entry in entries)


def test_twins_drop_the_other_task_and_nothing_else(tmp_path: Path) -> None:
    study, ledger = analytic_study("confirm.twins=true"), Ledger(tmp_path)
    fill(ledger, study, "joint", [("done", 5.0, 0.9), ("done", 4.0, 0.5)])
    fill(ledger, study, "color_only", [("done", 6.0, 0.1)])
    entries = trained(study, ledger)
    configs = {entry.setting: entry.config for entry in entries}
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
        entries = trained(study, ledger)
        configs = {entry.setting: entry.config for entry in entries}
        assert configs["joint.color"]["task_weighting"] == method
        twin = configs.get("joint.color.color.twin")
        assert (twin["task_weighting"] if twin else None) == twin_weighting


def test_threads_follow_the_cores_of_a_trial() -> None:
    study = analytic_study("resources.cpus_per_trial=2")
    entry = make_entry(study, "color_only", {"learning_rate": 1e-3}, phase="search", number=0, replicate=0)
    assert entry.config["num_threads"] == 2


def test_the_best_two_by_each_criterion_run_again_on_another_replicate(tmp_path: Path) -> None:
    study, ledger = analytic_study("search.rechecks=2"), Ledger(tmp_path)
    fill(ledger, study, "joint", [("done", 4.0, 0.1), ("done", 5.0, 0.2), ("done", 9.0, 0.3)])
    fill(ledger, study, "color_only", [("done", 4.0, 0.1), ("done", 5.0, 0.2), ("done", 9.0, 0.3)])
    fill(ledger, study, "class_only", [("done", 4.0, 0.1)])
    again = recheck_entries(study, ledger, study.first_arms)
    assert [(entry.name, entry.source, entry.replicate) for entry in again] == [
        ("color_only-recheck-0", "color_only-search-0", RECHECK_REPLICATE),
        ("color_only-recheck-1", "color_only-search-1", RECHECK_REPLICATE),
        ("joint-recheck-0", "joint-search-0", RECHECK_REPLICATE),
        ("joint-recheck-1", "joint-search-1", RECHECK_REPLICATE),
        ("joint-recheck-2", "joint-search-2", RECHECK_REPLICATE),
    ]
    assert again[0].config == ledger.entry("color_only-search-0").config
    # What was lucky once is not chosen for that; the rest of the arm had less to show and is no longer asked.
    end(ledger, again[0], 8.0, 0.0)
    end(ledger, again[1], 5.5, 0.0)
    assert chosen(ledger, study)["color", "control"][0] == "color_only-search-1"
    (control,) = [one for one in select(study, ledger) if (one.contrast, one.side) == ("color", "control")]
    assert control.value == 5.25
    # A launch that was interrupted among them plans the same ones.
    assert [one.name for one in recheck_entries(study, ledger, ["color_only"])] == [one.name for one in again[:2]]


def test_without_rechecks_nothing_runs_again() -> None:
    assert analytic_study().search.rechecks == 0


def test_every_fold_chooses_from_its_own_search(tmp_path: Path) -> None:
    study = parse_study(TEXT.replace("replicates: 3", "folds: 2, looks: [1, 2]"))
    ledger = Ledger(tmp_path)
    fill(ledger, study, "color_only", [("done", 4.0, 0.1), ("done", 5.0, 0.2)], fold=0)
    fill(ledger, study, "color_only", [("done", 6.0, 0.1), ("done", 5.0, 0.2)], fold=1)
    controls = [one for one in select(study, ledger) if (one.contrast, one.side) == ("color", "control")]
    assert [(one.fold, one.source, one.setting) for one in controls] == [
        (0, "color_only-search-f01-0", "color_only"),
        (1, "color_only-search-f02-1", "color_only"),
    ]
    names = [entry.name for entry in confirm_entries(study, ledger, controls, 1)]
    assert names == ["color_only-confirm-f01-1", "color_only-confirm-f02-1"]


COMPROMISE = TEXT.replace("top1", "p_true").replace(
    "margin: {", "compromise: {val/delta_e: 1.0, val/p_true: 0.125}\nmargin: {"
)


def test_one_network_stands_for_both_tasks_by_the_declared_compromise(tmp_path: Path) -> None:
    study, ledger = parse_study(COMPROMISE), Ledger(tmp_path)
    # In the file's units: 4 - 1 = 3, 5 - 7 = -2, 8 - 8 = 0.
    fill(ledger, study, "joint", [("done", 4.0, 0.125), ("done", 5.0, 0.875), ("done", 8.0, 1.0)])
    for arm in ("color_only", "class_only"):
        fill(ledger, study, arm, [("done", 6.0, 0.1)])
    both = {(one.contrast, one.side): one for one in select(study, ledger) if one.family == "both"}
    assert list(both) == [(f"both, {name}", side) for name in ("color", "naming") for side in ("treatment", "control")]
    assert both["both, color", "treatment"].source == both["both, naming", "treatment"].source == "joint-search-1"
    assert both["both, color", "treatment"].value == -2.0
    assert both["both, color", "control"].setting == "color_only"
    assert roles_of(study, "joint") == ["joint.color", "joint.naming", "joint.both"]


def test_a_control_explains_the_networks_that_the_contrast_compared(tmp_path: Path) -> None:
    controls = "controls:\n  outside: {treatment: joint, control: color_only, metric: test/delta_e_outside}\nmargin: {"
    study = parse_study(TEXT.replace("margin: {", controls + "test/delta_e_outside: 0.5, "))
    fill(Ledger(tmp_path), study, "joint", [("done", 4.0, 0.9), ("done", 5.0, 0.95)])
    (outside,) = [
        one for one in select(study, Ledger(tmp_path)) if (one.contrast, one.side) == ("outside", "treatment")
    ]
    assert (outside.role, outside.metric) == ("joint.color", "val/delta_e")


def test_a_setting_whose_recheck_failed_is_not_chosen_while_there_are_others(tmp_path: Path) -> None:
    study, ledger = analytic_study("search.rechecks=2"), Ledger(tmp_path)
    fill(ledger, study, "color_only", [("done", 4.0, 0.1), ("done", 5.0, 0.2), ("done", 9.0, 0.3)])
    again = recheck_entries(study, ledger, ["color_only"])
    for entry in again:
        ledger.write(dataclasses.replace(entry, state="failed"))
    assert chosen(ledger, study)["color", "control"][0] == "color_only-search-2"
    # A launch that is continued plans the same ones.
    assert recheck_entries(study, ledger, ["color_only"]) == again
    for entry in again:
        ledger.write(dataclasses.replace(entry, source="color_only-search-2", state="failed"))
    assert chosen(ledger, study)["color", "control"][0] == "color_only-search-0"


def test_a_control_that_trains_both_tasks_has_no_twin_to_be_held_against(tmp_path: Path) -> None:
    text = TEXT.replace("color_only: {class_loss_weight: 0}", "color_only: {class_loss_weight: 0.02}")
    study, ledger = parse_study(text, overrides=["confirm.twins=true"]), Ledger(tmp_path)
    fill(ledger, study, "joint", [("done", 5.0, 0.9), ("done", 4.0, 0.5)])
    twins = twin_entries(study, ledger, select(study, ledger), 1)
    assert [entry.setting for entry in twins] == ["joint.naming.class.twin"]

"""warm_start.py: what a study takes from another one, and what it says of the rest."""

import shutil
from pathlib import Path

import pytest

from study.definition.study import Study
from study.ledger.ledger import Ledger
from study.search.arm_search import ArmSearch
from study.search.selection import make_entry
from study.search.warm_start import choose, keep, warm_params
from tests.study.analytic import analytic_study
from trainables.records import Record


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A study's folder: `joint` has a best trial by colour and another by names, `color_only` one that was stopped
    early and one that was not, `class_only` none that was not."""
    study, folder = analytic_study(), tmp_path / "small"
    folder.mkdir(exist_ok=True)
    ledger = Ledger(folder)
    trials = {
        "joint": [("done", 5.0, 0.2), ("done", 6.0, 0.9), ("done", 7.0, 0.1)],
        "color_only": [("stopped", 1.0, 0.0), ("done", 8.0, 0.0)],
        "class_only": [("failed", 1.0, 0.0)],
    }
    for arm, ends in trials.items():
        for number, (state, delta_e, top1) in enumerate(ends):
            settings = {"learning_rate": 10.0 ** -(2 + number)}
            if arm == "joint":
                settings["class_loss_weight"] = 0.1 * (number + 1)
            entry = make_entry(study, arm, settings, phase="search", number=number, replicate=0, state=state)
            ledger.write(entry)
            records: list[Record] = [{"epoch": 1, "val/delta_e": delta_e, "val/top1": top1}]
            ledger.write_records(entry.name, records)
    (folder / "study.yaml").write_text(study.document)
    return folder


def study_of(small: Path, *overrides: str) -> Study:
    return analytic_study(f"search.warm_start={small}", *overrides)


def test_each_arm_takes_its_best_full_budget_trial_by_each_objective(small: Path) -> None:
    chosen = choose(study_of(small))
    assert chosen["arms"] == {
        "joint": [
            {"learning_rate": 1e-2, "class_loss_weight": pytest.approx(0.1)},
            {"learning_rate": 1e-3, "class_loss_weight": pytest.approx(0.2)},
        ],
        "color_only": [{"learning_rate": 1e-3}],
        "class_only": [],
    }
    assert chosen["left_out"] == ["class_only: small has no settings for it that fit, so it begins without."]


def test_what_does_not_fit_is_said_and_the_rest_is_taken(small: Path) -> None:
    chosen = choose(study_of(small, "space.learning_rate.log_uniform=[5.0e-3, 3.0e-2]"))
    assert chosen["arms"]["joint"][1] == {"class_loss_weight": pytest.approx(0.2)}
    assert chosen["arms"]["color_only"] == []
    (sentence,) = [one for one in chosen["left_out"] if one.startswith("joint: learning_rate")]
    assert "must be between 0.005 and 0.03, but got 0.001 (from joint-search-1); it is sampled instead." in sentence


def test_a_condition_that_is_lost_takes_what_depends_on_it_along(small: Path) -> None:
    cases = (
        "[{when: {optimizer: sgd}, log_uniform: [1.0e-3, 1.0]}, {when: {optimizer: adam}, log_uniform: [1.0e-4, 0.1]}]"
    )
    study = analytic_study(
        f"search.warm_start={small}",
        "base={epochs: 6}",
        f"space={{optimizer: {{choice: [sgd, adam]}}, learning_rate: {cases}}}",
    )
    chosen = choose(study)
    assert chosen["arms"]["joint"][0] == {"class_loss_weight": pytest.approx(0.1)}
    said = [one for one in chosen["left_out"] if "joint-search-0" in one]
    assert any("optimizer" in one and "'adamw'" in one for one in said)
    assert any("learning_rate depends on optimizer" in one for one in said)


def test_no_more_than_the_arms_trials_are_taken(small: Path) -> None:
    chosen = choose(study_of(small, "search.trials_per_arm=2", "search.enqueue=[{learning_rate: 0.003}]"))
    assert len(chosen["arms"]["joint"]) == 1
    assert "joint: joint-search-1 finds no room among 2 trials." in chosen["left_out"]


def test_the_file_s_own_settings_run_first_then_the_other_study_s(small: Path, tmp_path: Path) -> None:
    study = study_of(small, "search.enqueue=[{learning_rate: 0.003}]")
    search = ArmSearch(study, "joint", [], warm_params(study, "joint", tmp_path))
    rates = [search.ask()[0]["learning_rate"] for _ in range(4)]
    assert rates[:3] == [0.003, 1e-2, 1e-3] and rates[3] not in rates[:3]


def test_the_choice_is_kept_when_the_other_study_is_gone(small: Path, tmp_path: Path) -> None:
    study, folder = study_of(small), tmp_path / "big"
    folder.mkdir()
    before = keep(study, folder)
    shutil.rmtree(small)
    assert keep(study, folder) == before
    with pytest.raises(ValueError, match=r"search\.warm_start must be a study's folder, but .*small holds no study"):
        keep(study, tmp_path)
    assert keep(analytic_study(), folder) is None

"""Each check fires on its own fault and stays silent on a sound study."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from analysis.health.checks import findings
from analysis.tables import Tables


def names(tables: Tables) -> set[str]:
    return {finding.name for finding in findings(tables)}


@pytest.fixture
def sound(make_tables: Callable[..., Tables]) -> Tables:
    """A study in which every search trial ran to its end, with a pool large enough for the margins."""
    tables = make_tables(name="sound", num_photos=180)
    trials = tables.trials.assign(state="done", num_epochs=12, seconds=18.0, failure_message="", failure_kind="")
    return replace(tables, trials=trials)


def test_a_sound_study_has_no_finding(sound: Tables) -> None:
    assert findings(sound) == []


def test_every_finding_has_a_sentence_and_a_remedy(tables: Tables) -> None:
    assert findings(tables)
    for finding in findings(tables):
        assert finding.sentence.endswith(".")
        assert finding.remedy.endswith(".")


def test_no_trials_is_a_finding(sound: Tables) -> None:
    assert "no trials" in names(replace(sound, trials=sound.trials.iloc[:0]))


def test_fewer_than_six_replicates_is_a_finding(make_tables: Callable[..., Tables]) -> None:
    assert "few replicates" in names(make_tables(num_replicates=5))
    assert "few replicates" not in names(make_tables(name="six", num_replicates=6))


def test_failures_in_one_arm_only_is_a_finding(sound: Tables) -> None:
    trials = sound.trials.copy()
    trials.loc[trials["trial"] == "joint-search-3", "state"] = "failed"
    assert "failures in one arm" in names(replace(sound, trials=trials))
    for arm in sound.study["arms"]:
        trials.loc[trials["trial"] == f"{arm}-search-3", "state"] = "failed"
    assert "failures in one arm" not in names(replace(sound, trials=trials))


@pytest.mark.parametrize(("column", "name"), [("num_epochs", "unequal epochs"), ("seconds", "unequal device time")])
def test_search_spending_above_a_quarter_more_on_one_arm_is_a_finding(sound: Tables, column: str, name: str) -> None:
    search = (sound.trials["phase"] == "search") & (sound.trials["arm"] == "joint")
    for factor, found in ((1.2, False), (1.3, True)):
        spent = sound.trials[column].where(~search, sound.trials[column] * factor)
        assert (name in names(replace(sound, trials=sound.trials.assign(**{column: spent})))) == found


def test_trials_behind_the_answer_with_other_epochs_are_a_finding(sound: Tables) -> None:
    trials = sound.trials.copy()
    trials.loc[trials["trial"] == "joint.color-confirm-2", "num_epochs"] = 11
    assert "mixed budgets" in names(replace(sound, trials=trials))


def test_an_arm_that_never_beat_one_constant_colour_is_a_finding(sound: Tables) -> None:
    worse = sound.photos["delta_e"].where(sound.photos["arm"] != "color_only", 15.5)
    found = [f for f in findings(replace(sound, photos=sound.photos.assign(delta_e=worse))) if "one colour" in f.name]
    assert len(found) == 1
    assert "color_only" in found[0].sentence


def test_an_arm_that_does_not_train_colour_need_not_beat_the_constant(sound: Tables) -> None:
    worse = sound.photos["delta_e"].where(sound.photos["arm"] != "class_only", 40.0)
    assert "no better than one colour" not in names(replace(sound, photos=sound.photos.assign(delta_e=worse)))


def test_missing_arms_and_replicates_are_findings(sound: Tables) -> None:
    trials = sound.trials.copy()
    trials.loc[trials["arm"] == "class_only", "state"] = "failed"
    assert {"missing arms", "missing replicates", "unequal search"} <= names(replace(sound, trials=trials))


def test_trials_still_running_are_a_finding(sound: Tables) -> None:
    trials = sound.trials.copy()
    trials.loc[0, "state"] = "running"
    assert "unfinished" in names(replace(sound, trials=trials))


def test_a_pool_too_small_for_the_margin_is_a_finding(sound: Tables) -> None:
    few = sound.photos["photo"].isin(sound.photos["photo"].unique()[:12])
    luck = np.random.default_rng(0).normal(0, 3, 12)
    photos = sound.photos[few].copy()
    photos["delta_e"] += np.where(photos["setting"] == "joint.color", np.tile(luck, len(photos) // 12), 0)
    assert "pool too small" in names(replace(sound, photos=photos))


def test_a_replicate_far_from_all_others_is_a_finding(sound: Tables) -> None:
    fell_apart = (sound.photos["setting"] == "joint.color") & (sound.photos["replicate"] == 3)
    error = sound.photos["delta_e"].where(~fell_apart, sound.photos["delta_e"] + 8)
    found = [f for f in findings(replace(sound, photos=sound.photos.assign(delta_e=error))) if "apart" in f.name]
    assert len(found) == 1
    assert "In color, replicate 3 differs by" in found[0].sentence


@pytest.mark.parametrize(("value", "is_finding"), [(0.0011, True), (0.01, False), (0.095, True)])
def test_a_best_setting_at_the_end_of_its_range_is_a_finding(sound: Tables, value: float, is_finding: bool) -> None:
    best = sound.trials["trial"] == "joint-search-0"
    searched = sound.trials["searched"].where(~best, json.dumps({"class_loss_weight": value}))
    assert (
        "best setting at the edge" in names(replace(sound, trials=sound.trials.assign(searched=searched)))
    ) == is_finding


@pytest.mark.parametrize("data", [{"split": "tail"}, {"classes_without_training": ["Tomato"]}])
def test_a_class_absent_from_training_is_a_finding(sound: Tables, data: dict[str, object]) -> None:
    study = {**sound.study, "data": {**sound.study["data"], **data}}
    assert "class absent from training" in names(replace(sound, study=study))


def test_the_tail_split_is_named_with_what_it_makes_impossible(sound: Tables) -> None:
    data = {"split": "tail", "classes_without_training": ["Tomato"], "largest_top1": 24 / 72}
    study = {**sound.study, "data": {**sound.study["data"], **data}}
    (found,) = [f for f in findings(replace(sound, study=study)) if f.name == "class absent from training"]
    assert "tail split" in found.sentence and "Tomato" in found.sentence and "33%" in found.sentence
    assert "pool split" in found.remedy


def test_a_front_on_one_replicate_is_a_finding(make_tables: Callable[..., Tables]) -> None:
    assert "front on one replicate" in names(make_tables(num_replicates=1))


def test_skipped_photos_are_counted(sound: Tables) -> None:
    data = {**sound.study["data"], "skipped": [{"name": "Apple/broken.jpg", "reason": "truncated"}]}
    found = [f for f in findings(replace(sound, study={**sound.study, "data": data})) if f.name == "skipped photos"]
    assert "1 photo " in found[0].sentence
    assert "Apple/broken.jpg" in found[0].sentence

"""A good study file is read as written."""

import pathlib
import pickle

import optuna
import pytest

from study.definition.load import load_study, parse_study
from study.definition.methods import SAMPLERS
from study.search.samplers import BUILDERS
from study.search_space.distributions import Scalar
from study.search_space.space import sample
from tests.study.design_study import DESIGN, HALVING, JOINT
from trainables.config import TrialConfig


def test_design_example_is_read_as_written() -> None:
    study = parse_study(DESIGN)
    assert study.num_search_trials == 150 and study.epochs == 60 and study.seed == 0
    assert study.data["root"] == "data/ncd" and study.data_config().seed == 0
    assert {arm: study.arm_tasks(arm) for arm in study.arms} == {
        "joint": {"color", "class"},
        "color_only": {"color"},
        "class_only": {"class"},
        "no_fusion": {"color", "class"},
        "shuffled_labels": {"color"},
    }
    assert study.arm_objectives("joint") == {"val/delta_e": "min", "val/top1": "max"}
    assert study.arm_objectives("shuffled_labels") == {"val/delta_e": "min"}
    assert set(study.arm_space("joint").searched) == {"optimizer", "learning_rate", "dropout", "class_loss_weight"}
    assert set(study.arm_space("color_only").searched) == {"optimizer", "learning_rate", "dropout"}
    assert study.arm_space("color_only").fixed["class_loss_weight"] == 0


def test_trial_config_joins_base_arm_and_settings() -> None:
    study = parse_study(DESIGN)
    settings: dict[str, Scalar] = {"optimizer": "sgd", "learning_rate": 0.5, "dropout": 0.25}
    assert study.trial_config("class_only", settings) == TrialConfig(
        optimizer="sgd", learning_rate=0.5, dropout=0.25, color_loss_weight=0.0, class_loss_weight=1.0, num_threads=2
    )
    with pytest.raises(ValueError, match="'dropout'"):
        study.trial_config("class_only", {"optimizer": "sgd", "learning_rate": 0.5})
    with pytest.raises(ValueError, match="Did you mean 'class_only'"):
        study.arm_space("class_olny")


def test_exponents_without_a_dot_are_numbers() -> None:
    study = parse_study(DESIGN.replace("1.0e-4, 3.0e-2", "1e-4, 3e-2"))
    assert study == parse_study(DESIGN)


def test_document_without_overrides_is_kept_verbatim(tmp_path: pathlib.Path) -> None:
    (tmp_path / "study.yaml").write_text(DESIGN)
    study = load_study(tmp_path / "study.yaml")
    assert study.document == DESIGN


def test_overrides_change_the_study_and_its_document() -> None:
    overrides = ["data.root=/photos", "seed=7", "confirm.replicates=3", "space.learning_rate.1.log_uniform=[1e-2, 1]"]
    study = parse_study(DESIGN, overrides=[*overrides, "resources.gpus_per_trial=null", "search.min_epochs=9"])
    assert (study.data["root"], study.seed, study.data_config().seed) == ("/photos", 7, 7)
    assert (study.confirm.replicates, study.resources.gpus_per_trial, study.search.min_epochs) == (3, None, 9)
    assert parse_study(study.document) == study != parse_study(DESIGN)
    assert "# its own range per optimizer" in study.document
    assert parse_study(study.document).document == study.document


def test_override_may_add_a_section_that_was_left_out() -> None:
    text = DESIGN.replace("resources: {cpus_per_trial: 2, gpus_per_trial: 0.25}\n", "")
    assert parse_study(text, overrides=["resources.cpus_per_trial=0.5"]).resources.cpus_per_trial == 0.5


def test_later_override_wins() -> None:
    assert parse_study(DESIGN, overrides=["base.epochs=3", "base.epochs=4"]).epochs == 4


def test_enqueued_settings_reach_the_arms_that_search_them() -> None:
    enqueue = (
        "enqueue: [{optimizer: adadelta, learning_rate: 1.0, class_loss_weight: 0.0033}, {class_loss_weight: 0.5}]"
    )
    study = parse_study(DESIGN.replace(HALVING, enqueue))
    first = {"optimizer": "adadelta", "learning_rate@adadelta": 1.0}
    assert study.enqueued_params("joint") == [{**first, "class_loss_weight": 0.0033}, {"class_loss_weight": 0.5}]
    assert study.enqueued_params("color_only") == [first]


def test_study_survives_pickling() -> None:
    study = parse_study(DESIGN)
    study.arm_tasks("joint")
    again = pickle.loads(pickle.dumps(study))
    assert again == study and again.document == DESIGN


def test_every_sampler_is_known_to_study_files() -> None:
    assert set(SAMPLERS) == set(BUILDERS)


def test_a_task_weighting_can_be_searched_with_a_rate_that_only_one_of_them_has() -> None:
    searched = """\
  joint:
    class_loss_weight: {log_uniform: [1.0e-4, 1.0]}
    task_weighting: {choice: [fixed, uncertainty, pcgrad]}
    weighting_learning_rate:
      - {when: {task_weighting: uncertainty}, log_uniform: [1.0e-3, 0.3]}
      - {when: {task_weighting: [fixed, pcgrad]}, value: null}
"""
    study = parse_study(DESIGN.replace(f"  {JOINT}\n", searched))
    seen = set()
    for seed in range(30):
        sampler = optuna.samplers.RandomSampler(seed=seed)
        settings = sample(study.arm_space("joint"), optuna.create_study(sampler=sampler).ask())
        config = study.trial_config("joint", settings)
        seen.add((config.task_weighting, config.weighting_learning_rate is None))
    assert seen == {("fixed", True), ("pcgrad", True), ("uncertainty", False)}

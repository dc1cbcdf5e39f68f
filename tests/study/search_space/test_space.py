"""A space leads Optuna only to trials that exist, and a stored trial leads back to its settings."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import optuna
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
    json_to_distribution,
)
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from study.errors import SettingError
from study.search_space.distributions import Choice, Range, Scalar
from study.search_space.scenarios import scenarios
from study.search_space.settings import parse_setting
from study.search_space.space import Space, build_space, distributions, params_of, sample, settings_of
from trainables.config import TrialConfig

optuna.logging.set_verbosity(optuna.logging.WARNING)

RAW = {
    "batch_size": 32,
    "residual": [
        {"when": {"extra_convolutions": 0}, "value": False},
        {"when": {"extra_convolutions": [1, 2]}, "choice": [True, False]},
    ],
    "learning_rate": [
        {"when": {"optimizer": "sgd"}, "log_uniform": [1e-3, 1.0]},
        {"when": {"optimizer": ["adamw", "adam"]}, "log_uniform": [1e-4, 3e-2]},
    ],
    "momentum": [
        {"when": {"optimizer": "sgd"}, "uniform": [0.0, 0.99]},
        {"when": {"optimizer": ["adam", "adamw"]}, "value": None},
    ],
    "dropout": [
        {"when": {"residual": True, "optimizer": "sgd"}, "value": 0.1},
        {"when": {"residual": True, "optimizer": ["adam", "adamw"]}, "uniform": [0, 0.3]},
        {"when": {"residual": False}, "uniform": [0, 0.6]},
    ],
    "extra_convolutions": {"int_uniform": [0, 2]},
    "optimizer": {"choice": ["adam", "adamw", "sgd"]},
}
"""Conditions upon conditions, written in the wrong order."""


def space_of(raw: Mapping[str, object]) -> Space:
    return build_space({field: parse_setting(field, value) for field, value in raw.items()})


SPACE = space_of(RAW)


def grouped_tpe() -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(seed=0, multivariate=True, group=True, n_startup_trials=5)


@pytest.mark.parametrize("directions", [["minimize"], ["minimize", "maximize"]])
@pytest.mark.parametrize("sampler", [grouped_tpe, lambda: NSGAIISampler(seed=0, population_size=8), RandomSampler])
def test_every_sample_is_a_trial_and_its_parameters_lead_back(
    sampler: Callable[[], BaseSampler], directions: Sequence[Literal["minimize", "maximize"]]
) -> None:
    study = optuna.create_study(directions=directions, sampler=sampler())
    seen = set()
    for number in range(40):
        trial = study.ask()
        settings = sample(SPACE, trial)
        config = TrialConfig.from_dict({**SPACE.fixed, **settings})
        assert settings_of(SPACE, trial.params) == settings
        assert params_of(SPACE, settings) == trial.params
        assert {name: distributions(SPACE)[name] for name in trial.params} == trial.distributions
        seen.add((config.optimizer, config.extra_convolutions, config.residual))
        study.tell(trial, [config.dropout + number % 3] * len(directions))
    assert len(seen) >= 6


def test_settings_are_ordered_after_what_they_depend_on() -> None:
    order = list(SPACE.cases)
    assert order.index("residual") > order.index("extra_convolutions")
    assert order.index("dropout") > max(order.index("residual"), order.index("optimizer"))
    assert dict(SPACE.fixed) == {"batch_size": 32}


def test_conditional_settings_have_names_of_their_own() -> None:
    assert sorted(distributions(SPACE)) == [
        "dropout@adam+adamw,residual=true",
        "dropout@residual=false",
        "extra_convolutions",
        "learning_rate@adam+adamw",
        "learning_rate@sgd",
        "momentum@sgd",
        "optimizer",
        "residual@extra_convolutions=1+2",
    ]


def test_names_do_not_depend_on_the_order_of_conditions() -> None:
    turned = {"when": {"optimizer": ["adamw", "adam"], "residual": True}, "uniform": [0, 0.3]}
    (case,) = parse_setting("dropout", [turned])
    assert case.name == "dropout@adam+adamw,residual=true"


def test_names_that_would_collide_are_spelt_out() -> None:
    cases = parse_setting(
        "dropout",
        [
            {"when": {"stop_class_gradient": "none"}, "uniform": [0, 0.3]},
            {"when": {"stop_color_gradient": "none"}, "uniform": [0, 0.6]},
        ],
    )
    assert [case.name for case in cases] == ["dropout@stop_class_gradient=none", "dropout@stop_color_gradient=none"]


def test_distributions_are_optunas() -> None:
    found = distributions(SPACE)
    assert found["learning_rate@sgd"] == FloatDistribution(1e-3, 1.0, log=True)
    assert found["dropout@residual=false"] == FloatDistribution(0.0, 0.6)
    assert found["extra_convolutions"] == IntDistribution(0, 2)
    assert found["optimizer"] == CategoricalDistribution(["adam", "adamw", "sgd"])


def test_search_rebuilt_from_stored_trials_suggests_the_same() -> None:
    told = optuna.create_study(directions=["minimize", "maximize"], sampler=RandomSampler(seed=1))
    stored = []
    for _ in range(12):
        trial = told.ask()
        settings = sample(SPACE, trial)
        values = [float(settings["dropout"] or 0), float(settings["learning_rate"] or 0)]
        told.tell(trial, values)
        as_json = {name: distribution_to_json(one) for name, one in trial.distributions.items()}
        stored.append((dict(trial.params), as_json, values))
    rebuilt = optuna.create_study(directions=["minimize", "maximize"])
    for params, as_json, values in stored:
        spread = {name: json_to_distribution(text) for name, text in as_json.items()}
        assert spread == {name: distributions(SPACE)[name] for name in params}
        rebuilt.add_trial(create_trial(state=TrialState.COMPLETE, params=params, distributions=spread, values=values))
    suggestions = []
    for study in (told, rebuilt):
        study.sampler = grouped_tpe()
        suggestions.append(sample(SPACE, study.ask()))
    assert suggestions[0] == suggestions[1]


def test_enqueued_parameters_are_taken() -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    wanted: dict[str, Scalar] = {"optimizer": "sgd", "learning_rate": 0.5, "momentum": 0.9}
    study.enqueue_trial(params_of(SPACE, wanted))
    settings = sample(SPACE, study.ask())
    assert {field: settings[field] for field in wanted} == wanted


def test_settings_outside_the_space_are_refused() -> None:
    with pytest.raises(SettingError, match=r"between 0.001 and 1, but got 2.0"):
        params_of(SPACE, {"optimizer": "sgd", "learning_rate": 2.0})
    with pytest.raises(SettingError, match=r"one of \['adam', 'adamw', 'sgd'\], but got 'rmsprop'"):
        params_of(SPACE, {"optimizer": "rmsprop"})
    with pytest.raises(SettingError, match="learning_rate depends on optimizer"):
        params_of(SPACE, {"learning_rate": 0.5})
    with pytest.raises(SettingError, match=r"whole number between 0 and 2, but got 1.5"):
        params_of(SPACE, {"extra_convolutions": 1.5})


def test_parameter_that_was_not_stored_is_named() -> None:
    with pytest.raises(ValueError, match="learning_rate@sgd"):
        settings_of(
            SPACE, {"optimizer": "sgd", "extra_convolutions": 0, "momentum@sgd": 0.5, "dropout@residual=false": 0}
        )


def test_truth_values_are_not_numbers_in_conditions() -> None:
    (case,) = parse_setting("dropout", [{"when": {"extra_convolutions": 1}, "value": 0.1}])
    assert case.applies({"extra_convolutions": 1}) and not case.applies({"extra_convolutions": True})
    assert not Choice((True, False)).contains(1) and not Range(0, 2, whole=True).contains(True)


def test_null_keeps_the_default_of_a_setting() -> None:
    space = space_of({"width": None, "class_loss_weight": {"value": None}, "global_size": {"choice": [None, 112]}})
    assert dict(space.fixed) == {"width": 1.0, "class_loss_weight": 1 / 300}
    assert distributions(space)["global_size"] == CategoricalDistribution([None, 112])


def test_scenarios_are_the_reachable_combinations() -> None:
    found = scenarios(SPACE)
    reached = {(one.known["optimizer"], one.known["extra_convolutions"], one.known["residual"]) for one in found}
    expected = {(name, 0, False) for name in ("adam", "adamw", "sgd")}
    expected |= {(name, n, skip) for name in ("adam", "adamw", "sgd") for n in (1, 2) for skip in (True, False)}
    assert reached == expected and len(found) == len(expected)


def test_gap_behind_another_condition_is_found() -> None:
    raw = {**RAW, "dropout": [{"when": {"residual": True}, "value": 0.1}, {"when": {"optimizer": "sgd"}, "value": 0.2}]}
    with pytest.raises(SettingError, match=r"no case for {optimizer: adam, residual: false}"):
        scenarios(space_of(raw))


def test_circle_of_conditions_is_refused() -> None:
    raw = {
        "width": [{"when": {"flip": True}, "value": 1}],
        "flip": [{"when": {"fusion": True}, "value": True}],
        "fusion": [{"when": {"flip": True}, "value": True}],
    }
    with pytest.raises(SettingError, match=r"the conditions of (flip|fusion) lead in a circle"):
        space_of(raw)

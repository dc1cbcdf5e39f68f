"""config.py: what a person may set."""

import dataclasses
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from trainables.config import OPTIMIZER_SETTINGS, DataConfig, TrialConfig
from trainables.network.joint_network import JointNetwork
from trainables.optimizers import OPTIMIZERS
from trainables.trial import Trial


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), but got 1\.0"),
        ({"dropout": float("nan")}, "dropout must be finite"),
        ({"epochs": 0}, "epochs must be at least 1, but got 0"),
        ({"epochs": 2.5}, "epochs must be of type int, but got 2.5"),
        ({"flip": 1}, "flip must be of type bool, but got 1"),
        ({"epochs": True}, "epochs must be of type int, but got True"),
        ({"optimizer": "adm"}, r"Unknown optimizer 'adm'. Known: \['adadelta'"),
        ({"optimizer": "adamw", "momentum": 0.9}, "momentum has no effect with optimizer 'adamw'.*rmsprop.*sgd"),
        ({"residual": True}, "residual has no effect without extra_convolutions"),
        ({"color_loss_weight": 0, "class_loss_weight": 0}, "nothing to train"),
        ({"class_loss_weight": 0, "shuffle_labels": True}, "shuffle_labels has no effect"),
        ({"class_loss_weight": 0, "stop_class_gradient": "head"}, "stop_class_gradient has no effect"),
        ({"fusion": False, "stop_color_gradient": "global"}, "stop_color_gradient has no effect"),
        ({"pooling": "average", "global_size": 32}, "pooling 'average' has no effect with global_size 32"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"diagnostics_every": -1}, "diagnostics_every must be at least 0, but got -1"),
        (
            {"task_weighting": "gradnorm"},
            r"Unknown task_weighting 'gradnorm'. Known: \['fixed', 'pcgrad', 'uncertainty'\]",
        ),
        ({"width": 0}, r"width must lie in \(0, 4\]"),
        ({"colour": 1}, "Unknown field 'colour' of TrialConfig. Known:"),
    ],
)
def test_an_impossible_trial_is_refused_with_its_rule(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrialConfig.from_dict(fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dataset": "ncd"}, "root must name the folder"),
        ({"dataset": "orchard", "root": "x"}, "root has no effect with dataset 'orchard'"),
        ({"dataset": "ncd", "root": "x", "coupling": 0.5}, "coupling has no effect with dataset 'ncd'"),
        (
            {"dataset": "orchard", "epoch_seconds": 1},
            "epoch_seconds has no effect with dataset 'orchard'; only analytic",
        ),
        ({"image_size": 36}, "image_size must be a multiple of 8, but got 36"),
        ({"test_share": 1}, r"test_share must lie in \(0, 1\)"),
        ({"dataset": "imagenet"}, r"Unknown dataset 'imagenet'. Known:"),
        ({"dataset": "stanford_dogs"}, "root must name the folder"),
        ({"split": "head"}, r"Unknown split 'head'. Known: \['file', 'official', 'pool', 'tail'\]"),
        ({"dataset": "ncd", "root": "x", "split": "official"}, "split 'official' needs .* lists .*stanford_dogs"),
        ({"split": "file", "split_file": "x"}, "split 'file' needs photos in a folder"),
        ({"dataset": "ncd", "root": "x", "split": "file"}, "split_file must name a CSV file"),
        ({"dataset": "ncd", "root": "x", "split_file": "x"}, "split_file has no effect with split 'pool'"),
        (
            {"dataset": "stanford_dogs", "root": "x", "split": "official", "test_share": 0.3},
            "test_share has no effect with split 'official'",
        ),
        ({"min_chroma": -1}, "min_chroma must be at least 0"),
        ({"dataset": "analytic", "min_chroma": 1}, "min_chroma has no effect"),
    ],
)
def test_impossible_data_are_refused_with_their_rule(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataConfig.from_dict(fields)


@pytest.mark.parametrize(
    ("image_size", "global_size", "refused"),
    [(16, None, True), (32, None, True), (40, None, False), (32, 33, False), (128, 33, False)],
)
def test_average_pooling_is_refused_exactly_where_it_is_the_same_network_as_flatten(
    image_size: int, global_size: int | None, refused: bool
) -> None:
    average = TrialConfig(pooling="average", global_size=global_size, width=0.125)
    nets = [
        JointNetwork(one, num_classes=3, image_size=image_size)
        for one in (average, replace(average, pooling="flatten"))
    ]
    sizes = [sum(value.numel() for value in net.parameters()) for net in nets]
    assert (sizes[0] == sizes[1]) is refused
    with pytest.raises(ValueError, match=f"no effect with image_size {image_size}") if refused else nullcontext():
        Trial(config=average, data=DataConfig(image_size=image_size))
    Trial(config=replace(average, pooling="flatten"), data=DataConfig(image_size=image_size))


def test_defaults_are_the_papers() -> None:
    config = TrialConfig()
    assert (config.width, config.pooling, config.fusion, config.optimizer) == (1.0, "flatten", True, "adadelta")
    assert config.class_loss_weight == pytest.approx(1 / 300)
    assert config.optimizer_settings["learning_rate"] == 1.0


def test_a_whole_number_serves_as_a_decimal_one() -> None:
    width = TrialConfig.from_dict({"width": 1}).width
    assert isinstance(width, float) and width == 1.0


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_takes_its_own_settings_and_refuses_the_others(optimizer: str) -> None:
    own = OPTIMIZERS[optimizer].settings
    for field in OPTIMIZER_SETTINGS:
        if field in own:
            assert TrialConfig.from_dict({"optimizer": optimizer, field: 0.5}).optimizer_settings[field] == 0.5
        else:
            with pytest.raises(ValueError, match=f"{field} has no effect"):
                TrialConfig.from_dict({"optimizer": optimizer, field: 0.5})


def test_a_config_survives_json() -> None:
    config = TrialConfig(optimizer="sgd", learning_rate=0.1, momentum=0.5, extra_convolutions=2, residual=True)
    assert TrialConfig.from_dict(dataclasses.asdict(config)) == config

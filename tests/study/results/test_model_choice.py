"""model_choice.py: a study's network is chosen by validation and by name, never by the test pool."""

import dataclasses
from pathlib import Path

import pytest

from study.definition.load import parse_study
from study.ledger.ledger import Entry, Ledger
from study.results.model_choice import choose_model
from study.search.selection import confirm_entries, make_entry, select
from tests.study.analytic import TEXT

ORCHARD = TEXT.replace(
    "{dataset: analytic}", "{dataset: orchard, image_size: 32, num_classes: 4, photos_per_class: 16}"
)
DELTA_E = {
    "joint.color": {1: 7.0, 2: 9.0, 3: 8.0},
    "color_only": {1: 8.5, 2: 7.5, 3: 7.7},
    "class_only": {1: 1.0, 2: 1.0, 3: 1.0},
}
"""val/delta_e at the end of each replicate: color_only is better on average, joint at its best."""


def record(val: float, test: float | None = None) -> dict[str, float]:
    found = {"epoch": 1, "time": "2026-01-01T00:00:00+00:00", "val/delta_e": val, "val/top1": 0.5, "val/p_true": 0.5}
    return found if test is None else {**found, "test/delta_e": test}


def end(ledger: Ledger, entry: Entry, val: float, test: float | None = None) -> None:
    ledger.write(entry)
    ledger.checkpoint(entry.name).write_bytes(b"weights")
    ledger.write_records(entry.name, [record(val, test)])
    ledger.end(entry.name, "done")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A finished study in which the test pool prefers joint, and validation color_only."""
    study = parse_study(ORCHARD)
    ledger = Ledger(tmp_path / "stu:dy")
    ledger.trials.mkdir(parents=True)
    (ledger.folder / "study.yaml").write_text(study.document)
    (ledger.folder / "fingerprint.json").write_text('{"data": {"class_names": ["a", "b"]}}')
    weights = {"joint": {"learning_rate": 0.01, "class_loss_weight": 0.01}}
    for arm in study.arms:
        settings = weights.get(arm, {"learning_rate": 0.01})
        end(ledger, make_entry(study, arm, settings, phase="search", number=0, replicate=0), 9.0)
    for entry in confirm_entries(study, ledger, select(study, ledger), 3):
        end(ledger, entry, DELTA_E[entry.setting][entry.replicate], 1.0 if entry.arm == "joint" else 20.0)
    return ledger


def test_the_default_is_replicate_1_of_the_colour_contrasts_better_side_on_validation(ledger: Ledger) -> None:
    choice = choose_model(str(ledger.folder))
    assert choice.entry.name == "color_only-confirm-1" and choice.class_names == ("a", "b")
    assert "7.90 CIEDE2000 over 3 replicates, against 8.00 for joint.color" in choice.why
    assert choice.checkpoint.read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("named", "trial"), [("joint", "joint.color-confirm-1"), ("joint.color-confirm-3", "joint.color-confirm-3")]
)
def test_an_arm_or_a_trial_is_taken_by_name(ledger: Ledger, named: str, trial: str) -> None:
    assert choose_model(f"{ledger.folder}:{named}").entry.name == trial


def test_an_arm_with_two_settings_is_its_better_one_and_its_twins_do_not_stand_for_it(ledger: Ledger) -> None:
    for setting, value in (("joint.naming", 6.0), ("joint.color.color.twin", 1.0)):
        entry = dataclasses.replace(ledger.entry("joint.color-confirm-1"), setting=setting, state="running", ended="")
        end(ledger, entry, value)
    assert choose_model(f"{ledger.folder}:joint").entry.setting == "joint.naming"


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("jiont", "has no arm 'jiont' with a confirmed network. Known: color_only, joint.color"),
        ("class_only", "'class_only' did not learn to colour .* Those that did: color_only, joint.color"),
    ],
)
def test_what_cannot_colour_is_refused_with_the_choices(ledger: Ledger, named: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_model(f"{ledger.folder}:{named}")


def test_a_study_without_a_finished_network_says_how_to_get_one(ledger: Ledger, tmp_path: Path) -> None:
    for name in ledger.names():
        ledger.checkpoint(name).unlink(missing_ok=True)
    with pytest.raises(
        ValueError, match=r"unfinished, or its weights .* were deleted. Continue it with tintune launch"
    ):
        choose_model(str(ledger.folder))
    with pytest.raises(ValueError, match="holds no study"):
        choose_model(str(tmp_path))

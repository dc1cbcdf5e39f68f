"""power.py: what a plan says it will find; the rule behind it is tested in tests/analysis/statistics."""

import json
from pathlib import Path

import pytest

from study.definition.load import load_study
from study.definition.study import Study
from study.power import basis_of, borrowed, power_rows, power_table
from tests.study.command_here import here
from tests.study.commands import write_study

CATALOG = Path(__file__).parents[2] / "study" / "catalog"
NCD_NOISE = {"replicates": 0.38, "photos": 1.74, "rest": 3.0, "search": 0.19}


@pytest.fixture(scope="module")
def ncd_small() -> Study:
    return load_study(CATALOG / "ncd-small.yaml")


def spreads_of(study: Study) -> dict[str, dict[str, float]]:
    return {name: one.model_dump() for name, one in study.spread.items()}


def test_the_studies_of_the_catalogue_with_folds_can_decide(ncd_small: Study) -> None:
    rows = {row["contrast"]: row for row in power_rows(ncd_small, spreads_of(ncd_small), 720)}
    # 12 folds, looks 1 and 2, search spread 0.19: helps at the margin in 0.80, no difference in 0.79 of studies.
    assert rows["color"]["helps_at_margin"] == pytest.approx(0.80, abs=0.03)
    assert rows["color"]["no_difference"] == pytest.approx(0.79, abs=0.03)
    assert rows["color"]["smallest_effect"] == pytest.approx(0.49, abs=0.03)
    assert rows["naming"]["no_difference"] > 0.99


def test_more_contrasts_of_one_question_find_less(ncd_small: Study) -> None:
    methods = load_study(CATALOG / "ncd-methods.yaml")
    rows = {row["contrast"]: row for row in power_rows(methods, spreads_of(methods), 720)}
    assert (rows["sgd_color"]["family_size"], rows["dropout_color"]["family_size"]) == (8, 2)
    assert rows["sgd_color"]["smallest_effect"] > rows["dropout_color"]["smallest_effect"]


def test_without_a_spread_or_photos_nothing_is_made_up(ncd_small: Study) -> None:
    unknown = power_rows(ncd_small, {"test/p_true": spreads_of(ncd_small)["test/p_true"]}, 720)
    color, naming = unknown
    assert color["smallest_effect"] is None and naming["smallest_effect"] is not None
    assert "No spread of test/delta_e_inside: say `spread`" in str(power_table(unknown, "Basis.").caption)
    nowhere = power_rows(ncd_small, spreads_of(ncd_small), None)
    assert all(row["no_difference"] is None for row in nowhere)
    assert "photos are not here" in basis_of(ncd_small, None, None)


def test_another_study_lends_its_spread(tmp_path: Path) -> None:
    row = {"family": "primary", "metric": "test/delta_e", "spread": NCD_NOISE}
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "verdict.json").write_text(json.dumps({"contrasts": [row, {**row, "family": "controls"}]}))
    assert borrowed(tmp_path) == {"test/delta_e": NCD_NOISE}
    done = here(tmp_path, "launch", write_study(tmp_path), "--dry-run", "--spread-of", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    color, naming = json.loads(done.stdout)["power"]
    assert color["spread"] == NCD_NOISE and color["smallest_effect"] > 0 and naming["smallest_effect"] is None


@pytest.mark.parametrize(
    ("contrasts", "said"),
    [(None, "has no report/verdict.json"), ([{"family": "primary", "spread": {}}], "has been measured yet")],
)
def test_a_study_that_has_none_to_lend_is_refused(tmp_path: Path, contrasts: object, said: str) -> None:
    if contrasts is not None:
        (tmp_path / "report").mkdir()
        (tmp_path / "report" / "verdict.json").write_text(json.dumps({"contrasts": contrasts}))
    done = here(tmp_path, "launch", write_study(tmp_path), "--dry-run", "--spread-of", tmp_path)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    done = here(tmp_path, "launch", "study.yaml", "--spread-of", tmp_path)
    assert done.returncode == 2 and "--spread-of goes with --dry-run" in done.stderr

"""What costs nothing to reach: the better rule on the same photos, and shares of the gap with their sign."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.trivial_rules import Yardstick, yardstick
from analysis.tables import Tables, metric


def photos_of(tables: Tables) -> pd.Index:
    return pd.Index(tables.photos["photo"].unique())


def test_the_better_of_grey_and_one_colour_is_the_yardstick(tables: Tables) -> None:
    found = yardstick(tables, metric(tables, "test/delta_e"), photos_of(tables))
    assert found is not None and (found.rule, found.better) == ("grey", "min")
    assert (found.trivial, found.informed) == pytest.approx((11.2, 7.0))
    cheap = tables.baselines["delta_e"].where(tables.baselines["rule"] != "one colour", 5.0)
    other = replace(tables, baselines=tables.baselines.assign(delta_e=cheap))
    found = yardstick(other, metric(tables, "test/delta_e"), photos_of(tables))
    assert found is not None and (found.rule, found.trivial) == ("one colour", 5.0)


@pytest.mark.parametrize(("name", "trivial"), [("p_true", 1 / 6), ("top1", 1 / 6)])
def test_naming_is_held_against_class_frequencies_and_no_error(tables: Tables, name: str, trivial: float) -> None:
    found = yardstick(tables, metric(tables, f"test/{name}"), photos_of(tables))
    assert found is not None
    assert (found.rule, found.informed) == ("class frequencies", 1.0)
    assert found.trivial == pytest.approx(trivial)
    assert found.beaten_by(0.2) and not found.beaten_by(0.1)
    assert found.share_of_gap(1 - 1 / 6) == pytest.approx(1.0)


def test_only_the_compared_photos_count_and_folds_weigh_alike(tables: Tables) -> None:
    photos = photos_of(tables)[:4]
    baselines = tables.baselines[(tables.baselines["rule"] == "grey") & tables.baselines["photo"].isin(photos)].copy()
    baselines = baselines.assign(delta_e=[1.0, 2.0, 3.0, 10.0], fold=[0, 0, 0, 1])
    found = yardstick(replace(tables, baselines=baselines), metric(tables, "test/delta_e"), photos)
    assert found is not None
    assert found.trivial == (2.0 + 10.0) / 2
    assert np.isnan(found.informed) and np.isnan(found.share_of_gap(-1.0))


def test_a_photo_or_a_metric_without_a_rule_has_no_yardstick(tables: Tables) -> None:
    more = photos_of(tables).append(pd.Index(["unknown.jpg"]))
    assert yardstick(tables, metric(tables, "test/delta_e"), more) is None
    for name in ("ssim", "class_use", "colorfulness"):
        assert yardstick(tables, metric(tables, f"test/{name}"), photos_of(tables)) is None


@pytest.mark.parametrize(
    ("better", "trivial", "informed", "effect", "share"),
    [("min", 11.0, 7.0, -1.0, 0.25), ("min", 11.0, 7.0, 1.0, -0.25), ("max", 0.2, 1.0, 0.08, 0.1)],
)
def test_shares_of_the_gap_are_above_zero_where_it_helps(
    better: str, trivial: float, informed: float, effect: float, share: float
) -> None:
    assert Yardstick("", trivial, informed, better).share_of_gap(effect) == pytest.approx(share)


def test_a_gap_that_is_none_has_no_shares() -> None:
    assert np.isnan(Yardstick("", 7.0, 11.0, "min").share_of_gap(-1.0))
    assert np.isnan(Yardstick("", 7.0, 7.0, "min").share_of_gap(-1.0))

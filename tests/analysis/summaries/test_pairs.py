"""pairs.py: roles and the settings that were trained for them."""

from collections.abc import Callable

from analysis.summaries.pairs import photo_table, role_table, with_roles
from analysis.tables import Tables


def test_roles_stand_in_the_order_of_arms_and_twins_last(tables: Tables) -> None:
    assert role_table(tables)["role"].tolist() == [
        "joint.color",
        "joint.naming",
        "color_only",
        "class_only",
        "no_fusion",
    ]


def test_a_role_is_trained_in_some_folds_under_another_s_name(make_tables: Callable[..., Tables]) -> None:
    tables = make_tables(num_folds=4, num_photos=48)
    table = role_table(tables)
    both = table[table["role"] == "joint.both"].set_index("fold")["setting"]
    assert both.to_dict() == {0: "joint.both", 1: "joint.color", 2: "joint.both", 3: "joint.both"}
    assert [role.endswith(".twin") for role in table["role"].unique()] == [False] * 6 + [True] * 2
    photos = with_roles(tables, tables.photos)
    assert photos.groupby("role")["photo"].nunique().to_dict() == dict.fromkeys(table["role"].unique(), 48)


def test_photos_of_a_settled_contrast_are_those_of_its_look(make_tables: Callable[..., Tables]) -> None:
    tables = make_tables(num_folds=4, num_photos=48, effects={"joint.color": -6.0})
    table = photo_table(tables, "color").set_index("photo")
    first = tables.photos[(tables.photos["setting"] == "joint.color") & (tables.photos["replicate"] == 1)]
    expected = first.set_index("photo")["delta_e_inside"].dropna()
    assert table["treatment"].to_dict() == expected.reindex(table.index).to_dict()
    assert set(table.index) == set(expected.index)

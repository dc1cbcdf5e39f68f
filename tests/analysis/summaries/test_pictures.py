"""pictures.py: rows of pictures, in which a photo is shown by every role, with other features, and epoch by epoch."""

from dataclasses import replace

import pandas as pd

from analysis.summaries.pictures import compared, painters, side_by_side, variant_rows
from analysis.tables import Tables


def test_grey_and_truth_come_first_then_every_role_that_colours_with_its_error(tables: Tables) -> None:
    photo = tables.photos["photo"].iloc[7]
    shown = side_by_side(replace(tables, photos=tables.photos.iloc[::-1]), photo)
    assert painters(tables) == ["joint.color", "joint.naming", "color_only", "no_fusion"]
    first = tables.photos[(tables.photos["photo"] == photo) & (tables.photos["replicate"] == 1)].set_index("setting")
    assert [one.name for one in shown] == ["grey", "truth", *painters(tables)]
    assert [one.word for one in shown] == ["", "", *(f"{first['delta_e'][name]:.1f}" for name in painters(tables))]
    pictures = plain(tables)[plain(tables)["photo"] == photo].set_index("setting")["jpeg"]
    assert [one.jpeg for one in shown] == [pictures[name] for name in ["grey", "truth", *painters(tables)]]


def test_the_compared_are_one_role_an_arm_of_the_primary_contrasts(tables: Tables) -> None:
    assert compared(tables) == ["joint.color", "color_only"]


def plain(tables: Tables) -> pd.DataFrame:
    return tables.pictures[tables.pictures["variant"] == ""]


def varied(tables: Tables) -> Tables:
    first, second = tables.photos["photo"].unique()[:2]
    rows = [(first, "joint.color", f"epoch {epoch}", f"e{epoch}".encode()) for epoch in (12, 1, 3)]
    rows += [(first, "joint.color", f"features of {name}", name.encode()) for name in ("Plum", "Banana")]
    rows += [(first, "joint.color", "mean features", b"mean"), (second, "color_only", "epoch 1", b"other")]
    more = pd.DataFrame(rows, columns=["photo", "setting", "variant", "jpeg"])
    return replace(tables, pictures=pd.concat([plain(tables), more.assign(fold=0)]))


def test_epochs_stand_in_their_order_after_the_truth(tables: Tables) -> None:
    shown = variant_rows(varied(tables), "epoch")
    assert list(shown) == ["joint.color", "color_only"]
    (row,) = shown["joint.color"].rows
    assert [(one.name, one.jpeg) for one in row[1:]] == [("epoch 1", b"e1"), ("epoch 3", b"e3"), ("epoch 12", b"e12")]
    assert row[0].name == "truth" and row[0].jpeg


def test_swapped_features_stand_beside_the_photo_s_own(tables: Tables) -> None:
    shown = variant_rows(varied(tables), "features")
    assert list(shown) == ["joint.color"]
    (row,) = shown["joint.color"].rows
    names = ["truth", "own features", "features of Banana", "features of Plum", "mean features"]
    assert [one.name for one in row] == names


def test_variants_are_no_paintings_of_the_gallery(tables: Tables) -> None:
    photo = tables.photos["photo"].iloc[0]
    alone = replace(tables, pictures=plain(tables))
    assert side_by_side(varied(tables), photo) == side_by_side(alone, photo)


def test_without_variants_there_is_nothing_to_show(tables: Tables) -> None:
    alone = replace(tables, pictures=plain(tables))
    assert variant_rows(alone, "epoch") == variant_rows(alone, "features") == {}

"""regions.py: masks drawn by hand."""

import dataclasses

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from trainables.data.images import Images
from trainables.evaluation.regions import Objects, object_masks, object_share, objects_on_white


def on_white(*areas: tuple[int, int, int, int, int]) -> np.ndarray:
    """A white 20 px square with grey rectangles: left, top, right, bottom, grey; later ones on top."""
    pixels_HW3 = np.full((20, 20, 3), 255, np.uint8)
    for left, top, right, bottom, grey in areas:
        pixels_HW3[top:bottom, left:right] = grey
    return pixels_HW3


def boxed(images: Images, boxes_M4: list[list[float]], photos_M: list[int]) -> Images:
    return dataclasses.replace(images, boxes_M4=np.array(boxes_M4, np.float32), box_photos_M=np.array(photos_M))


def test_an_object_on_white_keeps_its_highlights() -> None:
    ring_HW3 = on_white((4, 4, 12, 14, 90), (6, 6, 9, 9, 255))
    mask_BHW, is_known_B = objects_on_white(ring_HW3[None])
    expected_HW = np.zeros((20, 20), bool)
    expected_HW[4:14, 4:12] = True
    assert (mask_BHW[0] == expected_HW).all() and is_known_B.all()


def test_faint_traces_on_the_background_are_background() -> None:
    mask_BHW, is_known_B = objects_on_white(on_white((0, 0, 20, 20, 221), (5, 5, 10, 10, 219))[None])
    assert is_known_B.all() and mask_BHW[0].sum() == 25


def test_a_coloured_background_is_not_white() -> None:
    yellow_HW3 = on_white((5, 5, 10, 10, 90))
    yellow_HW3[..., 2] = 100
    assert not objects_on_white(yellow_HW3[None])[1].any()


@pytest.mark.parametrize(("num_dark_rows", "is_known"), [(10, True), (11, False)])
def test_half_of_the_edge_must_be_white(num_dark_rows: int, is_known: bool) -> None:
    # Of 76 pixels of the edge, 20 above and 2 in each further row are dark: 38 with ten rows.
    mask_BHW, is_known_B = objects_on_white(on_white((0, 0, 20, num_dark_rows, 60))[None])
    assert is_known_B.item() is is_known
    assert mask_BHW[0, :num_dark_rows].all() and not mask_BHW[0, num_dark_rows:].any()


def images_of(photos: list[np.ndarray]) -> Images:
    num_photos = len(photos)
    return Images(
        pixels_NHW3=np.stack(photos),
        labels_N=np.zeros(num_photos, np.int64),
        groups_N=np.arange(num_photos),
        photo_names=tuple(str(index) for index in range(num_photos)),
        class_names=("only",),
        digest="",
    )


def test_photos_without_two_regions_cannot_be_told_apart() -> None:
    empty, speck, whole = on_white(), on_white((3, 3, 5, 4, 0)), on_white((0, 0, 20, 20, 60))
    four, half_on_white = on_white((3, 3, 5, 5, 0)), on_white((0, 0, 20, 11, 60))
    images = images_of([empty, speck, whole, half_on_white, four])
    assert object_masks(images, np.arange(5))[1].tolist() == [False, False, False, False, True]


def test_boxes_go_before_the_background() -> None:
    images = boxed(images_of([on_white((2, 2, 6, 6, 0))] * 3), [[1, 2, 11, 7], [9, 5, 14, 9]], [0, 0])
    images = dataclasses.replace(images, box_photos_M=np.array([0, 2]))
    mask_BHW, is_known_B = object_masks(images, np.array([2, 1, 0]))
    assert is_known_B.tolist() == [True, False, True]
    assert mask_BHW[0, 5:9, 9:14].all() and mask_BHW[0].sum() == 20
    assert mask_BHW[2, 2:7, 1:11].all() and mask_BHW[2].sum() == 50


def test_a_box_of_the_whole_photo_tells_nothing() -> None:
    images = boxed(images_of([on_white((2, 2, 6, 6, 0))]), [[0, 0, 20, 20]], [0])
    assert not object_masks(images, np.array([0]))[1].any()


def test_the_mask_of_a_drawn_shape_is_where_it_has_colour(orchard: Images) -> None:
    pixels_NHW3 = np.asarray(orchard.pixels_NHW3)
    mask_NHW, is_known_N = object_masks(orchard, np.arange(64))
    is_colored_NHW = np.linalg.norm(rgb2lab(pixels_NHW3)[..., 1:], axis=3) > 20
    assert is_known_N.all() and mask_NHW[is_colored_NHW].all()
    # Beyond that only the blurred edge and the hole of a ring, which no white path leaves.
    rings_N = np.asarray(orchard.labels_N) == orchard.class_names.index("ring")
    assert (mask_NHW & ~is_colored_NHW)[~rings_N].mean() < 0.04


def test_a_trial_s_masks_are_those_of_its_photos_and_empty_where_nothing_can_be_told(orchard: Images) -> None:
    pixels_NHW3 = np.array(orchard.pixels_NHW3)
    pixels_NHW3[5] = 60
    images = dataclasses.replace(orchard, pixels_NHW3=pixels_NHW3)
    indices_N = np.array([63, 5, 20, 40, 0])
    masks = list(Objects(images, indices_N, torch.device("cpu")).batches(2))
    assert [len(one) for one in masks] == [2, 2, 1]
    expected_NHW = object_masks(images, indices_N)[0]
    expected_NHW[1] = False
    assert np.array_equal(torch.cat(masks).numpy(), expected_NHW)


def test_sides_that_are_no_whole_bytes_keep_their_pixels() -> None:
    images = images_of([on_white((2, 3, 19, 17, 60))])
    (mask_1HW,) = Objects(images, np.array([0]), torch.device("cpu")).batches(4)
    assert np.array_equal(mask_1HW.numpy(), object_masks(images, np.array([0]))[0])


def test_the_share_of_photos_that_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told, untold = on_white((3, 3, 9, 9, 0)), on_white((0, 0, 20, 20, 60))
    images = images_of([told, untold, untold, told, told])
    assert object_share(images) == 0.6
    monkeypatch.setattr("trainables.evaluation.regions.MAX_LOOKED_AT", 2)
    assert object_share(images) == 1.0, "the first and the last"
    assert object_share(boxed(images, [[1, 1, 9, 9]], [1])) == 0.0

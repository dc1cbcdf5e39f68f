"""boxes.py: masks against pixels pushed around one by one, through annotations and turned photos, and padded boxes."""

import math

import numpy as np
import torch
from PIL import Image, ImageOps

from trainables.config import TrialConfig
from trainables.data.augmentation import draw_transforms
from trainables.data.boxes import masks_of_boxes, padded_boxes
from trainables.data.images import Images
from trainables.datasets.annotations import Annotation, boxes_in_square

SIZE = 8


def slow_mask(upright_HW: np.ndarray, theta_23: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reference: each pixel of the batch looks up the one pixel of the upright photo that its centre falls on.

    Also returns which pixels fall so near an edge between pixels that rounding decides.
    """
    height, width = upright_HW.shape
    side = min(height, width)
    mask_HW, is_near_edge_HW = np.zeros((SIZE, SIZE), bool), np.zeros((SIZE, SIZE), bool)
    for row in range(SIZE):
        for column in range(SIZE):
            x_out, y_out = (2 * column + 1) / SIZE - 1, (2 * row + 1) / SIZE - 1
            point = []
            for a, b, c in theta_23.tolist():
                value = a * x_out + b * y_out + c
                while not -1 <= value <= 1:
                    value = -2 - value if value < -1 else 2 - value
                point.append((value + 1) / 2 * side)
            x, y = point[0] + (width - side) / 2, point[1] + (height - side) / 2
            is_near_edge_HW[row, column] = min(abs(x - round(x)), abs(y - round(y))) < 1e-3 * side
            mask_HW[row, column] = upright_HW[min(int(y), height - 1), min(int(x), width - 1)]
    return mask_HW, is_near_edge_HW


def random_boxes(generator: np.random.Generator, width: int, height: int) -> np.ndarray:
    boxes = []
    for _ in range(generator.integers(1, 4)):
        left, top = generator.integers(0, width), generator.integers(0, height)
        boxes.append([left, top, generator.integers(left + 1, width + 1), generator.integers(top + 1, height + 1)])
    return np.array(boxes, dtype=float)


def test_masks_agree_with_a_slow_reference_for_a_thousand_random_boxes_and_transforms() -> None:
    generator = np.random.default_rng(0)
    config = TrialConfig(crop_min_area=0.3, flip=True, max_rotation_degrees=40)
    theta_N23 = draw_transforms(1000, config, torch.Generator().manual_seed(0))
    assert theta_N23 is not None
    theta_N23[::4] = torch.eye(2, 3)  # as photos are measured, without augmentation
    num_inside = num_compared = 0
    for theta_23 in theta_N23:
        width, height = (int(side) for side in generator.integers(10, 60, 2))
        orientation = int(generator.integers(1, 9))
        boxes_M4 = random_boxes(generator, width, height)
        stored_HW = np.zeros((height, width), np.uint8)
        for left, top, right, bottom in boxes_M4.astype(int):
            stored_HW[top:bottom, left:right] = 255
        picture = Image.fromarray(stored_HW)
        picture.getexif()[0x0112] = orientation
        upright = ImageOps.exif_transpose(picture)
        # The annotated photo was another size than the copy at hand.
        zoom = float(generator.choice([1.0, 2.0, 0.5]))
        annotation = Annotation(size=(width * zoom, height * zoom), boxes_M4=boxes_M4 * zoom)
        carried_M4 = boxes_in_square(annotation, upright.size, orientation, SIZE)
        mask_B1HW = masks_of_boxes(torch.from_numpy(carried_M4)[None], theta_23[None], SIZE)
        expected_HW, is_near_edge_HW = slow_mask(np.asarray(upright) > 0, theta_23.double().numpy())
        same_HW = mask_B1HW[0, 0].numpy() == expected_HW
        assert (same_HW | is_near_edge_HW).all()
        num_compared += int((~is_near_edge_HW).sum())
        num_inside += int(expected_HW.sum())
    assert num_compared > 0.9 * 1000 * SIZE**2
    assert 0.1 < num_inside / (1000 * SIZE**2) < 0.9


def test_no_transform_is_the_identity() -> None:
    boxes_BK4 = torch.tensor([[[2.0, 3, 7, 5], [math.nan] * 4], [[0.0, 0, 8, 8], [4.0, 4, 4, 9]]])
    mask_B1HW = masks_of_boxes(boxes_BK4, None, SIZE)
    assert mask_B1HW.shape == (2, 1, SIZE, SIZE)
    assert mask_B1HW[0, 0, 3:5, 2:7].all() and int(mask_B1HW[0].sum()) == 10
    assert mask_B1HW[1].all()


def test_boxes_of_photos_are_padded_with_nothing() -> None:
    images = Images(
        pixels_NHW3=np.zeros((3, 16, 16, 3), np.uint8),
        labels_N=np.zeros(3, np.int64),
        groups_N=np.arange(3),
        photo_names=("a", "b", "c"),
        class_names=("dog",),
        digest="",
        boxes_M4=np.arange(12, dtype=np.float32).reshape(3, 4),
        box_photos_M=np.array([0, 2, 2]),
    )
    boxes_BK4 = padded_boxes(images, np.array([2, 1, 0]))
    assert boxes_BK4.shape == (3, 2, 4)
    assert boxes_BK4[0].tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]
    assert np.isnan(boxes_BK4[1]).all()
    assert boxes_BK4[2, 0].tolist() == [0, 1, 2, 3] and np.isnan(boxes_BK4[2, 1]).all()

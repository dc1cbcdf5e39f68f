"""annotations.py: boxes carried into the square, worked out by hand, and hostile XML."""

import numpy as np
import pytest

from tests.trainables.dogs_tree import annotation_text
from trainables.datasets.annotations import Annotation, UnreadableBoxesError, boxes_in_square, read_annotation


def test_annotation_of_the_upright_photo_is_not_turned_again() -> None:
    # 60 wide and 40 high once turned; the box was drawn on that.
    annotation = Annotation(size=(60, 40), boxes_M4=np.array([[10.0, 0, 30, 40]]))
    assert boxes_in_square(annotation, (60, 40), 6, 40).tolist() == [[0, 0, 20, 40]]


def test_box_outside_the_square_has_no_area() -> None:
    annotation = Annotation(size=(100, 20), boxes_M4=np.array([[0.0, 0, 10, 20]]))
    left, _, right, _ = boxes_in_square(annotation, (100, 20), 1, 8)[0]
    assert left == right == 0


def test_size_and_boxes_are_read() -> None:
    annotation = read_annotation(annotation_text(500, 375, [(1, 2, 30, 40), (5, 6, 70, 80)]).encode())
    assert annotation.size == (500, 375)
    assert annotation.boxes_M4.tolist() == [[1, 2, 30, 40], [5, 6, 70, 80]]


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
GOOD = annotation_text(50, 40, [(1, 2, 30, 40)])
BAD_ANNOTATIONS = {
    "empty": ("", "cannot be read"),
    "text": ("not XML", "cannot be read"),
    "cut off": (GOOD[:300], "cannot be read"),
    "another document": ("<html><body/></html>", "no size"),
    "no box": (annotation_text(50, 40, []), "no box"),
    "no size": (GOOD.replace("width", "breadth"), "no size"),
    "not a number": (GOOD.replace("<xmin>1", "<xmin>one"), "cannot be read"),
    "endless": (GOOD.replace("<xmin>1", "<xmin>inf"), "without an area"),
    "inside out": (GOOD.replace("<xmin>1<", "<xmin>31<"), "without an area"),
    "a side missing": (GOOD.replace("<ymax>40</ymax>", ""), "without an area"),
    "a billion laughs": (LAUGHS + "]><annotation>&i;</annotation>", "document type"),
    "a file of this machine": ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>', "document type"),
    "a deep one": ("<a>" * 100_000, "deep"),
    "a large one": (" " * 2_000_000, "bytes"),
    "many boxes": (annotation_text(50, 40, [(1, 2, 30, 40)] * 1500), "more than 1000 boxes"),
    "unknown encoding": ('<?xml version="1.0" encoding="klingon"?>' + GOOD, "cannot be read"),
}


@pytest.mark.parametrize("kind", BAD_ANNOTATIONS)
def test_bad_annotation_is_left_out_with_its_reason(kind: str) -> None:
    text, reason = BAD_ANNOTATIONS[kind]
    with pytest.raises(UnreadableBoxesError, match=reason):
        read_annotation(text.encode())


@pytest.mark.timeout(60)
def test_damaged_annotations_are_read_or_left_out_and_nothing_else() -> None:
    generator = np.random.default_rng(0)
    num_read = 0
    for _ in range(300):
        damaged = np.frombuffer(GOOD.encode(), np.uint8).copy()
        places = generator.integers(0, len(damaged), generator.integers(1, 5))
        damaged[places] = generator.integers(0, 256, len(places))
        try:
            annotation = read_annotation(damaged[: generator.integers(200, 2 * len(damaged))].tobytes())
        except UnreadableBoxesError as error:
            assert str(error)
        else:
            num_read += 1
            assert np.isfinite(annotation.boxes_M4).all()
    assert 0 < num_read < 300

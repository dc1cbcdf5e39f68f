"""Bounding boxes: read from annotations, and carried along with a photo to the prepared square.

A box is left, top, right, bottom; a pixel lies inside where its centre does. Letter: M boxes.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 1_000_000
"""An annotation takes about a kilobyte."""

MAX_DEPTH = 20
"""Elements within elements; an annotation has four."""

MAX_BOXES = 1000


class UnreadableBoxesError(ValueError):
    """An annotation that is left out; the message is the reason. Its photo stays."""


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """What a Pascal VOC file says of a photo."""

    size: tuple[float, float]
    """Width and height in pixels of the photo that was annotated; a copy in circulation may be another size."""
    boxes_M4: NDArray[np.float64]
    """In its pixels."""


def read_annotation(content: bytes) -> Annotation:
    """The size and the boxes of a Pascal VOC file: `<size>` and an `<object>` with `<bndbox>` per box.

    Raises UnreadableBoxesError, with the reason, for everything else; documents that define entities, the way to make
    a kilobyte swallow the memory, among it.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableBoxesError(f"the annotation has {len(content):,} bytes, but at most {MAX_BYTES:,} are read")
    target = _VocTarget()
    try:
        parser = ElementTree.XMLParser(target=target)
        parser.feed(content)
        parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        # ValueError and LookupError: unknown encodings; our own reasons are ValueErrors too.
        raise UnreadableBoxesError(f"the annotation cannot be read: {error}") from error
    size = (target.size.get("width", math.nan), target.size.get("height", math.nan))
    if not all(math.isfinite(side) and side >= 1 for side in size):
        raise UnreadableBoxesError("the annotation names no size in pixels")
    boxes_M4 = np.array(
        [[box.get(side, math.nan) for side in ("xmin", "ymin", "xmax", "ymax")] for box in target.boxes],
        dtype=np.float64,
    ).reshape(-1, 4)
    if not len(boxes_M4):
        raise UnreadableBoxesError("the annotation holds no box")
    if not np.isfinite(boxes_M4).all() or (boxes_M4[:, :2] >= boxes_M4[:, 2:]).any():
        raise UnreadableBoxesError("the annotation has a box without an area")
    return Annotation(size=size, boxes_M4=boxes_M4)


class _VocTarget:
    """Picks sizes and boxes out of a document as it is parsed; keeps nothing else of it."""

    def __init__(self) -> None:
        self.size: dict[str, float] = {}
        self.boxes: list[dict[str, float]] = []
        self._open: list[str] = []
        self._text = ""

    def doctype(self, *_: object) -> None:
        raise ValueError("it defines a document type, which no annotation needs")

    def start(self, tag: str, _: object) -> None:
        self._open.append(tag)
        self._text = ""
        if len(self._open) > MAX_DEPTH:
            raise ValueError(f"its elements lie more than {MAX_DEPTH} deep")
        if self._open[-2:] == ["object", "bndbox"]:
            self.boxes.append({})
            if len(self.boxes) > MAX_BOXES:
                raise ValueError(f"it holds more than {MAX_BOXES} boxes")

    def data(self, text: str) -> None:
        if len(self._text) < 100:
            self._text += text

    def end(self, tag: str) -> None:
        above = self._open[-2] if len(self._open) > 1 else ""
        into = self.size if above == "size" else self.boxes[-1] if above == "bndbox" and self.boxes else None
        if into is not None and tag in ("width", "height", "xmin", "ymin", "xmax", "ymax"):
            into[tag] = float(self._text)
        self._open.pop()
        self._text = ""

    def close(self) -> None:
        pass


Point = Callable[[NDArray[np.float64], NDArray[np.float64], float, float], tuple[NDArray[np.float64], ...]]

UPRIGHT: Mapping[int, Point] = MappingProxyType(
    {
        1: lambda x, y, w, h: (x, y),
        2: lambda x, y, w, h: (w - x, y),
        3: lambda x, y, w, h: (w - x, h - y),
        4: lambda x, y, w, h: (x, h - y),
        5: lambda x, y, w, h: (y, x),
        6: lambda x, y, w, h: (h - y, x),
        7: lambda x, y, w, h: (h - y, w - x),
        8: lambda x, y, w, h: (y, w - x),
    }
)
"""Where a point of the stored photo, w wide and h high, lies once the photo is turned upright; by EXIF orientation."""


def boxes_in_square(
    annotation: Annotation, upright_size: tuple[int, int], orientation: int, image_size: int
) -> NDArray[np.float32]:
    """The boxes in pixels of the prepared square: turned upright, scaled to the real size, cropped, resized.

    Annotations were drawn on photos as stored, unless their size has the upright photo's shape alone. A box outside the
    square keeps its place at the edge, without an area.

    Returns:
        boxes_M4: float32 in [0, image_size].
    """
    turned = orientation >= 5
    stored_size = upright_size[::-1] if turned else upright_size
    (width, height), (stored_width, stored_height) = annotation.size, stored_size
    if turned and abs(width * stored_width - height * stored_height) < abs(
        width * stored_height - height * stored_width
    ):
        orientation, (stored_width, stored_height) = 1, upright_size
    boxes_M4 = annotation.boxes_M4 * (np.array([stored_width, stored_height] * 2) / np.array([width, height] * 2))
    turn = UPRIGHT[orientation]
    corners = [turn(boxes_M4[:, x], boxes_M4[:, x + 1], stored_width, stored_height) for x in (0, 2)]
    corners_2M2 = np.stack([np.stack(corner, axis=1) for corner in corners])
    side = min(upright_size)
    offset_2 = (np.array(upright_size) - side) / 2
    corners_2M2 = np.clip((corners_2M2 - offset_2) * image_size / side, 0, image_size)
    return np.concatenate([corners_2M2.min(axis=0), corners_2M2.max(axis=0)], axis=1).astype(np.float32)

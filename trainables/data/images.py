"""The prepared photos of a data set as every trial gets them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PARTS = ("", "train", "val", "test")
"""What a list may say of a photo; `parts_N` holds positions in it."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """N photos of the same square size with their classes and content groups."""

    pixels_NHW3: NDArray[np.uint8]
    """uint8 sRGB; a memory map where they come from a folder."""
    labels_N: NDArray[np.int64]
    """int64, into `class_names`."""
    groups_N: NDArray[np.int64]
    """int64; photos with the same number show the same content and never stand on two sides of a cut."""
    photo_names: tuple[str, ...]
    """Such as "Apple/Apple1.jpg"."""
    class_names: tuple[str, ...]
    digest: str
    """Fingerprint of the photos and of the settings they were prepared with."""
    chroma_N: NDArray[np.float32] | None = None
    """float32, CIELAB chroma that 5 % of a photo's pixels exceed; None where photos have no pixels."""
    parts_N: NDArray[np.int8] | None = None
    """int8, into `PARTS`, as official lists or a split file say; None without them."""
    boxes_M4: NDArray[np.float32] | None = None
    """float32, left, top, right and bottom of M bounding boxes in pixels of the prepared photo; None without them."""
    box_photos_M: NDArray[np.int64] | None = None
    """int64, ascending: the photo of each box. A photo without one has no annotation."""

    def __post_init__(self) -> None:
        num_photos = len(self.pixels_NHW3)
        assert self.pixels_NHW3.dtype == np.uint8 and self.pixels_NHW3.shape[3:] == (3,)
        assert num_photos == len(self.labels_N) == len(self.groups_N) == len(self.photo_names)
        for values_N in (self.chroma_N, self.parts_N):
            assert values_N is None or len(values_N) == num_photos
        assert (self.boxes_M4 is None) == (self.box_photos_M is None)


OPTIONAL_FILES = {
    "chroma_N": "chroma.npy",
    "parts_N": "parts.npy",
    "boxes_M4": "boxes.npy",
    "box_photos_M": "box_photos.npy",
}
"""The file of each field that not every data set has."""


def load_images(folder: Path) -> Images:
    """Open what `prepare` wrote; the pixels stay on disk until they are read.

    Raises ValueError if the folder is not a finished prepared one.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return Images(
            pixels_NHW3=np.load(folder / "pixels.npy", mmap_mode="r"),
            labels_N=np.load(folder / "labels.npy"),
            groups_N=np.load(folder / "groups.npy"),
            photo_names=tuple(manifest["photo_names"]),
            class_names=tuple(manifest["class_names"]),
            digest=manifest["digest"],
            **{field: np.load(folder / name) for field, name in OPTIONAL_FILES.items() if (folder / name).is_file()},
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise ValueError(
            f"{folder} is not a finished folder of prepared photos ({type(error).__name__}: {error}). "
            "Delete it and prepare the data again."
        ) from error

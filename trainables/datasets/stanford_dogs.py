"""Stanford Dogs (Khosla et al. 2011): 120 breeds, official lists and bounding boxes, as its three archives unpack.

Images/n02085620-Chihuahua/n02085620_7.jpg      photos
Annotation/n02085620-Chihuahua/n02085620_7      Pascal VOC, no extension
train_list.mat, test_list.mat                   MATLAB v5, here or in lists/
"""

import dataclasses
import re
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np

from trainables.datasets.class_folders import DOGS_SOURCE, PhotoList, list_photos, with_parts

LISTS = {"train": "train_list.mat", "test": "test_list.mat"}

MAX_LIST_BYTES = 20_000_000
"""Of a list, also once decompressed; the real ones have 1.3 MB."""

MAT_HEADER_BYTES, MI_COMPRESSED = 128, 15
"""The MATLAB v5 format: a header, then elements, each a kind, a length and as many bytes."""

UNREADABLE_LIST = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError,
                   EOFError, OverflowError, MemoryError, struct.error, zlib.error)  # fmt: skip
"""What scipy's reader raises for damaged files."""


def list_dogs(root: Path) -> PhotoList:
    """The photos below root/Images with breed names, the official part of each, and its annotation where there is one.

    Photos that neither list names are left out, and so are names without a photo.
    Raises ValueError for a folder that does not fit, with where to get the files and where to put them.
    """
    for name in ("Images", *LISTS.values()):
        if not _find(root, name).exists():
            raise ValueError(f"root {str(root)!r} holds no {name}. {DOGS_SOURCE}")
    photos = list_photos(_find(root, "Images"), dataset="stanford_dogs")
    parts: dict[str, str] = {}
    for part, file in LISTS.items():
        for name in read_list(_find(root, file)):
            if parts.setdefault(name, part) != part:
                raise ValueError(f"{name!r} stands in both official lists of {str(root)!r}. {DOGS_SOURCE}")
    photos = with_parts(photos, parts, named_in="official lists")
    annotations = _find(root, "Annotation")
    files = [annotations / PurePosixPath(name).with_suffix("") for name in photos.photo_names]
    return dataclasses.replace(
        photos,
        class_names=tuple(breed_name(folder) for folder in photos.class_names),
        annotations=tuple(file if file.is_file() else None for file in files),
    )


def breed_name(folder: str) -> str:
    """The breed as a person writes it: "black-and-tan coonhound" for n02089078-black-and-tan_coonhound."""
    return re.sub(r"^n\d{8}-", "", folder).replace("_", " ")


def read_list(path: Path) -> list[str]:
    """The photos that an official list names: paths below Images.

    Raises ValueError for a file that is not such a list.
    """
    # Loading scipy's reader takes a while, and only this data set needs it.
    from scipy.io import loadmat

    try:
        content = path.read_bytes() if path.stat().st_size <= MAX_LIST_BYTES else b""
        _check_list(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of oddities that do not touch the one variable read
            cells = loadmat(BytesIO(content), variable_names=["file_list"])["file_list"]
        names = [str(np.asarray(cell).ravel()[0]) for cell in np.asarray(cells).ravel()]
    except UNREADABLE_LIST as error:
        raise ValueError(f"{str(path)!r} is not an official list of Stanford Dogs ({error}). {DOGS_SOURCE}") from error
    if not names:
        raise ValueError(f"{str(path)!r} names no photo. {DOGS_SOURCE}")
    return names


def _find(root: Path, name: str) -> Path:
    """Where a part of the data set lies: unpacked into root itself, or each archive into a folder of its own."""
    below = [root / name, root / "lists" / name, root / "images" / name, root / "annotation" / name]
    return next((path for path in below if path.exists()), root / name)


def _check_list(content: bytes) -> None:
    """Refuses a list that is too large or would be, decompressed: scipy's reader has no limit of its own."""
    position = MAT_HEADER_BYTES
    if not content:
        raise ValueError(f"it is empty or has more than {MAX_LIST_BYTES:,} bytes")
    if content[124:128] != b"\x00\x01IM":
        raise ValueError("no MATLAB v5 file of a little-endian machine")
    while position + 8 <= len(content):
        kind, length = struct.unpack_from("<II", content, position)
        position += 8
        if kind == MI_COMPRESSED:
            inflated = zlib.decompressobj().decompress(content[position : position + length], MAX_LIST_BYTES + 1)
            if len(inflated) > MAX_LIST_BYTES:
                raise ValueError(f"it has more than {MAX_LIST_BYTES:,} bytes, decompressed")
        position += length

"""Class folders of photos, `root/<class>/<photo>`: what lies there, and one photo read as a square.

Letters: H, W the prepared size; G the side of a thumbnail.
"""

import dataclasses
import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from trainables.chroma import measure_chroma
from trainables.content_groups import make_thumbnails

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""What Pillow may recognise, whatever the file is called. It can read more, some by starting other programs."""

MIN_SIDE = 8
"""Pixels. A narrower photo holds nothing to learn from: enlarged 8 times and more, it is a few stripes."""

MAX_PIXELS = 80_000_000
"""A photo that claims more would take gigabytes to decode. Pillow itself warns from 89 million on."""

MAX_FILE_BYTES = 500_000_000
"""Twice what `MAX_PIXELS` take uncompressed. A larger file is no photo, and would be read into memory as a whole."""

ORIENTATION_TAG = 0x0112
"""EXIF: how a stored photo must be turned, 1 (not at all) to 8."""

UNREADABLE = (
    *(OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning),
    *(TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError, struct.error, zlib.error),
)
"""What Pillow raises for damaged files, each a photo's recorded reason: 46,000 files damaged at random gave the first
line, the second is what a parser written in Python may trip over."""

NCD_SOURCE = (
    "NCD (Anwar et al. 2020) can be downloaded by way of https://github.com/saeed-anwar/ColorSurvey: give the zip to "
    "hueristic data prepare ncd --source ColorfulOriginal.zip, or unpack it and set root to its folder "
    "ColorfulOriginal, with 20 folders such as Apple, each with photos such as Apple1.jpg."
)
DOGS_SOURCE = (
    "Stanford Dogs can be downloaded from http://vision.stanford.edu/aditya86/ImageNetDogs: put images.tar, "
    "annotation.tar and lists.tar into one folder and run hueristic data prepare stanford_dogs --source FOLDER, which "
    "unpacks them; or unpack them yourself and set root to the folder that holds Images, Annotation and the lists."
)
FOLDER_LAYOUT = "root must hold one folder per class, at least two, each with photos: root/<class>/<photo>.jpg."
REMEDIES = {"ncd": NCD_SOURCE, "folder": FOLDER_LAYOUT, "stanford_dogs": DOGS_SOURCE}
"""What to tell a person whose folder does not fit, by data set."""


class UnreadablePhotoError(ValueError):
    """A photo that is left out; the message is the reason."""


@dataclass(frozen=True, kw_only=True)
class PhotoList:
    """The photos of class folders, in order of class and name."""

    root: Path
    class_names: tuple[str, ...]
    photo_names: tuple[str, ...]
    """Path below the root, with forward slashes: "Apple/Apple1.jpg"."""
    labels: tuple[int, ...]
    """Of each photo, into `class_names`."""
    left_out: Mapping[str, str]
    """By name the reason of each file that is no photo of the data set, such as one in no class folder."""
    parts: tuple[str, ...] | None = None
    """Of each photo "train", "val" or "test", as a list says; None without lists."""
    annotations: tuple[Path | None, ...] | None = None
    """Of each photo the file of its bounding boxes; None for a data set without."""

    def keep(self, reasons: Mapping[str, str]) -> "PhotoList":
        """The list without the photos that have a reason to be left out; the others stay in order."""
        kept = [index for index, name in enumerate(self.photo_names) if name not in reasons]
        rows: dict[str, Any] = {
            field: None if values is None else tuple(values[index] for index in kept)
            for field, values in (
                ("photo_names", self.photo_names),
                ("labels", self.labels),
                ("parts", self.parts),
                ("annotations", self.annotations),
            )
        }
        return dataclasses.replace(self, **rows, left_out={**self.left_out, **reasons})


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo made ready."""

    pixels_HW3: NDArray[np.uint8]
    """uint8 sRGB: the centre square, resized."""
    thumbnails_2GG3: NDArray[np.uint8]
    """uint8 sRGB, to recognise copies by; see `make_thumbnails`."""
    original_size: tuple[int, int]
    """Width and height in pixels, turned upright."""
    orientation: int = 1
    """How the stored photo was turned, by EXIF's numbers."""
    chroma: float
    """See `measure_chroma`."""
    format_name: str
    """What the file is in truth, in Pillow's word: "JPEG"."""


def list_photos(root: Path, *, dataset: str) -> PhotoList:
    """Every file below each class folder, at any depth, is taken for a photo; hidden files and folders are passed over.

    Args: dataset is a key of `REMEDIES`. For `ncd`, root may also be the folder that holds ColorfulOriginal.
    Raises ValueError for a folder that is missing, cannot be read, or holds fewer than two classes or an empty one.
    """
    remedy = REMEDIES[dataset]
    if dataset == "ncd" and (root / "ColorfulOriginal").is_dir():
        root = root / "ColorfulOriginal"
    if not root.is_dir():
        raise ValueError(f"root {str(root)!r} is not a folder. {remedy}")
    try:
        entries = sorted(entry for entry in root.iterdir() if not _is_hidden(entry.name))
        folders = [entry for entry in entries if entry.is_dir()]
        names_by_class = {folder.name: _names_below(folder, root) for folder in folders}
    except PermissionError as error:
        raise ValueError(f"root {str(root)!r} cannot be read ({error}). Give yourself the right to read it.") from error
    if len(folders) < 2:
        found = f"only one class folder, {folders[0].name!r}" if folders else "no class folder"
        raise ValueError(f"root {str(root)!r} holds {found}. {remedy}")
    empty = [name for name, photos in names_by_class.items() if not photos]
    if empty:
        raise ValueError(f"Class folder {empty[0]!r} in root {str(root)!r} holds no photo. Fill it or remove it.")
    return PhotoList(
        root=root,
        class_names=tuple(names_by_class),
        photo_names=tuple(name for names in names_by_class.values() for name in names),
        labels=tuple(label for label, names in enumerate(names_by_class.values()) for _ in names),
        left_out={entry.name: "lies in no class folder" for entry in entries if not entry.is_dir()},
    )


def with_parts(photos: PhotoList, parts: Mapping[str, str], *, named_in: str) -> PhotoList:
    """The photos that `parts` names, with their part; the others, and names without a photo, are left out.

    Raises ValueError where not one photo is named, which is a list of other photos.
    """
    known = set(photos.photo_names)
    unknown = [name for name in parts if name not in known]
    if len(unknown) == len(parts):
        raise ValueError(
            f"The {named_in} names none of the photos below {str(photos.root)!r}: it has {unknown[0]!r}, the folder "
            f"{photos.photo_names[0]!r}. Names must be paths below that folder."
        )
    reasons = {name: f"not named in the {named_in}" for name in photos.photo_names if name not in parts}
    reasons |= {name: f"named in the {named_in}, but not there" for name in unknown}
    kept = photos.keep(reasons)
    return dataclasses.replace(kept, parts=tuple(parts[name] for name in kept.photo_names))


def read_bytes(path: Path) -> bytes:
    """The content of a photo's file. Raises UnreadablePhotoError for what is not a file that can be read."""
    try:
        if path.exists() and not path.is_file():
            raise UnreadablePhotoError("not a regular file")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnreadablePhotoError(f"too large: {path.stat().st_size:,} bytes, but at most {MAX_FILE_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise UnreadablePhotoError(f"cannot be read: {error.strerror}") from error


def read_photo(content: bytes, image_size: int) -> Photo:
    """Decode one photo: upright, 8-bit sRGB, shorter side resized to image_size, centre square.

    JPEG is scaled while decoding, to no less than twice the target: measured on NCD, 2 to 3 times faster than decoding
    in full, and 0.7 (128 px) to 1.5 (64 px) grey levels root mean square from it; scaled down to the target itself, 2.2
    to 4.5. Transparent parts become white, 16 bits become 8, the first frame stands for all. Embedded colour profiles
    are ignored.
    Raises UnreadablePhotoError, with the reason, for everything that is not a whole picture of a usable size.
    """
    rgb, original_size, orientation, format_name = _open_upright(content, at_least=2 * image_size)
    side = min(rgb.size)
    left, top = (rgb.width - side) / 2, (rgb.height - side) / 2
    square = rgb.resize((image_size, image_size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))
    pixels_HW3 = np.asarray(square)
    return Photo(
        pixels_HW3=pixels_HW3,
        thumbnails_2GG3=make_thumbnails(rgb, square),
        original_size=original_size,
        orientation=orientation,
        chroma=float(measure_chroma(pixels_HW3[None])[0]),
        format_name=format_name,
    )


def read_upright(content: bytes) -> Image.Image:
    """Decode one photo at its full size: upright, 8-bit sRGB, otherwise as `read_photo` does."""
    return _open_upright(content, at_least=None)[0]


def _open_upright(content: bytes, *, at_least: int | None) -> tuple[Image.Image, tuple[int, int], int, str]:
    """The picture as upright RGB, its upright size in the file, how EXIF had it turned, and its true format.

    `at_least` lets JPEG be scaled down while it is decoded, with both sides no shorter than this.
    """
    if not content:
        raise UnreadablePhotoError("the file is empty")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_size(*image.size)
            original_size, format_name = image.size, image.format or ""
            if at_least is not None:
                image.draft(None, (at_least, at_least))
            image.load()
            orientation = image.getexif().get(ORIENTATION_TAG, 1)
            orientation = orientation if orientation in range(1, 9) else 1
            ImageOps.exif_transpose(image, in_place=True)
            if orientation >= 5:
                original_size = original_size[::-1]
            return _to_rgb(image), original_size, orientation, format_name
    except UnreadablePhotoError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadablePhotoError(f"not a picture in a known format ({', '.join(FORMATS)})") from error
    except UNREADABLE as error:
        raise UnreadablePhotoError(f"cannot be decoded: {error or type(error).__name__}") from error


def _is_hidden(name: str) -> bool:
    """The system's own files (.DS_Store, ._Apple1.jpg) and the folder that macOS adds to zip files."""
    return name.startswith(".") or name == "__MACOSX"


def _names_below(folder: Path, root: Path) -> list[str]:
    files = [path.relative_to(root) for path in folder.rglob("*") if not path.is_dir()]
    return sorted(file.as_posix() for file in files if not any(map(_is_hidden, file.parts)))


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise UnreadablePhotoError(f"too small: {width} x {height} px, but both sides need at least {MIN_SIDE}")
    if width * height > MAX_PIXELS:
        raise UnreadablePhotoError(f"too large: {width} x {height} px, but at most {MAX_PIXELS:,} in all are read")


def _to_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB of any mode that has one meaning."""
    if image.mode == "F":
        raise UnreadablePhotoError("floating-point values, whose white is not known")
    if image.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion clips it at 255
        values = np.array(image, np.int32)
        if values.min() < 0 or values.max() > 65535:
            raise UnreadablePhotoError("32-bit values, whose white is not known")
        values += 128
        values //= 257
        return Image.fromarray(values.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")

"""Class folders of photos, `root/<class>/<photo>`: what lies there, and one photo read as a square.

Letters: H, W the prepared size; G the side of a thumbnail.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from trainables.content_groups import make_thumbnails

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""What Pillow may recognise, whatever the file is called. It can read more, some by starting other programs."""

MIN_SIDE = 8
"""Pixels. A narrower photo holds nothing to learn from: enlarged 8 times and more, it is a few stripes."""

MAX_PIXELS = 80_000_000
"""A photo that claims more would take gigabytes to decode. Pillow itself warns from 89 million on."""

UNREADABLE = (
    *(OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning),
    *(TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError, struct.error, zlib.error),
)
"""What Pillow raises for damaged files, each a photo's recorded reason: 46,000 files damaged at random gave the first
line, the second is what a parser written in Python may trip over."""

NCD_SOURCE = (
    "NCD (Anwar et al. 2020) can be downloaded by way of https://github.com/saeed-anwar/ColorSurvey: unpack the zip "
    "and set root to its folder ColorfulOriginal, with 20 folders such as Apple, each with photos such as Apple1.jpg."
)
FOLDER_LAYOUT = "root must hold one folder per class, at least two, each with photos: root/<class>/<photo>.jpg."
REMEDIES = {"ncd": NCD_SOURCE, "folder": FOLDER_LAYOUT}
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
    strays: tuple[str, ...]
    """Files that lie in no class folder."""


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo made ready."""

    pixels_HW3: NDArray[np.uint8]
    """uint8 sRGB: the centre square, resized."""
    thumbnails_2GG3: NDArray[np.uint8]
    """uint8 sRGB, to recognise copies by; see `make_thumbnails`."""
    original_size: tuple[int, int]
    """Width and height in pixels, turned upright."""


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
        strays=tuple(entry.name for entry in entries if not entry.is_dir()),
    )


def read_bytes(path: Path) -> bytes:
    """The content of a photo's file. Raises UnreadablePhotoError for what is not a file that can be read."""
    try:
        if path.exists() and not path.is_file():
            raise UnreadablePhotoError("not a regular file")
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
    if not content:
        raise UnreadablePhotoError("the file is empty")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_size(*image.size)
            original_size = image.size
            image.draft(None, (2 * image_size, 2 * image_size))
            image.load()
            stored_wide = image.width > image.height
            ImageOps.exif_transpose(image, in_place=True)
            if (image.width > image.height) != stored_wide:
                original_size = original_size[::-1]
            rgb = _to_rgb(image)
    except UnreadablePhotoError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadablePhotoError(f"not a picture in a known format ({', '.join(FORMATS)})") from error
    except UNREADABLE as error:
        raise UnreadablePhotoError(f"cannot be decoded: {error or type(error).__name__}") from error
    side = min(rgb.size)
    left, top = (rgb.width - side) / 2, (rgb.height - side) / 2
    square = rgb.resize((image_size, image_size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))
    return Photo(
        pixels_HW3=np.asarray(square), thumbnails_2GG3=make_thumbnails(rgb, square), original_size=original_size
    )


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
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise UnreadablePhotoError("32-bit values, whose white is not known")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")

"""One photo from its file to a square: hostile until decoded, upright, 8-bit sRGB.

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

from trainables.color.chroma import measure_chroma

THUMBNAIL_SIZE = 16
"""Side in pixels. Coarse enough to forget recompression, fine enough to tell one banana on white from the next."""

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


def make_thumbnails(whole: Image.Image, square: Image.Image) -> NDArray[np.uint8]:
    """uint8 2 x G x G x 3: the whole RGB photo squeezed to a square, and its centre square.

    Copies of another aspect agree in the first, copies cropped at two sides in the second.
    """
    size = (THUMBNAIL_SIZE, THUMBNAIL_SIZE)
    return np.stack([np.asarray(image.resize(size, Image.Resampling.BOX)) for image in (whole, square)])


class UnreadablePhotoError(ValueError):
    """A photo that is left out; the message is the reason."""


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

"""photo.py: what a picture becomes, and what is left out with its reason; against pictures made by hand."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainables.datasets import photo as one_photo
from trainables.datasets.photo import UnreadablePhotoError, read_bytes, read_photo

ORIENTATION_TAG = 0x0112


def colorful(width: int = 60, height: int = 48, seed: int = 0) -> np.ndarray:
    """Smooth random colours, so that JPEG keeps them."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def encoded(image: Image.Image | np.ndarray, format_name: str = "PNG", **options: object) -> bytes:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    picture.save(buffer, format_name, **options)
    return buffer.getvalue()


def pixels_of(content: bytes, image_size: int = 48) -> np.ndarray:
    return read_photo(content, image_size).pixels_HW3.astype(int)


def square_of(array: np.ndarray, image_size: int = 48) -> np.ndarray:
    """Reference: what a plain RGB PNG of the same picture gives."""
    return pixels_of(encoded(array), image_size)


# What a picture becomes


def test_picture_of_the_right_size_is_kept_to_the_bit() -> None:
    picture = colorful(48, 48)
    photo = read_photo(encoded(picture), 48)
    assert np.array_equal(photo.pixels_HW3, picture)
    assert photo.pixels_HW3.dtype == np.uint8
    assert photo.original_size == (48, 48)


@pytest.mark.parametrize("upright", [True, False])
def test_centre_square_is_cut_out(upright: bool) -> None:
    thirds = np.zeros((90, 30, 3), dtype=np.uint8)
    thirds[:30], thirds[30:60], thirds[60:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    picture = thirds if upright else thirds.transpose(1, 0, 2)
    # The resize filter looks 3 px over the edge of the square.
    assert (pixels_of(encoded(picture), 16)[3:-3, 3:-3] == (0, 255, 0)).all()


def test_shrinking_is_antialiased() -> None:
    board = np.indices((512, 512)).sum(axis=0) % 2 * 255
    shrunk = pixels_of(encoded(np.repeat(board[..., None], 3, axis=2).astype(np.uint8)), 32)
    assert np.abs(shrunk - 127.5).max() < 2


def test_small_photo_is_enlarged() -> None:
    assert pixels_of(encoded(colorful(20, 30)), 64).shape == (64, 64, 3)


@pytest.mark.parametrize(("image_size", "tolerance"), [(16, 3.0), (64, 1.5), (128, 1.0)])
def test_jpeg_scaled_while_decoding_looks_like_the_full_one(image_size: int, tolerance: float) -> None:
    picture = colorful(1100, 900)
    content = encoded(picture, "JPEG", quality=95, subsampling=0)
    left = (1100 - 900) // 2
    with Image.open(io.BytesIO(content)) as image:
        square = image.convert("RGB").crop((left, 0, left + 900, 900))
    full = np.asarray(square.resize((image_size, image_size), Image.Resampling.LANCZOS)).astype(int)
    photo = read_photo(content, image_size)
    assert np.abs(photo.pixels_HW3 - full).mean() < tolerance
    assert photo.original_size == (1100, 900)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    turned = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: np.rot90,
    }[orientation]
    stored = colorful(64, 48)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    photo = read_photo(encoded(stored, exif=exif), 48)
    upright = turned(stored)
    assert np.array_equal(photo.pixels_HW3, square_of(np.ascontiguousarray(upright)))
    assert photo.original_size == (upright.shape[1], upright.shape[0])
    assert np.array_equal(
        read_photo(encoded(stored, "JPEG", exif=exif), 48).original_size, (upright.shape[1], upright.shape[0])
    )


@pytest.mark.parametrize("format_name", ["JPEG", "TIFF"])
def test_cmyk_becomes_the_same_colours(format_name: str) -> None:
    picture = colorful()
    options = {"quality": 98, "subsampling": 0} if format_name == "JPEG" else {}
    content = encoded(Image.fromarray(picture).convert("CMYK"), format_name, **options)
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "CMYK"
    assert np.abs(pixels_of(content) - square_of(picture)).mean() < 3


@pytest.mark.parametrize(("format_name", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("PPM", "I")])
def test_sixteen_bit_grey_becomes_eight_bit_grey(format_name: str, mode: str) -> None:
    grey = np.linspace(0, 65535, 48 * 48).reshape(48, 48).astype(np.uint16)
    if format_name == "PPM":
        content = b"P5 48 48 65535\n" + grey.astype(">u2").tobytes()
    else:
        content = encoded(Image.fromarray(grey), format_name)
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == mode
    expected = np.round(grey / 257).astype(int)
    assert np.array_equal(pixels_of(content), np.repeat(expected[..., None], 3, axis=2))


def test_sixteen_bit_colour_becomes_eight_bit_colour() -> None:
    picture = colorful(48, 48)
    rows = b"".join(b"\0" + (row.astype(">u2") * 257).tobytes() for row in picture)
    content = png_of(48, 48, bit_depth=16, color_type=2, rows=rows)
    assert np.abs(pixels_of(content) - picture).max() <= 1


def test_palette_keeps_its_colours() -> None:
    few = Image.fromarray(colorful()).quantize(16)
    assert np.array_equal(pixels_of(encoded(few)), square_of(np.asarray(few.convert("RGB"))))


def test_grey_has_three_equal_channels() -> None:
    grey = Image.fromarray(colorful()).convert("L")
    pixels = pixels_of(encoded(grey, "JPEG"))
    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()
    assert np.ptp(pixels) > 50


def test_one_bit_is_black_and_white() -> None:
    stripes = Image.fromarray(np.repeat([[0], [255]], 24, axis=0).repeat(48, axis=1).astype(np.uint8)).convert("1")
    pixels = pixels_of(encoded(stripes))
    assert (pixels[:20] == 0).all()
    assert (pixels[28:] == 255).all()


def test_transparent_parts_become_white() -> None:
    rgba = np.dstack([colorful(48, 48), np.full((48, 48), 255, np.uint8)])
    rgba[:24, :, 3] = 0
    rgba[30:, :, 3] = 128
    pixels = pixels_of(encoded(rgba))
    assert (pixels[:24] == 255).all()
    assert np.array_equal(pixels[24:30], rgba[24:30, :, :3])
    assert np.abs(pixels[30:] - (rgba[30:, :, :3] * 0.5 + 127.5)).max() <= 1.5


def test_transparent_grey_and_palette_become_white() -> None:
    grey = Image.fromarray(np.full((48, 48), 60, np.uint8))
    grey.putalpha(Image.fromarray(np.where(np.arange(48) < 24, 0, 255).astype(np.uint8)[None].repeat(48, axis=0)))
    assert grey.mode == "LA"
    pixels = pixels_of(encoded(grey))
    assert (pixels[:, :24] == 255).all()
    assert (pixels[:, 24:] == 60).all()
    palette = Image.fromarray(np.array([[0, 1]], np.uint8).repeat(24, axis=1).repeat(48, axis=0), "P")
    palette.putpalette([10, 20, 30, 40, 50, 60])
    pixels = pixels_of(encoded(palette, transparency=0))
    assert (pixels[:, :24] == 255).all()
    assert (pixels[:, 24:] == (40, 50, 60)).all()


def test_first_frame_stands_for_an_animation() -> None:
    frames = [Image.fromarray(np.full((48, 48, 3), value, np.uint8)) for value in (255, 0)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (pixels_of(content) == 255).all()


def test_first_picture_stands_for_a_photo_of_several() -> None:
    frames = [Image.fromarray(np.full((48, 48, 3), value, np.uint8)) for value in (255, 0)]
    content = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "MPO"
    assert (pixels_of(content) == 255).all()


def test_thumbnails_are_the_whole_photo_and_its_square() -> None:
    picture = np.zeros((20, 60, 3), dtype=np.uint8)
    picture[:, 20:40] = 255
    whole, square = read_photo(encoded(picture), 16).thumbnails_2GG3
    assert whole.mean() == pytest.approx(255 / 3, abs=2)
    assert square.mean() > 250


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("profile", [b"no profile at all", bytes(200_000)], ids=["broken", "large"])
def test_broken_color_profile_changes_nothing(format_name: str, profile: bytes) -> None:
    plain, profiled = (encoded(colorful(), format_name, **options) for options in ({}, {"icc_profile": profile}))
    assert profile in profiled or format_name == "PNG" or len(profile) > 60_000
    assert np.array_equal(pixels_of(profiled), pixels_of(plain))


# What is left out, each with its reason


def png_of(width: int, height: int, *, bit_depth: int = 8, color_type: int = 2, rows: bytes = b"") -> bytes:
    """A PNG put together by hand."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, bit_depth, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def cut_off(content: bytes, share: float) -> bytes:
    return content[: int(share * len(content))]


def float_tiff() -> bytes:
    return encoded(Image.fromarray(np.random.default_rng(0).random((20, 20), dtype=np.float32)), "TIFF")


def int32_tiff() -> bytes:
    return encoded(Image.fromarray(np.full((20, 20), 70000, dtype=np.int32)), "TIFF")


def noisy(size: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "the file is empty"),
    "text": (lambda: b"not a picture at all\n" * 50, "not a picture in a known format"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture in a known format"),
    "postscript": (lambda: encoded(colorful(), "EPS"), "not a picture in a known format"),
    "jpeg cut off early": (lambda: cut_off(encoded(noisy(), "JPEG"), 0.02), "cannot be decoded|not a picture"),
    "jpeg cut off": (lambda: cut_off(encoded(noisy(), "JPEG"), 0.5), "cannot be decoded: .*truncated"),
    "jpeg cut off late": (lambda: cut_off(encoded(noisy(), "JPEG"), 0.95), "cannot be decoded: .*truncated"),
    "png cut off": (lambda: cut_off(encoded(noisy()), 0.5), "cannot be decoded: "),
    "gif cut off": (lambda: cut_off(encoded(noisy(), "GIF"), 0.6), "cannot be decoded: "),
    "webp cut off": (lambda: cut_off(encoded(noisy(), "WEBP"), 0.5), "cannot be decoded: |not a picture"),
    "bmp cut off": (lambda: cut_off(encoded(noisy(), "BMP"), 0.5), "cannot be decoded: "),
    "tiff cut off": (lambda: cut_off(encoded(noisy(), "TIFF"), 0.5), "cannot be decoded: |not a picture"),
    "1 px wide": (lambda: encoded(colorful(1, 200)), "too small: 1 x 200 px"),
    "1 px high": (lambda: encoded(colorful(200, 1), "JPEG"), "too small: 200 x 1 px"),
    "1 x 1": (lambda: encoded(colorful(1, 1)), "too small: 1 x 1 px"),
    "larger than read": (lambda: png_of(9_000, 9_000), "too large: 9000 x 9000 px"),
    "bomb of which Pillow warns": (lambda: png_of(10_000, 10_000), "too large|could be decompression bomb"),
    "bomb that Pillow refuses": (lambda: png_of(60_000, 60_000), "could be decompression bomb"),
    "real bomb": (lambda: encoded(Image.new("1", (14_000, 14_000))), "could be decompression bomb"),
    "floating point": (float_tiff, "floating-point values"),
    "32 bit": (int32_tiff, "32-bit values"),
    "png without pixels": (lambda: png_of(20, 20), "cannot be decoded"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_photo_is_left_out_with_its_reason(kind: str) -> None:
    make, reason = BAD[kind]
    with pytest.raises(UnreadablePhotoError, match=reason):
        read_photo(make(), 32)


def test_photo_of_the_smallest_allowed_side_is_read() -> None:
    assert pixels_of(encoded(colorful(8, 500)), 16).shape == (16, 16, 3)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "PPM"])
def test_damaged_photo_is_read_or_left_out_and_nothing_else(format_name: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    options = {"exif": exif} if format_name in ("JPEG", "PNG", "WEBP") else {}
    content = encoded(colorful(40, 30), format_name, **options)
    generator = np.random.default_rng(0)
    num_read = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for _ in range(80):
            damaged = np.frombuffer(content, np.uint8).copy()
            reach = len(damaged) if generator.random() < 0.5 else min(len(damaged), 200)
            places = generator.integers(0, reach, generator.integers(1, 12))
            damaged[places] = generator.integers(0, 256, len(places))
            end = len(damaged) if generator.random() < 0.7 else int(generator.integers(0, len(damaged)))
            try:
                photo = read_photo(damaged[:end].tobytes(), 16)
            except UnreadablePhotoError as error:
                assert str(error)
            else:
                num_read += 1
                assert photo.pixels_HW3.shape == (16, 16, 3)
    assert num_read < 80


def test_what_is_not_a_file_is_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadablePhotoError, match="not a regular file"):
        read_bytes(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with pytest.raises(UnreadablePhotoError, match="cannot be read: No such file"):
        read_bytes(tmp_path / "link.jpg")


def test_file_too_large_for_a_photo_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "film.jpg").write_bytes(bytes(2001))
    monkeypatch.setattr(one_photo, "MAX_FILE_BYTES", 2000)
    with pytest.raises(UnreadablePhotoError, match="too large: 2,001 bytes, but at most 2,000"):
        read_bytes(tmp_path / "film.jpg")

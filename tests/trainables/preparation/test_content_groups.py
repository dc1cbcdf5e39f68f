import hashlib
import io
import itertools
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainables.ncd import ncd_folder
from trainables.config import DataConfig
from trainables.data.images import load_images
from trainables.datasets.photo import THUMBNAIL_SIZE, make_thumbnails, read_photo
from trainables.preparation import content_groups, near_links
from trainables.preparation.content_groups import MAX_DISTANCE, link_copies
from trainables.preparation.prepare import prepare

# data/README.md beside FACTS names these; Pomegranate's 17 identical pairs are found by their bytes.
NEAR_DUPLICATES = [
    {"ChilliGreen/Chilli1.jpg", "ChilliGreen/Chilli2.jpg", "ChilliGreen/Chilli5.jpg"},
    {"ChilliGreen/Chilli4.jpg", "ChilliGreen/Chilli11.jpg"},
    {"Cucumber/cucumber4.jpg", "Cucumber/cucumber22.jpg"},
]
SAME_PHOTOGRAPH_IN_TWO_CROPS = {"Carrot/carrot12.jpg", "Carrot/carrot28.jpg"}


def scene(seed: int, width: int = 96, height: int = 96) -> Image.Image:
    """Smooth random colours, another content for every seed."""
    small = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def groups_of(*pictures: Image.Image, image_size: int = 64) -> list[int]:
    photos = []
    for picture in pictures:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        photos.append(read_photo(buffer.getvalue(), image_size))
    pixels_NHW3 = np.stack([photo.pixels_HW3 for photo in photos])
    return group_by_content(pixels_NHW3, np.stack([photo.thumbnails_2GG3 for photo in photos])).tolist()


def group_by_content(pixels_NHW3: np.ndarray, thumbnails_N2GG3: np.ndarray) -> np.ndarray:
    """`link_copies` for photos that are in memory."""
    return link_copies([hashlib.sha256(pixels_HW3.tobytes()).digest() for pixels_HW3 in pixels_NHW3], thumbnails_N2GG3)


def recompressed(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def test_identical_photos_share_a_number_and_numbers_follow_first_appearance() -> None:
    assert groups_of(scene(0), scene(1), scene(0), scene(2), scene(1)) == [0, 1, 0, 2, 1]


@pytest.mark.parametrize("image_size", [16, 24, 64, 128])
def test_recompressed_resized_squeezed_cropped_and_brighter_copies_are_found(image_size: int) -> None:
    original = scene(0, 300, 200)
    copies = [
        recompressed(original, 40),
        original.resize((150, 100)),
        original.resize((200, 200)),
        original.crop((20, 0, 280, 200)),
        original.crop((2, 2, 298, 198)),
        original.crop((45, 0, 255, 200)),
        original.point(lambda value: 30 + value * 0.8),
    ]
    assert groups_of(original, *copies, scene(1, 300, 200), image_size=image_size) == [0] * 8 + [1]


def test_different_scenes_stay_apart() -> None:
    assert groups_of(*(scene(seed) for seed in range(60))) == list(range(60))


def test_pale_photos_are_the_same_only_where_identical() -> None:
    # A flat photo has no pattern to compare; a slope of a grey level or two is the camera's, not the content's.
    flat = [Image.new("RGB", (64, 64), color) for color in ("white", "black", "white", "grey")]
    slopes = [Image.fromarray(np.linspace(low, low + 2, 64)[:, None, None].repeat(64, 1).repeat(3, 2).astype(np.uint8))
              for low in (10, 100)]  # fmt: skip
    assert groups_of(*flat, *slopes) == [0, 1, 0, 2, 3, 4]


@pytest.mark.parametrize("block_size", [1, 512])
def test_links_join_through_others_whatever_the_order(monkeypatch: pytest.MonkeyPatch, block_size: int) -> None:
    monkeypatch.setattr(near_links, "BLOCK_SIZE", block_size)
    # Each is near the next, but not the one after that.
    base, step = (np.asarray(scene(seed, 64, 64)).astype(float) - 128 for seed in (0, 1))
    steps = [128 + 0.6 * (base + 0.19 * count * step) for count in range(4)]
    chain = [Image.fromarray(picture.clip(0, 255).astype(np.uint8)) for picture in steps]
    assert groups_of(chain[0], chain[2]) == groups_of(chain[1], chain[3]) == [0, 1]
    for order in itertools.permutations(chain):
        assert groups_of(*order) == [0, 0, 0, 0]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    pictures = [
        recompressed(scene(int(seed)), int(generator.integers(40, 95))) for seed in generator.integers(0, 12, 40)
    ]
    whole = groups_of(*pictures)
    assert 8 < len(set(whole)) <= 12
    monkeypatch.setattr(near_links, "BLOCK_SIZE", 3)
    assert groups_of(*pictures) == whole
    monkeypatch.setattr(near_links, "SAMPLE_SIZE", 8)
    assert groups_of(*pictures) == whole


def test_thousands_of_the_same_placeholder_are_one_row() -> None:
    pixels_NHW3 = np.zeros((5000, 16, 16, 3), dtype=np.uint8)
    pixels_NHW3[0] = np.asarray(scene(0, 16, 16))
    thumbnails_N2GG3 = np.zeros((5000, 2, THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3), dtype=np.uint8)
    thumbnails_N2GG3[0] = make_thumbnails(scene(0), scene(0))
    assert group_by_content(pixels_NHW3, thumbnails_N2GG3).tolist() == [0] + [1] * 4999


@pytest.fixture(scope="module")
def ncd_root() -> Path:
    return ncd_folder()


@pytest.mark.parametrize("image_size", [64, 128])
def test_ncd_copies_are_found_and_nothing_else(ncd_root: Path, tmp_path: Path, image_size: int) -> None:
    by_bytes = defaultdict(set)
    for path in ncd_root.rglob("*.jpg"):
        by_bytes[hashlib.sha256(path.read_bytes()).digest()].add(path.relative_to(ncd_root).as_posix())
    identical = [names for names in by_bytes.values() if len(names) > 1]
    assert sum(len(names) == 2 for names in identical) == len(identical) == 20
    assert sum(all(name.startswith("Pomegranate/") for name in names) for names in identical) == 17

    images = load_images(prepare(DataConfig(dataset="ncd", root=str(ncd_root), image_size=image_size), tmp_path))
    by_group = defaultdict(set)
    for name, group in zip(images.photo_names, images.groups_N, strict=True):
        by_group[group].add(name)
    found = [names for names in by_group.values() if len(names) > 1]
    expected = [*identical, *NEAR_DUPLICATES, SAME_PHOTOGRAPH_IN_TWO_CROPS]
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))
    assert len(by_group) == 720 - 20 - 4 - 1


def test_ncd_threshold_lies_in_a_gap(ncd_root: Path) -> None:
    """The figures in the docstring of MAX_DISTANCE."""
    names = sorted(path.relative_to(ncd_root).as_posix() for path in ncd_root.rglob("*.jpg"))
    thumbnails = np.stack([read_photo((ncd_root / name).read_bytes(), 64).thumbnails_2GG3 for name in names])
    views = [content_groups._fingerprints(thumbnails[:, view]) for view in range(2)]
    distances = (1 - np.max([view @ view.T for view in views], axis=0))[np.triu_indices(len(names), 1)]
    assert distances[distances < MAX_DISTANCE].max() < 0.016
    assert distances[distances > MAX_DISTANCE].min() > 0.041

"""What is odd about a data set's photos, and what will be done about it: read as `prepare` reads them, nothing written.

Letters: N readable photos, G side of a thumbnail.
"""

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from trainables.config import DataConfig
from trainables.data.images import PARTS, Images
from trainables.data.splits import Cut, classes_never_trained, cut_replicate, largest_top1
from trainables.datasets.class_folders import PhotoList
from trainables.datasets.photo import Photo, UnreadablePhotoError
from trainables.preparation.content_groups import link_copies
from trainables.preparation.decode import PART_SIZE, Progress, num_readers
from trainables.preparation.photo_readers import PhotoReaders
from trainables.preparation.prepare import hash_file, list_dataset, placeholders

NEAR_GREY = 4.0
"""CIELAB chroma that a twentieth of a photo's pixels exceed; JPEG's rounding gives a grey photo up to about 2."""

EXTENSIONS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    **{".png": "PNG", ".webp": "WEBP", ".gif": "GIF", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"},
    **dict.fromkeys((".ppm", ".pgm", ".pbm", ".pnm"), "PPM"),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of oddity, the photos it concerns, and what will be done with them."""

    kind: str
    photos: tuple[tuple[str, ...], ...]
    """Names that belong together, such as two copies; a single photo is alone in its tuple."""
    reasons: tuple[str, ...] = ()
    """Of each entry of `photos` a word more; empty where the kind says all."""
    action: str


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """One class in numbers."""

    name: str
    num_files: int
    num_readable: int
    num_contents: int
    """Copies count once."""
    num_near_grey: int
    num_train: int
    num_val: int
    num_test: int
    """In the cut of replicate 0; zeros where the photos cannot be cut."""


@dataclass(frozen=True, kw_only=True)
class PhotoCheck:
    """What was found in a data set."""

    photos: PhotoList
    """Every file that stands for a photo, placeholders and unreadable ones among them."""
    classes: tuple[ClassRow, ...]
    sizes_N2: NDArray[np.int64]
    """Width and height in pixels of each readable photo, turned upright."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class _Look:
    content_hash: str
    photo: Photo | None
    reason: str


def check_photos(data: DataConfig, *, progress: Progress | None = None) -> PhotoCheck:
    """Reads every photo of a data set in a folder once and says what is odd.

    Raises ValueError where there are no photos to look at: the folder or split file does not fit.
    """
    photos = list_dataset(data)
    looks: list[_Look] = []
    pixel_hashes, thumbnails = [], []
    num_processes = num_readers(len(photos.photo_names))
    with ThreadPoolExecutor(num_processes) as pool, PhotoReaders(data.image_size, num_processes) as readers:
        for start in range(0, len(photos.photo_names), PART_SIZE):
            names = photos.photo_names[start : start + PART_SIZE]
            part = list(pool.map(lambda name: _look(photos, name, readers), names))
            pixel_hashes += [hashlib.sha256(look.photo.pixels_HW3.data).digest() for look in part if look.photo]
            thumbnails += [look.photo.thumbnails_2GG3 for look in part if look.photo]
            looks += [_without_pixels(look) for look in part]
            if progress:
                progress(start + len(names), len(photos.photo_names))
    lost = placeholders(photos, [look.content_hash for look in looks])
    # Left out before copies are looked for, as `prepare` does: what resembles a placeholder is not linked by it.
    readable = [index for index, look in enumerate(looks) if look.photo]
    kept = [position for position, index in enumerate(readable) if photos.photo_names[index] not in lost]
    groups_N = np.empty(0, np.int64)
    if kept:
        groups_N = link_copies([pixel_hashes[one] for one in kept], np.stack([thumbnails[one] for one in kept]))
    images = _images(photos, looks, groups_N, np.array(readable, np.int64)[kept])
    cut, refusal = _cut(images, data)
    hashes = {name: look.content_hash for name, look in zip(photos.photo_names, looks, strict=True)}
    findings = [
        *_files(photos, looks, lost),
        *_copies(images, hashes),
        *_pale(images, data),
        *_cuts(images, data, cut, refusal),
    ]
    sizes = [look.photo.original_size for look in looks if look.photo]
    return PhotoCheck(
        photos=photos,
        classes=tuple(_class_rows(photos, images, [look.photo is not None for look in looks], cut)),
        sizes_N2=np.array(sizes, np.int64).reshape(-1, 2),
        findings=tuple(finding for finding in findings if finding.photos),
    )


def _look(photos: PhotoList, name: str, readers: PhotoReaders) -> _Look:
    content_hash = hash_file(photos.root / name)
    try:
        photo = readers.read(photos.root / name)
    except UnreadablePhotoError as error:
        return _Look(content_hash=content_hash, photo=None, reason=str(error))
    return _Look(content_hash=content_hash, photo=photo, reason="")


def _without_pixels(look: _Look) -> _Look:
    """Sizes stay, pictures go: a hundred thousand of them would not fit."""
    if look.photo is None:
        return look
    nothing = np.empty(0, np.uint8)
    photo = dataclasses.replace(look.photo, pixels_HW3=nothing, thumbnails_2GG3=nothing)
    return _Look(content_hash=look.content_hash, photo=photo, reason="")


def _images(
    photos: PhotoList,
    looks: Sequence[_Look],
    groups_N: NDArray[np.int64],
    indices: NDArray[np.int64],
) -> Images:
    """The photos that a study would get, without their pixels."""
    chroma = [look.photo.chroma for index in indices if (look := looks[index]).photo]
    return Images(
        pixels_NHW3=np.zeros((len(indices), 1, 1, 3), np.uint8),
        labels_N=np.array([photos.labels[index] for index in indices], np.int64),
        groups_N=groups_N,
        photo_names=tuple(photos.photo_names[index] for index in indices),
        class_names=photos.class_names,
        digest="",
        chroma_N=np.array(chroma, np.float32),
        parts_N=None
        if photos.parts is None
        else np.array([PARTS.index(photos.parts[index]) for index in indices], np.int8),
    )


def _cut(images: Images, data: DataConfig) -> tuple[Cut | None, str]:
    """The cut of replicate 0, or why there is none."""
    empty = np.bincount(images.labels_N, minlength=len(images.class_names)) == 0
    if empty.any():
        return None, f"Class {images.class_names[int(np.argmax(empty))]!r} has no readable photo."
    try:
        return cut_replicate(images, data, 0), ""
    except ValueError as error:
        return None, str(error)


def _files(photos: PhotoList, looks: Sequence[_Look], lost: dict[str, str]) -> list[Finding]:
    named = list(zip(photos.photo_names, looks, strict=True))
    unreadable = [(name, look.reason) for name, look in named if look.photo is None and name not in lost]
    by_file = defaultdict(list)
    for name, look in named:
        if name in lost:
            by_file[look.content_hash].append(name)
    wrong = []
    for name, look in named:
        known = EXTENSIONS.get(PurePosixPath(name).suffix.lower())
        if look.photo is None or name in lost:
            continue
        actual = {"MPO": "JPEG"}.get(look.photo.format_name, look.photo.format_name)
        if known != actual:
            wrong.append((name, f"in truth {actual}"))
    boxless = [name for name, file in zip(photos.photo_names, photos.annotations or (), strict=False) if file is None]
    return [
        _singles("unreadable photos", unreadable, "Left out. Mend or replace them."),
        _singles("no photos of the data set", list(photos.left_out.items()), "Left out."),
        Finding(
            kind="placeholders that recur",
            photos=tuple(map(tuple, by_file.values())),
            reasons=tuple(lost[names[0]] for names in by_file.values()),
            action="Left out: the same file in several classes shows none of them.",
        ),
        _singles("wrong extensions", wrong, "Read as what they are. Nothing need be done."),
        _singles("no bounding boxes", [(name, "") for name in boxless], "Kept; left out of measures inside boxes."),
    ]


def _singles(kind: str, named: Sequence[tuple[str, str]], action: str) -> Finding:
    reasons = tuple(reason for _, reason in named)
    return Finding(
        kind=kind,
        photos=tuple((name,) for name, _ in named),
        reasons=reasons if any(reasons) else (),
        action=action,
    )


def _copies(images: Images, hashes: dict[str, str]) -> list[Finding]:
    labels = dict(zip(images.photo_names, images.labels_N.tolist(), strict=True))
    by_hash, by_group = defaultdict(list), defaultdict(list)
    for name, group in zip(images.photo_names, images.groups_N.tolist(), strict=True):
        by_hash[hashes[name]].append(name)
        by_group[group].append(name)
    identical = [tuple(names) for names in by_hash.values() if len(names) > 1]
    near = [tuple(names) for names in by_group.values() if len({hashes[name] for name in names}) > 1]
    together = "Kept together on one side of every cut; one of them at most is a test photo."
    doubtful = f"{together} They count for the class of the first: look which label is right, and remove the other."
    is_across: Callable[[tuple[str, ...]], bool] = lambda names: len({labels[name] for name in names}) > 1  # noqa: E731
    return [
        Finding(kind=f"{kind} {place} classes" if across else f"{kind} {place} a class", photos=found, action=action)
        for kind, groups in (("identical files", identical), ("near copies", near))
        for across, place, action in ((False, "within", together), (True, "across", doubtful))
        for found in [tuple(names for names in groups if is_across(names) == across)]
    ]


def _pale(images: Images, data: DataConfig) -> list[Finding]:
    assert images.chroma_N is not None
    threshold = data.min_chroma or NEAR_GREY
    pale = np.flatnonzero(images.chroma_N < threshold)
    action = (
        f"Left out of the colour loss, kept for the class loss (data.min_chroma: {threshold:g})."
        if data.min_chroma
        else f"Kept for both tasks. To leave them out of the colour loss alone, set data.min_chroma: {threshold:g}."
    )
    named = [(images.photo_names[index], f"chroma {images.chroma_N[index]:.1f}") for index in pale]
    return [_singles("near-grey photos", named, action)]


def _cuts(images: Images, data: DataConfig, cut: Cut | None, refusal: str) -> list[Finding]:
    if cut is None:
        word = "A study on these photos is refused until this is mended."
        return [Finding(kind="photos that cannot be cut", photos=(("",),), reasons=(refusal,), action=word)]
    never = classes_never_trained(images, cut)
    return [
        _singles(
            "classes tested but never trained",
            [(name, "") for name in never],
            f"Split {data.split!r} is kept as asked for: no network can name more than "
            f"{100 * largest_top1(images, cut):.1f} % of the test photos right.",
        )
    ]


def _class_rows(photos: PhotoList, images: Images, is_readable: Sequence[bool], cut: Cut | None) -> list[ClassRow]:
    num_classes = len(photos.class_names)
    assert images.chroma_N is not None
    labels = np.array(photos.labels, np.int64)
    _, first_photos = np.unique(images.groups_N, return_index=True)
    counts = [
        np.bincount(found, minlength=num_classes).tolist()
        for found in (
            labels,
            labels[np.array(is_readable, bool)],
            images.labels_N[first_photos],
            images.labels_N[images.chroma_N < NEAR_GREY],
            *(
                images.labels_N[[] if cut is None else side]
                for side in ((cut.train, cut.val, cut.test) if cut else [()] * 3)
            ),
        )
    ]
    return [
        ClassRow(
            name=name,
            num_files=counts[0][label],
            num_readable=counts[1][label],
            num_contents=counts[2][label],
            num_near_grey=counts[3][label],
            num_train=counts[4][label],
            num_val=counts[5][label],
            num_test=counts[6][label],
        )
        for label, name in enumerate(photos.class_names)
    ]

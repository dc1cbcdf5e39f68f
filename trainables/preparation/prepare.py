"""Decode all photos once, into arrays that every trial opens in an instant.

The folder's name is a fingerprint of the photos' bytes and of the settings: the same data is found again without
decoding.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from trainables.color.chroma import measure_chroma
from trainables.config import DataConfig
from trainables.cpu import usable_cores
from trainables.datasets.class_folders import PhotoList, list_photos, read_split_file, with_parts
from trainables.datasets.orchard import ORCHARD_DEFAULTS, draw_orchard
from trainables.datasets.photo import UnreadablePhotoError, read_bytes
from trainables.datasets.stanford_dogs import list_dogs
from trainables.files import alone, replaced
from trainables.preparation.decode import Progress, assemble, decode_parts
from trainables.preparation.prepared_folder import assembled_folder, is_finished, work_folder, write_manifest

RECIPE = 1
"""Part of every fingerprint. Count it up when the same photos would give other pixels or other groups."""

UNREADABLE_HASH = "unreadable"

PLACEHOLDER_FILES, PLACEHOLDER_CLASSES = 3, 2
"""A file that recurs so often, byte for byte, in so many classes, shows none of them: it stands for a lost photo."""


def prepare(data: DataConfig, cache: Path, *, progress: Progress | None = None, digest: str | None = None) -> Path:
    """Make the photos of a data set ready below `cache`, and return their folder; see `load_images`.

    Returns cache/<dataset>-<image_size>-<digest>/ with pixels.npy (N x H x W x 3), labels.npy, groups.npy, chroma.npy,
    manifest.json and, where a data set has them, parts.npy, boxes.npy and box_photos.npy. Photos that cannot be read
    are left out and listed in the manifest with the reason. Where photos of this `digest` lie ready, none is read.
    Raises ValueError for a folder that does not fit, a class without a readable photo, a cache that cannot be written.
    """
    if data.dataset not in DATASETS:
        raise ValueError(f"Dataset {data.dataset!r} has no photos to prepare. Those that have: {sorted(DATASETS)}.")
    tell = progress or (lambda done, total: None)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        known = None if digest is None else _folder(cache, data, digest)
        if known and _is_ready(known):
            return known
        key = hashlib.sha256(f"{data.dataset} {data.root} {data.image_size}".encode()).hexdigest()[:16]
        with alone(cache, key):
            folder = known if known and is_finished(known) else DATASETS[data.dataset](data, cache, tell)
            if not _is_ready(folder):
                _add_chroma(folder)
            return folder
    except ChildProcessError as error:
        raise ValueError(f"Photos cannot be prepared: {error}.") from error
    except OSError as error:
        raise ValueError(
            f"Photos cannot be prepared in the cache folder {str(cache)!r} ({error}). "
            "Make it writable, make room, or choose another folder."
        ) from error


def find_prepared(data: DataConfig, cache: Path, digest: str) -> Path | None:
    """The folder of the photos with this digest, where they lie ready; nothing is read or prepared."""
    folder = _folder(cache, data, digest)
    return folder if digest and is_finished(folder) else None


def _prepare_orchard(data: DataConfig, cache: Path, tell: Progress) -> Path:
    """Drawn anew each time, which takes less time than a cache would save, and fingerprinted by its pixels."""
    chosen = {field: getattr(data, field) for field in ORCHARD_DEFAULTS}
    drawing = {field: ORCHARD_DEFAULTS[field] if value is None else value for field, value in chosen.items()}
    settings = {"dataset": "orchard", "image_size": data.image_size, "seed": data.seed, "recipe": RECIPE, **drawing}
    orchard = draw_orchard(
        num_classes=int(drawing["num_classes"]),
        photos_per_class=int(drawing["photos_per_class"]),
        coupling=drawing["coupling"],
        image_size=data.image_size,
        seed=data.seed,
    )
    num_photos = len(orchard.labels_N)
    hashes = [hashlib.sha256(pixels_HW3).hexdigest() for pixels_HW3 in orchard.pixels_NHW3]
    digest = _digest(settings, orchard.photo_names, hashes)
    tell(num_photos, num_photos)
    folder = _folder(cache, data, digest)
    if is_finished(folder):
        return folder
    with work_folder(folder) as work, assembled_folder(work, folder) as assembled:
        np.save(assembled / "pixels.npy", orchard.pixels_NHW3)
        np.save(assembled / "labels.npy", orchard.labels_N)
        # Every photo is drawn on its own: two that look alike are chance, not copies.
        np.save(assembled / "groups.npy", np.arange(num_photos, dtype=np.int64))
        write_manifest(
            assembled,
            digest=digest,
            settings=settings,
            class_names=orchard.class_names,
            photo_names=orchard.photo_names,
            content_hashes=hashes,
            original_sizes=[(data.image_size, data.image_size)] * num_photos,
            skipped=[],
        )
    return folder


def _list_class_folders(data: DataConfig) -> PhotoList:
    return list_photos(Path(data.root or ""), dataset=data.dataset)


LISTS: Mapping[str, Callable[[DataConfig], PhotoList]] = MappingProxyType(
    {
        "ncd": _list_class_folders,
        "stanford_dogs": lambda data: list_dogs(Path(data.root or "")),
        "folder": _list_class_folders,
    }
)
"""How the photos of each data set in a folder are found."""


def list_dataset(data: DataConfig) -> PhotoList:
    """The photos of a data set in a folder, each with the part that a split file names, where there is one.

    Raises ValueError for a folder or split file that does not fit.
    """
    photos = LISTS[data.dataset](data)
    if data.split_file is None:
        return photos
    return with_parts(photos, read_split_file(Path(data.split_file)), named_in="split file")


def _prepare_folder(data: DataConfig, cache: Path, tell: Progress) -> Path:
    photos = list_dataset(data)
    with ThreadPoolExecutor(usable_cores()) as pool:
        hashes = list(pool.map(lambda name: hash_file(photos.root / name), photos.photo_names))
        reasons = placeholders(photos, hashes)
        hashes = [value for name, value in zip(photos.photo_names, hashes, strict=True) if name not in reasons]
        photos = photos.keep(reasons)
        settings = {"dataset": data.dataset, "image_size": data.image_size, "recipe": RECIPE}
        if reasons:
            settings["placeholders"] = sorted(reasons)
        if photos.parts is not None:
            settings["parts"] = hashlib.sha256(json.dumps(photos.parts).encode()).hexdigest()
        if photos.annotations is not None:
            boxes = list(pool.map(lambda file: hash_file(file) if file else "", photos.annotations))
            settings["annotations"] = hashlib.sha256(json.dumps(boxes).encode()).hexdigest()
        digest = _digest(settings, [*photos.photo_names, *photos.left_out], hashes)
        folder = _folder(cache, data, digest)
        if is_finished(folder):
            tell(len(hashes), len(hashes))
            return folder
        with work_folder(folder) as work:
            parts = decode_parts(photos, data.image_size, pool, work, tell)
            with assembled_folder(work, folder) as assembled:
                assemble(assembled, parts, photos, hashes, digest, settings)
    return folder


DATASETS: Mapping[str, Callable[[DataConfig, Path, Progress], Path]] = MappingProxyType(
    {"orchard": _prepare_orchard, **dict.fromkeys(LISTS, _prepare_folder)}
)
"""How each data set with photos is prepared."""


def hash_file(path: Path) -> str:
    """SHA-256 of a photo's file, or `UNREADABLE_HASH`."""
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except UnreadablePhotoError:
        return UNREADABLE_HASH


def placeholders(photos: PhotoList, content_hashes: Sequence[str]) -> dict[str, str]:
    """The photos that are one file recurring across classes, by name, each with that as its reason to be left out."""
    indices_of = defaultdict(list)
    for index, content_hash in enumerate(content_hashes):
        if content_hash != UNREADABLE_HASH:
            indices_of[content_hash].append(index)
    reasons: dict[str, str] = {}
    for indices in indices_of.values():
        num_classes = len({photos.labels[index] for index in indices})
        if len(indices) >= PLACEHOLDER_FILES and num_classes >= PLACEHOLDER_CLASSES:
            reason = f"a placeholder: the same file stands {len(indices)} times in {num_classes} classes"
            reasons |= {photos.photo_names[index]: reason for index in indices}
    return reasons


def _digest(settings: Mapping[str, Any], photo_names: Sequence[str], content_hashes: Sequence[str]) -> str:
    """SHA-256 of everything that decides about the prepared arrays."""
    content = json.dumps([dict(settings), list(photo_names), list(content_hashes)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _folder(cache: Path, data: DataConfig, digest: str) -> Path:
    return cache / f"{data.dataset}-{data.image_size}-{digest[:16]}"


def _is_ready(folder: Path) -> bool:
    return is_finished(folder) and (folder / "chroma.npy").is_file()


def _add_chroma(folder: Path) -> None:
    """Gives a prepared folder the one array that may be missing: photos drawn in code are measured here."""
    chroma_N = measure_chroma(np.load(folder / "pixels.npy", mmap_mode="r"))
    with replaced(folder / "chroma.npy") as file:
        np.save(file, chroma_N)

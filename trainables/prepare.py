"""Decode all photos once, into arrays that every trial opens in an instant.

The folder's name is a fingerprint of the photos' bytes and of the settings: the same data is found again without
decoding. Work in progress lies beside it, in a hidden folder of parts, each complete or absent: a killed `prepare`
leaves nothing that looks finished, the next one continues with the parts that are there, and two at once do no harm.

Letters: N photos, G side of a thumbnail.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from PIL import Image

from trainables.config import DataConfig
from trainables.content_groups import THUMBNAIL_SIZE, group_by_content
from trainables.orchard import ORCHARD_DEFAULTS, draw_orchard
from trainables.photo_folder import Photo, PhotoList, UnreadablePhotoError, list_photos, read_bytes, read_photo

Progress = Callable[[int, int], None]
"""Told the number of photos done and the number of all."""

RECIPE = 1
"""Part of every fingerprint. Count it up when the same photos would give other pixels or other groups."""

PART_SIZE = 256
"""Photos per part of the work in progress: what a killed `prepare` loses at most, and 13 MB at 128 px."""

UNREADABLE_HASH = "unreadable"


def prepare(data: DataConfig, cache: Path, *, progress: Progress | None = None) -> Path:
    """Make the photos of a data set ready below `cache`, and return their folder; see `load_images`.

    Returns cache/<dataset>-<image_size>-<digest>/ with pixels.npy (N x H x W x 3), labels.npy, groups.npy and
    manifest.json. Photos that cannot be read are left out and listed in the manifest with the reason.
    Raises ValueError for a folder that does not fit, a class without a readable photo, a cache that cannot be written.
    """
    if data.dataset not in DATASETS:
        raise ValueError(f"Dataset {data.dataset!r} has no photos to prepare. Those that have: {sorted(DATASETS)}.")
    tell = progress or (lambda done, total: None)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return DATASETS[data.dataset](data, cache, tell)
    except OSError as error:
        raise ValueError(
            f"Photos cannot be prepared in the cache folder {str(cache)!r} ({error}). "
            "Make it writable, make room, or choose another folder."
        ) from error


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
    if _is_finished(folder):
        return folder
    with _work_folder(folder) as work, _assembled(work, folder) as assembled:
        np.save(assembled / "pixels.npy", orchard.pixels_NHW3)
        np.save(assembled / "labels.npy", orchard.labels_N)
        # Every photo is drawn on its own: two that look alike are chance, not copies.
        np.save(assembled / "groups.npy", np.arange(num_photos, dtype=np.int64))
        _write_manifest(
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


def _prepare_class_folders(data: DataConfig, cache: Path, tell: Progress) -> Path:
    assert data.root is not None
    photos = list_photos(Path(data.root), dataset=data.dataset)
    num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    settings = {"dataset": data.dataset, "image_size": data.image_size, "recipe": RECIPE}
    # Threads, not processes: Pillow decodes and resizes without the interpreter's lock. Measured on 2 cores, NCD to
    # 128 px: 1.2 s with threads, 1.5 to 1.7 s with spawned processes, and nothing to import, pickle or clean up.
    with ThreadPoolExecutor(num_threads) as pool:
        hashes = list(pool.map(lambda name: _hash_file(photos.root / name), photos.photo_names))
        digest = _digest(settings, [*photos.photo_names, *photos.strays], hashes)
        folder = _folder(cache, data, digest)
        if _is_finished(folder):
            tell(len(hashes), len(hashes))
            return folder
        with _work_folder(folder) as work:
            parts = _decode_parts(photos, data.image_size, pool, work, tell)
            with _assembled(work, folder) as assembled:
                _assemble(assembled, parts, photos, hashes, digest, settings)
    return folder


DATASETS: Mapping[str, Callable[[DataConfig, Path, Progress], Path]] = MappingProxyType(
    {"orchard": _prepare_orchard, "ncd": _prepare_class_folders, "folder": _prepare_class_folders}
)
"""How each data set with photos is prepared."""


def _hash_file(path: Path) -> str:
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except UnreadablePhotoError:
        return UNREADABLE_HASH


def _digest(settings: Mapping[str, Any], photo_names: Sequence[str], content_hashes: Sequence[str]) -> str:
    """SHA-256 of everything that decides about the prepared arrays."""
    content = json.dumps([dict(settings), list(photo_names), list(content_hashes)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _folder(cache: Path, data: DataConfig, digest: str) -> Path:
    return cache / f"{data.dataset}-{data.image_size}-{digest[:16]}"


def _is_finished(folder: Path) -> bool:
    """Folders appear whole, so one file stands for all."""
    return (folder / "manifest.json").is_file()


@contextlib.contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """The hidden sibling for work in progress; gone once the folder is finished, kept for the next attempt otherwise.

    Where another process finishes first, it takes this one's work away: then its result is ours.
    """
    work = folder.with_name(f".{folder.name}.work")
    try:
        work.mkdir(exist_ok=True)
        yield work
    except FileNotFoundError:
        if not _is_finished(folder):
            raise
    except ValueError:  # these photos will never do: nothing to continue
        shutil.rmtree(work, ignore_errors=True)
        raise
    finally:
        if _is_finished(folder):
            shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _assembled(work: Path, folder: Path) -> Iterator[Path]:
    """A folder to fill, that then takes its final place as a whole."""
    assembled = Path(tempfile.mkdtemp(prefix="assembled-", dir=work))
    assembled.chmod(0o755)
    try:
        yield assembled
        os.rename(assembled, folder)
    except OSError:
        if not _is_finished(folder):
            raise
    finally:
        shutil.rmtree(assembled, ignore_errors=True)


def _decode_parts(
    photos: PhotoList, image_size: int, pool: ThreadPoolExecutor, work: Path, tell: Progress
) -> list[Path]:
    """One file per part: the kept photos' pixels and thumbnails, and every photo's outcome; those there stay."""
    files = []
    total = len(photos.photo_names)
    with warnings.catch_warnings():
        # Pillow warns of oddities that it copes with; only this one is a reason to leave a photo out.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for start in range(0, total, PART_SIZE):
            names = photos.photo_names[start : start + PART_SIZE]
            file = work / f"{start:08}-{len(names)}.npz"
            if not file.is_file():
                outcomes = []
                for outcome in pool.map(lambda name: _read_or_reason(photos.root / name, image_size), names):
                    outcomes.append(outcome)
                    tell(start + len(outcomes), total)
                _write_part(file, outcomes, image_size)
            tell(start + len(names), total)
            files.append(file)
    return files


def _read_or_reason(path: Path, image_size: int) -> Photo | str:
    try:
        return read_photo(read_bytes(path), image_size)
    except UnreadablePhotoError as error:
        return str(error)


def _write_part(file: Path, outcomes: Sequence[Photo | str], image_size: int) -> None:
    """An outcome is an upright original size [width, height], or the reason why the photo is left out."""
    kept = [outcome for outcome in outcomes if isinstance(outcome, Photo)]
    pixels_NHW3 = np.empty((len(kept), image_size, image_size, 3), dtype=np.uint8)
    thumbnails_N2GG3 = np.empty((len(kept), 2, THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3), dtype=np.uint8)
    for position, photo in enumerate(kept):
        pixels_NHW3[position], thumbnails_N2GG3[position] = photo.pixels_HW3, photo.thumbnails_2GG3
    summary = json.dumps([outcome if isinstance(outcome, str) else outcome.original_size for outcome in outcomes])
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".tmp", delete=False) as temporary:
        np.savez(temporary, pixels=pixels_NHW3, thumbnails=thumbnails_N2GG3, outcomes=np.array(summary))
    os.replace(temporary.name, file)


def _assemble(
    assembled: Path,
    parts: Sequence[Path],
    photos: PhotoList,
    content_hashes: Sequence[str],
    digest: str,
    settings: Mapping[str, Any],
) -> None:
    """Join the parts to the final arrays."""
    outcomes: list[Any] = []
    thumbnails = []
    for part in parts:
        with np.load(part) as arrays:
            outcomes += json.loads(str(arrays["outcomes"]))
            thumbnails.append(arrays["thumbnails"])
    kept = [photo for photo, outcome in enumerate(outcomes) if not isinstance(outcome, str)]
    reasons = {photos.photo_names[photo]: outcome for photo, outcome in enumerate(outcomes) if isinstance(outcome, str)}
    labels_N = np.array([photos.class_names.index(photos.photo_names[photo].split("/")[0]) for photo in kept], np.int64)
    for label, class_name in enumerate(photos.class_names):
        if label not in labels_N:
            name = next(name for name in photos.photo_names if name.startswith(f"{class_name}/"))
            raise ValueError(
                f"Class {class_name!r} has no readable photo (its first, {name!r}: {reasons[name]}). "
                "Replace its photos or remove its folder."
            )

    image_size = settings["image_size"]
    pixels_NHW3 = open_memmap(
        assembled / "pixels.npy", mode="w+", dtype=np.uint8, shape=(len(kept), image_size, image_size, 3)
    )
    start = 0
    for part in parts:
        with np.load(part) as arrays:
            part_NHW3 = arrays["pixels"]
        pixels_NHW3[start : start + len(part_NHW3)] = part_NHW3
        start += len(part_NHW3)
    pixels_NHW3.flush()
    np.save(assembled / "labels.npy", labels_N)
    np.save(assembled / "groups.npy", group_by_content(pixels_NHW3, np.concatenate(thumbnails)))
    stray_reason = "lies in no class folder"
    _write_manifest(
        assembled,
        digest=digest,
        settings=settings,
        class_names=photos.class_names,
        photo_names=[photos.photo_names[photo] for photo in kept],
        content_hashes=[content_hashes[photo] for photo in kept],
        original_sizes=[outcomes[photo] for photo in kept],
        skipped=[{"name": name, "reason": reason} for name, reason in reasons.items()]
        + [{"name": name, "reason": stray_reason} for name in photos.strays],
    )


def _write_manifest(folder: Path, **content: Any) -> None:
    (folder / "manifest.json").write_text(json.dumps(content, indent=1), encoding="utf-8")

"""From files to arrays: photos decoded part by part on all cores, then joined.

Each part is complete or absent, so that a killed process loses one at most; memory holds one part, the thumbnails and
a few numbers a photo, never all pixels. Letters: N photos, M boxes, G side of a thumbnail, P pixels of a photo.
"""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0
from numpy.typing import NDArray

from trainables.cpu import usable_cores
from trainables.data.images import PARTS
from trainables.datasets.annotations import UnreadableBoxesError, boxes_in_square, read_annotation
from trainables.datasets.class_folders import PhotoList
from trainables.datasets.photo import THUMBNAIL_SIZE, Photo, UnreadablePhotoError, read_bytes
from trainables.files import replaced
from trainables.preparation.content_groups import link_copies
from trainables.preparation.photo_readers import PhotoReaders
from trainables.preparation.prepared_folder import write_manifest

Progress = Callable[[int, int], None]
"""Told the number of photos done and the number of all."""

PART_SIZE, PART_BYTES = 256, 2**24
"""Photos, and bytes of pixels, per part of the work in progress at most: a killed `prepare` loses two parts."""


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What became of one photo."""

    photo: Photo | None
    reason: str = ""
    """Why the photo is left out."""
    boxes_M4: NDArray[np.float32]
    boxes_reason: str = ""
    """Why the photo stays without boxes."""


def decode_parts(
    photos: PhotoList, image_size: int, pool: ThreadPoolExecutor, work: Path, tell: Progress
) -> list[Path]:
    """One file per part: the kept photos' pixels, thumbnails and boxes, and every photo's outcome; those there stay.

    The threads of the pool wait for processes that read, as many as there are threads.
    """
    total = len(photos.photo_names)
    part_size = max(1, min(PART_SIZE, PART_BYTES // (3 * image_size**2)))
    parts = [range(start, min(start + part_size, total)) for start in range(0, total, part_size)]
    files = [work / f"{part.start:08}-{len(part)}.part.npz" for part in parts]
    with PhotoReaders(image_size, num_readers(total)) as readers:
        # While one part is written, the next one is read.
        ahead: deque[tuple[range, Path, list[Future[_Outcome]]]] = deque()
        for part, file in zip([*parts, None], [*files, Path()], strict=True):
            if part is not None:
                read = [] if file.is_file() else [pool.submit(_read, photos, index, readers) for index in part]
                ahead.append((part, file, read))
            if len(ahead) == 2 or (part is None and ahead):
                _finish(*ahead.popleft(), image_size, total, tell)
    return files


def num_readers(num_photos: int) -> int:
    """Reading processes: one a core, but none that would only be started to read a handful of photos."""
    return max(1, min(usable_cores(), num_photos // 16))


def _finish(
    part: range, file: Path, read: Sequence[Future[_Outcome]], image_size: int, total: int, tell: Progress
) -> None:
    outcomes = []
    for future in read:
        outcomes.append(future.result())
        tell(part.start + len(outcomes), total)
    if outcomes:
        write_part(file, outcomes, image_size)
    tell(part.stop, total)


def _read(photos: PhotoList, index: int, readers: PhotoReaders) -> _Outcome:
    no_boxes_M4 = np.empty((0, 4), np.float32)
    try:
        photo = readers.read(photos.root / photos.photo_names[index])
    except UnreadablePhotoError as error:
        return _Outcome(photo=None, reason=str(error), boxes_M4=no_boxes_M4)
    if photos.annotations is None:
        return _Outcome(photo=photo, boxes_M4=no_boxes_M4)
    file = photos.annotations[index]
    if file is None:
        return _Outcome(photo=photo, boxes_M4=no_boxes_M4, boxes_reason="no annotation")
    try:
        annotation = read_annotation(read_bytes(file))
    except (UnreadablePhotoError, UnreadableBoxesError) as error:
        return _Outcome(photo=photo, boxes_M4=no_boxes_M4, boxes_reason=str(error))
    boxes_M4 = boxes_in_square(annotation, photo.original_size, photo.orientation, len(photo.pixels_HW3))
    return _Outcome(photo=photo, boxes_M4=boxes_M4)


def write_part(file: Path, outcomes: Sequence[_Outcome], image_size: int) -> None:
    """Of each photo in the summary its upright original size [width, height], or the reason why it is left out."""
    kept = [outcome.photo for outcome in outcomes if outcome.photo is not None]
    pixels_NHW3 = np.empty((len(kept), image_size, image_size, 3), dtype=np.uint8)
    thumbnails_N2GG3 = np.empty((len(kept), 2, THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3), dtype=np.uint8)
    for position, photo in enumerate(kept):
        pixels_NHW3[position], thumbnails_N2GG3[position] = photo.pixels_HW3, photo.thumbnails_2GG3
    summary = [outcome.reason if outcome.photo is None else outcome.photo.original_size for outcome in outcomes]
    num_boxes = [len(outcome.boxes_M4) for outcome in outcomes if outcome.photo is not None]
    boxes_M4 = np.concatenate([outcome.boxes_M4 for outcome in outcomes])
    boxes_reasons = [outcome.boxes_reason for outcome in outcomes]
    with replaced(file) as unfinished:
        np.savez(
            unfinished,
            pixels=pixels_NHW3,
            thumbnails=thumbnails_N2GG3,
            chroma=np.array([photo.chroma for photo in kept], np.float32),
            boxes=boxes_M4,
            num_boxes=np.array(num_boxes, np.int64),
            outcomes=np.array(json.dumps(summary)),
            boxes_reasons=np.array(json.dumps(boxes_reasons)),
        )


def assemble(
    assembled: Path,
    parts: Sequence[Path],
    photos: PhotoList,
    content_hashes: Sequence[str],
    digest: str,
    settings: Mapping[str, Any],
) -> None:
    """Join the parts to the final arrays, one part in memory at a time."""
    outcomes: list[Any] = []
    boxes_reasons: list[str] = []
    for part in parts:
        with np.load(part) as arrays:
            outcomes += json.loads(str(arrays["outcomes"]))
            boxes_reasons += json.loads(str(arrays["boxes_reasons"]))
    kept = [photo for photo, outcome in enumerate(outcomes) if not isinstance(outcome, str)]
    reasons = {photos.photo_names[photo]: outcome for photo, outcome in enumerate(outcomes) if isinstance(outcome, str)}
    labels_N = np.array([photos.labels[photo] for photo in kept], np.int64)
    _check_classes(photos, labels_N, reasons)

    image_size = settings["image_size"]
    thumbnails_N2GG3 = np.empty((len(kept), 2, THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3), np.uint8)
    chroma_N = np.empty(len(kept), np.float32)
    pixel_hashes: list[bytes] = []
    boxes, num_boxes = [], []
    with (assembled / "pixels.npy").open("wb") as file:
        # Written, not mapped: a mapped file counts as memory of whoever writes it.
        header = {**header_data_from_array_1_0(np.empty(0, np.uint8)), "shape": (len(kept), image_size, image_size, 3)}
        write_array_header_1_0(file, header)
        for part in parts:
            with np.load(part) as arrays:
                pixels_NHW3 = arrays["pixels"]
                rows = slice(len(pixel_hashes), len(pixel_hashes) + len(pixels_NHW3))
                thumbnails_N2GG3[rows] = arrays["thumbnails"]
                chroma_N[rows] = arrays["chroma"]
                boxes.append(arrays["boxes"])
                num_boxes.append(arrays["num_boxes"])
            file.write(pixels_NHW3.data)
            pixel_hashes += [hashlib.sha256(pixels_HW3.tobytes()).digest() for pixels_HW3 in pixels_NHW3]
    np.save(assembled / "labels.npy", labels_N)
    np.save(assembled / "chroma.npy", chroma_N)
    np.save(assembled / "groups.npy", link_copies(pixel_hashes, thumbnails_N2GG3))
    if photos.parts is not None:
        np.save(assembled / "parts.npy", np.array([PARTS.index(photos.parts[photo]) for photo in kept], np.int8))
    if photos.annotations is not None:
        np.save(assembled / "boxes.npy", np.concatenate(boxes))
        np.save(assembled / "box_photos.npy", np.repeat(np.arange(len(kept)), np.concatenate(num_boxes)))
    write_manifest(
        assembled,
        digest=digest,
        settings=settings,
        class_names=photos.class_names,
        photo_names=[photos.photo_names[photo] for photo in kept],
        content_hashes=[content_hashes[photo] for photo in kept],
        original_sizes=[outcomes[photo] for photo in kept],
        skipped=[{"name": name, "reason": reason} for name, reason in {**reasons, **photos.left_out}.items()],
        without_boxes=[
            {"name": photos.photo_names[photo], "reason": boxes_reasons[photo]}
            for photo in kept
            if boxes_reasons[photo]
        ],
    )


def _check_classes(photos: PhotoList, labels_N: NDArray[np.int64], reasons: Mapping[str, str]) -> None:
    for label, class_name in enumerate(photos.class_names):
        if label not in labels_N:
            first = next(
                (name for name, own in zip(photos.photo_names, photos.labels, strict=True) if own == label), ""
            )
            why = f"its first, {first!r}: {reasons[first]}" if first else "all are left out"
            raise ValueError(
                f"Class {class_name!r} has no readable photo ({why}). Replace its photos or remove its folder."
            )

"""From files to arrays: photos decoded part by part on all cores, then joined.

Each part is complete or absent, so that a killed process loses one at most; memory holds one part, the thumbnails and
a few numbers a photo, never all pixels. Letters: N photos, M boxes, G side of a thumbnail, P pixels of a photo.
"""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0
from numpy.typing import NDArray
from PIL import Image

from trainables.boxes import UnreadableBoxesError, boxes_in_square, read_annotation
from trainables.content_groups import THUMBNAIL_SIZE, link_copies
from trainables.images import PARTS
from trainables.photo_folder import Photo, PhotoList, UnreadablePhotoError, read_bytes, read_photo
from trainables.prepared_folder import write_manifest

Progress = Callable[[int, int], None]
"""Told the number of photos done and the number of all."""

PART_SIZE = 256
"""Photos per part of the work in progress: what a killed `prepare` loses at most, and 13 MB at 128 px."""

CHROMA_BATCH = 32
"""Photos converted to CIELAB at a time: 6 MB each of a handful of intermediates at 128 px."""

COLORFUL_SHARE = 0.05
"""The chroma of a photo is what this share of its pixels exceed: objects on white are mostly white."""


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
    """One file per part: the kept photos' pixels, thumbnails and boxes, and every photo's outcome; those there stay."""
    files = []
    total = len(photos.photo_names)
    with warnings.catch_warnings():
        # Pillow warns of oddities that it copes with; only this one is a reason to leave a photo out.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for start in range(0, total, PART_SIZE):
            indices = range(start, min(start + PART_SIZE, total))
            file = work / f"{start:08}-{len(indices)}.part.npz"
            if not file.is_file():
                outcomes = []
                for outcome in pool.map(lambda index: _read(photos, index, image_size), indices):
                    outcomes.append(outcome)
                    tell(start + len(outcomes), total)
                write_part(file, outcomes, image_size)
            tell(indices.stop, total)
            files.append(file)
    return files


def _read(photos: PhotoList, index: int, image_size: int) -> _Outcome:
    no_boxes_M4 = np.empty((0, 4), np.float32)
    try:
        photo = read_photo(read_bytes(photos.root / photos.photo_names[index]), image_size)
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
    boxes_M4 = boxes_in_square(annotation, photo.original_size, photo.orientation, image_size)
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
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".tmp", delete=False) as temporary:
        np.savez(
            temporary,
            pixels=pixels_NHW3,
            thumbnails=thumbnails_N2GG3,
            boxes=boxes_M4,
            num_boxes=np.array(num_boxes, np.int64),
            outcomes=np.array(json.dumps(summary)),
            boxes_reasons=np.array(json.dumps(boxes_reasons)),
        )
    os.replace(temporary.name, file)


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
                boxes.append(arrays["boxes"])
                num_boxes.append(arrays["num_boxes"])
            file.write(pixels_NHW3.tobytes())
            chroma_N[rows] = measure_chroma(pixels_NHW3)
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


def measure_chroma(pixels_NHW3: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The CIELAB chroma that `COLORFUL_SHARE` of each photo's pixels exceed; float32, N, rounded to hundredths.

    Rounded so that machines whose last bits differ agree about a threshold.
    """
    # Loading torch takes a second, and prepared photos are mostly found ready.
    import torch

    from trainables.color_space import rgb_to_lab

    chroma_N = np.empty(len(pixels_NHW3), np.float32)
    position = int((1 - COLORFUL_SHARE) * pixels_NHW3[0, :, :, 0].size) if len(pixels_NHW3) else 0
    # Threads that wait for each other crawl where other programs keep the cores busy; one is fast enough.
    num_torch_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for start in range(0, len(pixels_NHW3), CHROMA_BATCH):
            part_N3HW = torch.from_numpy(np.array(pixels_NHW3[start : start + CHROMA_BATCH])).permute(0, 3, 1, 2)
            ab_N2P = rgb_to_lab(part_N3HW.float().div_(255))[:, 1:].flatten(2)
            chroma_NP = ab_N2P.norm(dim=1).numpy()
            chroma_N[start : start + CHROMA_BATCH] = np.partition(chroma_NP, position, axis=1)[:, position].round(2)
    finally:
        torch.set_num_threads(num_torch_threads)
    return chroma_N

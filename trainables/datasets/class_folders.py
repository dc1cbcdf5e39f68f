"""Class folders of photos, `root/<class>/<photo>`: what lies there, and a person's own split of them."""

import csv
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables.data.images import PARTS

NCD_SOURCE = (
    "NCD (Anwar et al. 2020) can be downloaded by way of https://github.com/saeed-anwar/ColorSurvey: give the zip to "
    "tintune data prepare ncd --source ColorfulOriginal.zip, or unpack it and set root to its folder "
    "ColorfulOriginal, with 20 folders such as Apple, each with photos such as Apple1.jpg."
)
DOGS_SOURCE = (
    "Stanford Dogs can be downloaded from http://vision.stanford.edu/aditya86/ImageNetDogs: put images.tar, "
    "annotation.tar and lists.tar into one folder and run tintune data prepare stanford_dogs --source FOLDER, which "
    "unpacks them; or unpack them yourself and set root to the folder that holds Images, Annotation and the lists."
)
FOLDER_LAYOUT = "root must hold one folder per class, at least two, each with photos: root/<class>/<photo>.jpg."
REMEDIES = {"ncd": NCD_SOURCE, "folder": FOLDER_LAYOUT, "stanford_dogs": DOGS_SOURCE}
"""What to tell a person whose folder does not fit, by data set."""

MAX_SPLIT_BYTES = 200_000_000
"""A line takes about 40 bytes."""

SPLIT_EXAMPLE = "photo,split\\nApple/Apple1.jpg,train\\nApple/Apple2.jpg,test"


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


def _is_hidden(name: str) -> bool:
    """The system's own files (.DS_Store, ._Apple1.jpg) and the folder that macOS adds to zip files."""
    return name.startswith(".") or name == "__MACOSX"


def _names_below(folder: Path, root: Path) -> list[str]:
    files = [path.relative_to(root) for path in folder.rglob("*") if not path.is_dir()]
    return sorted(file.as_posix() for file in files if not any(map(_is_hidden, file.parts)))


def read_split_file(path: Path) -> dict[str, str]:
    """The part of each photo named: "train", "val" or "test", by its path below the root with forward slashes.

    Raises ValueError, with file, line and rule, for anything else.
    """
    try:
        if path.stat().st_size > MAX_SPLIT_BYTES:
            raise ValueError(f"split_file {str(path)!r} is larger than {MAX_SPLIT_BYTES:,} bytes.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"split_file {str(path)!r} cannot be read ({error}).") from error
    parts: dict[str, str] = {}
    try:
        reader = csv.DictReader(text.splitlines(), strict=True)
        columns = [name.strip() for name in reader.fieldnames or ()]
        if not {"photo", "split"} <= set(columns):
            raise ValueError(
                f"split_file {str(path)!r} must begin with a line naming the columns photo and split, but got "
                f"{columns!r}. Example: {SPLIT_EXAMPLE!r}."
            )
        reader.fieldnames = columns
        for row in reader:
            photo, part = (row["photo"] or "").strip().replace("\\", "/"), (row["split"] or "").strip().lower()
            where = f"split_file {str(path)!r}, line {reader.line_num}"
            if part not in PARTS[1:]:
                raise ValueError(f"{where}: split must be one of {list(PARTS[1:])}, but got {part!r}.")
            if parts.setdefault(photo, part) != part:
                raise ValueError(f"{where}: {photo!r} is named for {parts[photo]} already.")
    except csv.Error as error:
        raise ValueError(f"split_file {str(path)!r} is not CSV ({error}).") from error
    if "test" not in parts.values() or "train" not in parts.values():
        raise ValueError(f"split_file {str(path)!r} must name photos for train and for test.")
    return parts

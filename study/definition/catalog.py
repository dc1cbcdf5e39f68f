"""The studies that ship, by name."""

import os
from pathlib import Path

from study.errors import StudyFileError, nearest

CATALOG = Path(__file__).parents[1] / "catalog"


def catalog_names() -> list[str]:
    return sorted(path.stem for path in CATALOG.glob("*.yaml"))


def find_study(word: Path) -> Path:
    """The study file that a person means: a file, else a study of the catalogue by its name.

    Raises:
        StudyFileError: a bare word that is neither.
    """
    is_bare = not word.suffix and len(word.parts) == 1
    if word.is_file() or not is_bare:
        return word
    if word.name in catalog_names():
        return CATALOG / f"{word}.yaml"
    if word.exists():
        return word
    raise StudyFileError(
        [f"{word} is neither a study file nor a study of the catalogue. {nearest(word, catalog_names())}"]
    )


def place_of(path: str) -> Path:
    """The path from here; with TINTUNE_DATA set, `data/ncd` means `ncd` in that folder.

    So the studies of the catalogue find their photos, wherever they lie, without --set.
    """
    given = Path(path)
    stands_in = os.environ.get("TINTUNE_DATA")
    if stands_in and given.parts[:1] == ("data",):
        return Path(stands_in, *given.parts[1:]).absolute()
    return given.absolute()

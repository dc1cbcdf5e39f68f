"""The studies that ship, by name."""

from pathlib import Path

from study.problems import StudyFileError, nearest

CATALOG = Path(__file__).parent / "catalog"


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

"""Where the folder `data` of a study file lies: here, or where HUERISTIC_DATA says."""

import os
from pathlib import Path


def place_of(path: str) -> Path:
    """The path from here; with HUERISTIC_DATA set, `data/ncd` means `ncd` in that folder.

    So the studies of the catalogue find their photos, wherever they lie, without --set.
    """
    given = Path(path)
    stands_in = os.environ.get("HUERISTIC_DATA")
    if stands_in and given.parts[:1] == ("data",):
        return Path(stands_in, *given.parts[1:]).absolute()
    return given.absolute()

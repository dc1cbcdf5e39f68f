"""The person's own split: a CSV file that says of each photo whether it trains, chooses or judges."""

import csv
from pathlib import Path

from trainables.images import PARTS

MAX_BYTES = 200_000_000
"""A line takes about 40 bytes."""

EXAMPLE = "photo,split\\nApple/Apple1.jpg,train\\nApple/Apple2.jpg,test"


def read_split_file(path: Path) -> dict[str, str]:
    """The part of each photo named: "train", "val" or "test", by its path below the root with forward slashes.

    Raises ValueError, with file, line and rule, for anything else.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"split_file {str(path)!r} is larger than {MAX_BYTES:,} bytes.")
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
                f"{columns!r}. Example: {EXAMPLE!r}."
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

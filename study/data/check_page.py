"""What `data check` shows: tables in the terminal, and one self-contained page with pictures."""

import base64
import dataclasses
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from rich.markup import escape
from rich.table import Table

from study.data import html_page
from trainables.datasets.photo import UnreadablePhotoError, read_bytes, read_photo
from trainables.preparation.photo_check import Finding, PhotoCheck

PICTURE_SIZE = 96
"""Side in pixels of a picture on the page."""

MAX_ENTRIES = 40
"""Entries shown of a finding; the number of all stands above them."""

MAX_TOGETHER = 6
"""Pictures shown of photos that belong together."""

COLUMNS = ("class", "files", "readable", "different", "near grey", "train", "val", "test")


def class_table(check: PhotoCheck) -> Table:
    """One line per class."""
    table = Table(title=f"{len(check.photos.photo_names)} files in {len(check.classes)} classes", title_justify="left")
    for number, name in enumerate(COLUMNS):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in _rows(check):
        table.add_row(*map(escape, row))
    table.caption = f"Sizes: {sizes(check)}. Train, val and test in replicate 0; different: copies count once."
    return table


def finding_table(check: PhotoCheck) -> Table:
    """One line per kind of oddity."""
    table = Table(title="What is odd, and what will be done", title_justify="left")
    for name in ("what", "found", "for example", "what will be done"):
        table.add_column(name, justify="right" if name == "found" else "left", overflow="fold")
    for finding in check.findings:
        table.add_row(finding.kind, str(len(finding.photos)), escape(_example(finding)), finding.action)
    if not check.findings:
        table.add_row("nothing", "0", "", "All photos are used as they are.")
    return table


def check_document(check: PhotoCheck) -> dict[str, Any]:
    """What was found, for programs: every photo of every finding by name."""
    findings = [dataclasses.asdict(finding) for finding in check.findings]
    classes = [dataclasses.asdict(row) for row in check.classes]
    return {"num_files": len(check.photos.photo_names), "sizes": sizes(check), "classes": classes, "findings": findings}


def page(check: PhotoCheck, title: str) -> str:
    """The whole report as HTML, pictures inside."""
    return html_page.render(
        "check",
        title=title,
        num_files=len(check.photos.photo_names),
        root=check.photos.root,
        sizes=sizes(check),
        findings=[(finding, _entries(check, finding)) for finding in check.findings],
        columns=COLUMNS,
        rows=_rows(check),
    )


def sizes(check: PhotoCheck) -> str:
    """Smallest, median and largest photo in words."""
    if not len(check.sizes_N2):
        return "no readable photo"
    by_area = check.sizes_N2[np.argsort(check.sizes_N2.prod(axis=1), kind="stable")]
    smallest, largest = by_area[0], by_area[-1]
    median = int(np.median(check.sizes_N2[:, 0]))
    return f"{smallest[0]} x {smallest[1]} to {largest[0]} x {largest[1]} px, median width {median}"


def _rows(check: PhotoCheck) -> list[tuple[str, ...]]:
    rows = []
    for one in check.classes:
        numbers = (one.num_files, one.num_readable, one.num_contents, one.num_near_grey)
        rows.append((one.name, *map(str, (*numbers, one.num_train, one.num_val, one.num_test))))
    return rows


def _example(finding: Finding) -> str:
    names = " = ".join(name for name in finding.photos[0][:MAX_TOGETHER] if name)
    reason = finding.reasons[0] if finding.reasons else ""
    return f"{names} ({reason})" if names and reason else names or reason


def _entries(check: PhotoCheck, finding: Finding) -> list[tuple[list[str], str]]:
    """The first photos of a finding, or groups of photos: their pictures, and the words below."""
    reasons: Sequence[str] = finding.reasons or [""] * len(finding.photos)
    entries = []
    for names, reason in list(zip(finding.photos, reasons, strict=True))[:MAX_ENTRIES]:
        pictures = [picture for name in names[:MAX_TOGETHER] if (picture := _picture(check, name))]
        more = f" and {len(names) - MAX_TOGETHER} more" if len(names) > MAX_TOGETHER else ""
        entries.append((pictures, "; ".join(part for part in (", ".join(names[:MAX_TOGETHER]) + more, reason) if part)))
    return entries


def _picture(check: PhotoCheck, name: str) -> str:
    """The photo's centre square as JPEG in base64; nothing where it cannot be read."""
    if name not in check.photos.photo_names:
        return ""
    try:
        square = read_photo(read_bytes(check.photos.root / name), PICTURE_SIZE).pixels_HW3
    except UnreadablePhotoError:
        return ""
    buffer = io.BytesIO()
    Image.fromarray(square).save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode()

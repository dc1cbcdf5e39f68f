"""The confusion matrix of a confirmed network as a picture: what photos show, and what the network said."""

import io
from collections import Counter
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from study.storage.files import read_table
from study.storage.path import StoragePath

LEGEND = "rows: what the photos show; columns: what the network said; numbers: test photos; shade: share of the row"
DARK = (8, 69, 148)


def confusion_counts(photos: StoragePath, class_names: Sequence[str]) -> list[list[int]]:
    """How many photos of each class (row) were taken for which (column), from a trial's photos.parquet."""
    table = read_table(photos)
    pairs = Counter(zip(table["category"].to_pylist(), table["predicted"].to_pylist(), strict=True))
    return [[pairs[true, said] for said in class_names] for true in class_names]


def draw_confusion(counts: Sequence[Sequence[int]], class_names: Sequence[str]) -> bytes:
    """A PNG: one cell per pair of classes."""
    cell = 30 if len(class_names) <= 40 else 12
    font = ImageFont.load_default(12 if cell == 30 else 9)
    label = 8 + max(int(font.getlength(name)) for name in class_names)
    side = cell * len(class_names)
    width = max(label + side + 8, 16 + int(font.getlength(LEGEND)))
    sheet = Image.new("RGB", (width, 22 + label + side + 8), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((8, 4), LEGEND, fill="black", font=font)
    top = 22 + label
    for row, (name, row_counts) in enumerate(zip(class_names, counts, strict=True)):
        y = top + row * cell
        draw.text((label - 4, y + cell / 2), name, fill="black", font=font, anchor="rm")
        for column, count in enumerate(row_counts):
            x, share = label + column * cell, count / max(1, sum(row_counts))
            shade = tuple(round(255 + share * (dark - 255)) for dark in DARK)
            draw.rectangle((x, y, x + cell - 2, y + cell - 2), fill=shade, outline=(225, 225, 225))
            if count and cell == 30:
                fill = "white" if share > 0.5 else "black"
                draw.text((x + cell / 2 - 1, y + cell / 2 - 1), str(count), fill=fill, font=font, anchor="mm")
    for column, name in enumerate(class_names):
        upright = Image.new("RGB", (label, cell), "white")
        ImageDraw.Draw(upright).text((4, cell / 2), name, fill="black", font=font, anchor="lm")
        sheet.paste(upright.rotate(90, expand=True), (label + column * cell, top - label))
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()

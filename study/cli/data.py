"""The commands under `tintune data`: photos are prepared, and looked at."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from study.terminal import AsJson, console_of, print_json, progress_bar

data_app = typer.Typer(
    no_args_is_help=True,
    help="Photos: prepare them once for all studies.\n\nExample: tintune data check ncd --source data/ncd",
)

Target = Annotated[
    str,
    typer.Argument(metavar="STUDY|ncd|stanford_dogs|folder", help="A study file or a data set.", show_default=False),
]
SetData = Annotated[list[str] | None, typer.Option("--set", help="Place a study's data: data.root=DIR")]
Source = Annotated[Path | None, typer.Option(help="A data set's files: an archive or a folder.", show_default=False)]
UnpackTo = Annotated[Path | None, typer.Option("--to", help="Unpack archives here.", show_default="data/NAME")]
SplitFile = Annotated[
    Path | None, typer.Option(help="CSV with the columns photo and split (train, val, test).", show_default=False)
]
ImageSize = Annotated[int | None, typer.Option(help="Side in pixels of the prepared photos.", show_default="128")]


@data_app.command("prepare")
def data_prepare(
    target: Target,
    set_: SetData = None,
    source: Source = None,
    to: UnpackTo = None,
    split_file: SplitFile = None,
    image_size: ImageSize = None,
    as_json: AsJson = False,
) -> None:
    """Unpack and decode photos once; launch decodes those of a study by itself. Nothing is downloaded.

    Examples: tintune data prepare ncd --source ColorfulOriginal.zip
              tintune data prepare study/catalog/ncd-small.yaml --set data.root=data/ncd/ColorfulOriginal
    """
    from study.data.photos import data_of, prepare_data

    console = console_of(as_json)
    data = data_of(target, set_, source, to, split_file, image_size)
    images, prepared, cut = prepare_data(data, console)
    if as_json:
        counts = {part: len(getattr(cut, part)) for part in ("train", "val", "test")}
        print_json(
            {
                "dataset": data.dataset,
                "root": data.root,
                "image_size": data.image_size,
                "num_photos": len(images.labels_N),
                "classes": images.class_names,
                "cut": counts,
                "digest": images.digest,
                "prepared": prepared,
            }
        )
        return
    console.print(
        f"{len(images.labels_N)} photos of {len(images.class_names)} classes: {len(cut.test)} in the test pool, "
        f"{len(cut.train)} to train on and {len(cut.val)} to choose settings by in replicate 0.\n{prepared or ''}",
        soft_wrap=True,
    )
    if source is not None:
        split = f", split: file, split_file: {split_file.absolute()}" if split_file else ""
        line = f"data: {{dataset: {data.dataset}, root: {data.root}, image_size: {data.image_size}{split}}}"
        console.print(f"In a study file:\n  {line}", soft_wrap=True, highlight=False, markup=False)


@data_app.command("check")
def data_check(
    target: Target,
    set_: SetData = None,
    source: Source = None,
    to: UnpackTo = None,
    split_file: SplitFile = None,
    image_size: ImageSize = None,
    output: Annotated[Path, typer.Option(help="The page with the pictures.")] = Path("data-check.html"),
    as_json: AsJson = False,
) -> None:
    """Look for what is odd about photos, and say what will be done: copies, grey, broken and misnamed ones.

    Example: tintune data check ncd --source data/ncd/ColorfulOriginal
    """
    from study.data.check_page import check_document, class_table, finding_table, page
    from study.data.photos import data_of
    from trainables.config import FOLDER_DATASETS
    from trainables.preparation.photo_check import check_photos

    data = data_of(target, set_, source, to, split_file, image_size)
    if data.dataset not in FOLDER_DATASETS:
        raise ValueError(f"{target} uses dataset {data.dataset!r}, which has no photos in a folder to look at.")
    with progress_bar(console_of(as_json), "looking at photos") as tell:
        found = check_photos(data, progress=tell)
    document = {**check_document(found), "dataset": data.dataset, "root": data.root}
    tables = (class_table(found), finding_table(found), f"Pictures: {output}")
    _answer(output, page(found, f"Photos of {data.dataset}"), document if as_json else tables)


@data_app.command("colors")
def data_colors(
    target: Target,
    set_: SetData = None,
    source: Source = None,
    to: UnpackTo = None,
    split_file: SplitFile = None,
    image_size: ImageSize = None,
    output: Annotated[Path, typer.Option(help="The page with the swatches.")] = Path("data-colors.html"),
    as_json: AsJson = False,
) -> None:
    """Show the dominant colours of photos, and what a network that hedges would paint.

    Example: tintune data colors ncd --source data/ncd/ColorfulOriginal
    """
    from study.data.colors_page import color_table, in_words, page, predictor_table
    from study.data.photos import data_of
    from trainables.data.images import load_images
    from trainables.evaluation.data_colors import data_colors as look_at
    from trainables.files import default_cache
    from trainables.preparation.prepare import prepare

    data = data_of(target, set_, source, to, split_file, image_size)
    if data.dataset == "analytic":
        raise ValueError(f"{target} uses dataset 'analytic', which has no photos to look at.")
    with progress_bar(console_of(as_json), "preparing photos") as tell:
        prepared = prepare(data, default_cache(), progress=tell)
    colors = look_at(load_images(prepared)).document()
    tables = (color_table(colors), predictor_table(colors), in_words(colors), f"Swatches: {output}")
    _answer(output, page(colors, f"Colours of {data.dataset}"), colors if as_json else tables)


def _answer(output: Path, page: str, shown: Mapping[str, Any] | Sequence[Table | str]) -> None:
    """Writes the page, and says what is on it: a document as JSON for a program, or tables and words to a person."""
    from study.storage.files import write_bytes

    write_bytes(output, page.encode())
    if isinstance(shown, Mapping):
        print_json({**shown, "page": output.absolute()})
        return
    for one in shown:
        console_of(False).print(one, soft_wrap=isinstance(one, str), highlight=False)

"""The commands that use a study's networks: `tintune colorize` and `tintune export`."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from study.storage.path import local_copy
from study.terminal import console_of, progress_bar

if TYPE_CHECKING:
    from trainables.inference.colorizer import Colorizer, View


Model = Annotated[
    str, typer.Option("--model", metavar="STUDY_DIR[:ARM]", help="A finished study, and one of its arms.")
]
MAX_BATCH, MAX_BATCH_PIXELS = 16, 40_000_000
"""Photos that are decoded at a time, and their pixels together: 16 photos of 2.5 megapixels, or one large one."""
SUFFIX = ".colored.png"


def colorize(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO|FOLDER...", help="Photos of any size and format.")],
    model: Model,
    output: Annotated[Path, typer.Option(help="Folder of the coloured photos.")] = Path("colored"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON per photo.")] = False,
) -> None:
    """Colour photos with a study's network and say what they show. Lightness and resolution stay the photo's own.

    Writes NAME.colored.png for each photo and never replaces one. Exit code 1: some photos could not be read.

    Example: tintune colorize photo.jpg --model studies/quickstart
    """
    console = console_of(as_json)
    files = find_photos(photos, output)
    colorizer, said = _load(model, device)
    console.print(said, soft_wrap=True, highlight=False)
    rows = []
    with progress_bar(console, "colouring") as tell:
        for row in color_files(colorizer, files):
            rows.append(row)
            tell(len(rows), len(files))
            if as_json:
                print(json.dumps(row), flush=True)
    if not as_json:
        console.print(_table(rows, named=colorizer.names))
    if any("error" in row for row in rows):
        raise typer.Exit(1)


def export(
    model: Annotated[str, typer.Argument(metavar="STUDY_DIR[:ARM]", help="A finished study, and one of its arms.")],
    onnx: Annotated[Path, typer.Option(help="The file to write.")],
) -> None:
    """Write a study's network as an ONNX file, for programs without torch.

    Needs more packages: pip install '.\\[onnx]' in the project's folder.

    Example: tintune export studies/quickstart --onnx colorizer.onnx
    """
    from trainables.inference.onnx_export import export_onnx

    colorizer, said = _load(model, "cpu")
    console = Console()
    console.print(said, soft_wrap=True, highlight=False)
    described = export_onnx(colorizer, onnx)
    console.print(f"{described}\n{onnx}", soft_wrap=True, highlight=False)


def find_photos(given: Sequence[Path], output: Path) -> list[tuple[Path, Path]]:
    """Each photo with the file it becomes. Of folders everything below counts, but hidden files and the output itself.

    Raises:
        ValueError: nothing there, or two photos would become one file, or a photo would be replaced.
    """
    found: list[tuple[Path, Path]] = []
    for path in given:
        if path.is_dir():
            below = sorted(one for one in path.rglob("*") if one.is_file())
            names = [(one, one.relative_to(path)) for one in below if not one.is_relative_to(output)]
            found += [(one, name) for one, name in names if not any(part.startswith(".") for part in name.parts)]
        elif path.exists():
            found.append((path, Path(path.name)))
        else:
            raise ValueError(f"{path} does not exist: give photos, or folders of them.")
    if not found:
        raise ValueError(f"There is no photo in {', '.join(map(str, given))}.")
    by_stem: dict[Path, int] = {}
    for _, name in found:
        by_stem[name.with_suffix("")] = by_stem.get(name.with_suffix(""), 0) + 1
    targets: dict[Path, Path] = {}
    for photo, name in found:
        stem = name.with_suffix("") if by_stem[name.with_suffix("")] == 1 else name
        target = output / stem.with_name(stem.name + SUFFIX)
        if target in targets:
            raise ValueError(f"{photo} and {targets[target]} would both become {target}: colour them one by one.")
        targets[target] = photo
    sources = {photo.resolve() for photo, _ in found}
    for target, photo in targets.items():
        if target.resolve() in sources:
            raise ValueError(f"{photo} would replace the photo {target}: choose another --output.")
    return [(photo, target) for target, photo in targets.items()]


def color_files(colorizer: "Colorizer", files: Sequence[tuple[Path, Path]]) -> Iterator[dict[str, Any]]:
    """Colours photo after photo, batch by batch, and tells of each: photo, output, class, probability; or an error."""
    from study.storage.files import write_bytes
    from trainables.datasets.photo import UnreadablePhotoError, read_bytes
    from trainables.inference.colorizer import to_png

    batch: list[tuple[Path, Path, View]] = []

    def flush() -> Iterator[dict[str, Any]]:
        colored = colorizer.colorize([view for _, _, view in batch])
        for (photo, target, _), one in zip(batch, colored, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(target, to_png(one.pixels_HW3))
            yield {
                "photo": str(photo),
                "output": str(target),
                "class": one.class_name,
                "probability": None if one.probability is None else round(one.probability, 6),
            }
        batch.clear()

    for photo, target in files:
        try:
            view = colorizer.view(read_bytes(photo))
        except UnreadablePhotoError as error:
            yield {"photo": str(photo), "error": str(error)}
            continue
        batch.append((photo, target, view))
        if len(batch) == MAX_BATCH or sum(one.pixels_HW3.size // 3 for _, _, one in batch) > MAX_BATCH_PIXELS:
            yield from flush()
    if batch:
        yield from flush()


def _load(named: str, device: str) -> tuple["Colorizer", str]:
    from study.results.model_choice import choose_model

    choice = choose_model(named)
    # torch is loaded only once it is known that there is something to load.
    import torch

    from trainables.cpu import usable_cores
    from trainables.devices import choose_device
    from trainables.inference.portable import load_trial

    torch.set_num_threads(usable_cores())
    chosen = choose_device(device)
    with local_copy(choice.checkpoint) as checkpoint:
        colorizer = load_trial(vars(choice.entry), checkpoint, choice.class_names, device=chosen)
    return colorizer, f"Network of {choice.entry.name}. {choice.why}"


def _table(rows: Sequence[dict[str, Any]], *, named: bool) -> Table:
    table = Table()
    table.add_column("photo", overflow="fold")
    table.add_column("class")
    table.add_column("probability", justify="right")
    table.add_column("coloured", overflow="fold")
    for row in rows:
        if "error" in row:
            table.add_row(row["photo"], "", "", f"[red]not read:[/red] {row['error']}")
        elif named:
            table.add_row(row["photo"], row["class"], f"{row['probability']:.1%}", row["output"])
        else:
            table.add_row(row["photo"], "not trained to name", "", row["output"])
    return table

"""From what a person has on disk to the photos of a study: archives unpacked, the root found, the config made."""

import json
from pathlib import Path

from rich.console import Console

from study.definition.catalog import find_study, place_of
from study.definition.load import load_study
from study.definition.study import Study
from study.errors import StudyFileError
from study.terminal import progress_bar
from trainables.config import FOLDER_DATASETS, DataConfig
from trainables.data.images import Images, load_images
from trainables.data.splits import Cut, cut_replicate
from trainables.datasets.archives import is_archive, unpack
from trainables.datasets.class_folders import DOGS_SOURCE, REMEDIES
from trainables.files import default_cache
from trainables.preparation.prepare import prepare
from trainables.trial import images_of

OBJECT_METRICS = ("delta_e_inside", "delta_e_outside")
MIN_OBJECT_SHARE = 0.5
"""Of the photos; an effect on fewer would speak for the photos that look like a catalogue's, not for these."""

DOGS_ARCHIVES = ("images.tar", "annotation.tar", "lists.tar")
NCD_ARCHIVE = "ColorfulOriginal.zip"


def data_of(
    target: str,
    overrides: list[str] | None,
    source: Path | None,
    to: Path | None,
    split_file: Path | None,
    image_size: int | None,
) -> DataConfig:
    """The photos that `target` names: those of a study file, or a data set whose files lie at `source`.

    Raises ValueError for options that do not go together, and for files that are missing, with where to get them.
    """
    if target not in FOLDER_DATASETS:
        options = {"--source": source, "--to": to, "--split-file": split_file, "--image-size": image_size}
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise ValueError(
                f"{given[0]} goes with a data set, one of {list(FOLDER_DATASETS)}, but {target!r} is a study file: "
                "place its photos with --set data.root=DIR."
            )
        try:
            study = find_study(Path(target))
        except StudyFileError as error:
            raise ValueError(f"{error} Nor is it a data set out of {list(FOLDER_DATASETS)}.") from None
        return load_study(study, overrides or []).data_config()
    if overrides:
        raise ValueError(f"--set goes with a study file, but {target!r} is a data set: use --source and --image-size.")
    if source is None:
        raise ValueError(f"--source must say where the files of {target} lie. {REMEDIES[target]}")
    if not source.exists():
        raise ValueError(f"--source {str(source)!r} does not exist. {REMEDIES[target]}")
    fields = {"image_size": image_size} if image_size is not None else {}
    if split_file is not None:
        fields |= {"split": "file", "split_file": str(split_file.absolute())}  # type: ignore[dict-item]
    return DataConfig.from_dict({"dataset": target, "root": str(root_of(target, source, to).absolute()), **fields})


def root_of(dataset: str, source: Path, to: Path | None) -> Path:
    """The folder of class folders; archives are unpacked into `to`, else into data/ under the data set's name."""
    archives = _archives(dataset, source)
    if not archives:
        if to is not None:
            raise ValueError(f"--to has no effect: {str(source)!r} is a folder of photos and is read where it lies.")
        return source
    name = source.name.partition(".")[0] if dataset == "folder" else dataset
    root = unpack(archives, to or place_of(f"data/{name}"))
    return root if dataset == "stanford_dogs" else _innermost(root)


def _archives(dataset: str, source: Path) -> list[Path]:
    if dataset == "stanford_dogs":
        if source.is_dir() and (source / "Images").is_dir():
            return []
        missing = [name for name in DOGS_ARCHIVES if not (source / name).is_file()]
        if missing:
            raise ValueError(f"--source {str(source)!r} holds neither Images nor {missing[0]}. {DOGS_SOURCE}")
        return [source / name for name in DOGS_ARCHIVES]
    if source.is_dir():
        is_packed = dataset == "ncd" and (source / NCD_ARCHIVE).is_file() and not (source / "ColorfulOriginal").is_dir()
        return [source / NCD_ARCHIVE] if is_packed else []
    if not is_archive(source):
        raise ValueError(f"--source {str(source)!r} is neither a folder nor a zip or tar file. {REMEDIES[dataset]}")
    return [source]


def _innermost(folder: Path) -> Path:
    """Below folders that hold one folder and nothing else, as archives often begin."""
    while True:
        inside = [path for path in folder.iterdir() if not path.name.startswith(".") and path.name != "__MACOSX"]
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        folder = inside[0]


def prepare_data(data: DataConfig, console: Console) -> tuple[Images, Path | None, Cut]:
    """A study's photos, prepared, and the cut of its first replicate; a class too small for any cut is refused."""
    prepared: Path | None = None
    if data.dataset == "analytic":
        images = images_of(data, default_cache())
    else:
        with progress_bar(console, "preparing photos") as tell:
            prepared = prepare(data, default_cache(), progress=tell)
        images = load_images(prepared)
        skipped = json.loads((prepared / "manifest.json").read_text())["skipped"]
        if skipped:
            names = ", ".join(f"{one['name']} ({one['reason']})" for one in skipped[:5])
            more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
            console.print(
                f"{len(skipped)} photos are left out: {names}{more}. All are listed in {prepared}/manifest.json."
            )
    return images, prepared, cut_replicate(images, data, 0)


def check_objects(study: Study, images: Images) -> None:
    """Refuses a study that measures objects on photos whose object nothing tells apart.

    Raises:
        ValueError: naming the metric to use instead.
    """
    asked = [contrast.metric for family in study.families.values() for contrast in family.values()]
    named = [name for name in [*study.objectives, *asked] if name.partition("/")[2] in OBJECT_METRICS]
    if not named or study.data_config().dataset == "analytic":
        return
    # It brings torch along, which a study of formulas does without.
    from trainables.evaluation.regions import object_share

    share = object_share(images)
    if share < MIN_OBJECT_SHARE:
        raise ValueError(
            f"{named[0]} needs photos whose object can be told apart, by bounding boxes or a background that is near "
            f"white, but of these {share:.0%} can: use {named[0].partition('/')[0]}/delta_e, which judges the whole "
            "photo."
        )

"""What the report wants to know of the photos themselves: their colours, and what one colour for all would cost."""

from typing import Any

from study.definition.study import Study
from study.storage.files import read_json, write_json
from study.storage.path import StoragePath, download, is_remote, workplace
from trainables.data.images import Images, load_images
from trainables.data.splits import cut_replicate
from trainables.files import default_cache
from trainables.preparation.prepare import find_prepared


def write_summaries(folder: StoragePath, study: Study, fingerprint: dict[str, Any]) -> None:
    """Looks at the photos once, where they lie prepared; what was found before stays."""
    digest = fingerprint["data"].get("digest", "")
    missing = []
    for name in SUMMARIES:
        path = workplace(folder) / "results" / name
        if is_remote(folder) and not path.exists() and (folder / "results" / name).exists():
            download(folder / "results" / name, path)
        if not path.exists() or read_json(path)["digest"] != digest:
            missing.append(path)
    prepared = find_prepared(study.data_config(), default_cache(), digest) if missing else None
    if prepared is None:
        return
    images = load_images(prepared)
    for path in missing:
        write_json(path, {**SUMMARIES[path.name](study, images), "digest": digest})


def _colors(study: Study, images: Images) -> dict[str, Any]:
    from trainables.evaluation.data_colors import data_colors

    return data_colors(images).document()


def _constant_color(study: Study, images: Images) -> dict[str, Any]:
    """What painting every test photo in the mean colour of the training photos costs."""
    from trainables.evaluation.data_colors import constant_color

    return constant_color(images, cut_replicate(images, study.data_config(), 0))


CONSTANT_COLOR = "constant_color.json"
SUMMARIES = {"data_colors.json": _colors, CONSTANT_COLOR: _constant_color}
"""What is found by looking at the photos, by the file that keeps it."""

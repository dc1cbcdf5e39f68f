"""What the report wants to know of the photos themselves: their colours, and what painting or naming by rule costs."""

from typing import Any

import numpy as np
import pyarrow as pa

from study.definition.study import Study
from study.storage.files import read_json, read_table, table_bytes, write_bytes, write_json
from study.storage.path import StoragePath, download, is_remote, workplace
from trainables.config import DataConfig
from trainables.data.images import Images, load_images
from trainables.data.splits import cut_replicate
from trainables.files import default_cache
from trainables.preparation.prepare import find_prepared

COLORS, BASELINES = "data_colors.json", "baselines.parquet"


def write_summaries(folder: StoragePath, study: Study, fingerprint: dict[str, Any]) -> None:
    """Looks at the photos once, where they lie prepared; what was found before stays."""
    digest = fingerprint["data"].get("digest", "")
    # Baselines depend on the cuts, and the place where a remote study's tables are made outlives its folder.
    keys = {COLORS: digest, BASELINES: f"{digest} {cut_key(study.data_config())}"}
    results = workplace(folder) / "results"
    missing = []
    for name in (COLORS, BASELINES):
        path = results / name
        if is_remote(folder) and not path.exists() and (folder / "results" / name).exists():
            download(folder / "results" / name, path)
        if not path.exists() or _digest_of(path) != keys[name]:
            missing.append(name)
    prepared = find_prepared(study.data_config(), default_cache(), digest) if missing else None
    if prepared is None:
        return
    images = load_images(prepared)
    if COLORS in missing:
        from trainables.evaluation.data_colors import data_colors

        write_json(results / COLORS, {**data_colors(images).document(), "digest": digest})
    if BASELINES in missing:
        table = _baselines(study, images)
        write_bytes(results / BASELINES, table_bytes(table.replace_schema_metadata({"digest": keys[BASELINES]})))


def cut_key(data: DataConfig) -> str:
    """What decides which photos are tested and which the rules without a network may look at."""
    return f"{data.seed} {data.split} {data.folds} {data.test_share} {data.val_share}"


def _digest_of(path: Any) -> str:
    if path.suffix == ".json":
        return str(read_json(path)["digest"])
    return str((read_table(path).schema.metadata or {}).get(b"digest", b"").decode())


def _baselines(study: Study, images: Images) -> pa.Table:
    """What each test photo costs without a network: grey, one colour, its category's colour, the commonest class."""
    from trainables.evaluation.baselines import baselines

    data = study.data_config()
    parts = []
    for fold in range(data.folds):
        columns = baselines(images, cut_replicate(images, data, 0, fold))
        num_rows = len(next(iter(columns.values())))
        parts.append(pa.table({"fold": np.full(num_rows, fold), **columns}))
    return pa.concat_tables(parts)

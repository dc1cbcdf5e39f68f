"""gallery.py and its way through export: every photo of the pool, as every setting painted it."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from study.ledger.ledger import Ledger
from study.results.export import export
from study.search.selection import make_entry
from study.storage.files import table_bytes, write_bytes, write_json
from tests.study.analytic import TEXT, analytic_study
from trainables.config import DataConfig, TrialConfig
from trainables.data.images import Images, load_images
from trainables.evaluation import gallery
from trainables.evaluation.measure import colorize
from trainables.network.joint_network import JointNetwork
from trainables.preparation.prepare import prepare


def orchard(folder: Path) -> tuple[JointNetwork, Images]:
    images = load_images(
        prepare(DataConfig(dataset="orchard", image_size=32, num_classes=2, photos_per_class=12), folder)
    )
    torch.manual_seed(0)
    return JointNetwork(TrialConfig(width=0.125), num_classes=2, image_size=32).eval(), images


def decoded(jpeg: bytes) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)


def test_each_photo_is_there_as_grey_as_it_is_and_as_it_was_painted(tmp_path: Path) -> None:
    network, images = orchard(tmp_path)
    rows = pa.table(gallery.pool_pictures(network, images, np.array([5, 2, 20]))).to_pylist()
    assert [row["photo"] for row in rows] == [images.photo_names[index] for index in (2, 5, 20)]
    for row, index in zip(rows, (2, 5, 20), strict=True):
        pixels_1HW3 = np.array(images.pixels_NHW3[[index]])
        assert np.abs(decoded(row["truth"]) - pixels_1HW3[0]).mean() < 4
        assert np.abs(decoded(row["painted"]) - colorize(network, pixels_1HW3)[0]).mean() < 4
        assert np.ptp(decoded(row["grey"]), axis=-1).max() <= 4


def test_a_large_pool_is_thinned_evenly() -> None:
    chosen = gallery.choose_photos(np.arange(8580), gallery.MAX_PICTURES)
    assert len(chosen) == 256 and (chosen[0], chosen[-1]) == (0, 8579)
    assert set(np.diff(chosen)) <= {33, 34}


def test_export_keeps_grey_and_truth_once_and_each_setting_s_painting(tmp_path: Path) -> None:
    network, images = orchard(tmp_path / "cache")
    ledger, study = Ledger(tmp_path / "study"), analytic_study()
    pictures = table_bytes(gallery.pool_pictures(network, images, np.arange(3)))
    ledger.trials.mkdir(parents=True)
    write_bytes(ledger.folder / "study.yaml", TEXT.encode())
    write_json(ledger.folder / "fingerprint.json", {"data": {}, "launched": "", "command": ""})
    for setting in ("color_only", "another"):
        entry = make_entry(study, "color_only", {"learning_rate": 1e-3}, phase="confirm", number=1, replicate=1)
        entry = dataclasses.replace(entry, setting=setting, state="done")
        ledger.write(entry)
        write_bytes(ledger.trial_folder(entry.name) / "pictures.parquet", pictures)
    rows = pq.read_table(export(ledger.folder) / "pictures.parquet").to_pylist()
    names = [(row["photo"], row["setting"]) for row in rows]
    assert len(names) == len(set(names)) == 3 * 4
    assert {setting for _, setting in names} == {"grey", "truth", "another", "color_only"}

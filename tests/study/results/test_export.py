"""export.py: the tables hold what the trials left, whatever arms they belong to."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from study.ledger.ledger import Entry, Ledger
from study.results.export import export
from study.storage.files import write_bytes, write_json
from tests.study.analytic import TEXT


def finish(ledger: Ledger, arm: str, columns: dict[str, list[float]]) -> None:
    entry = Entry(arm=arm, phase="confirm", number=1, replicate=1, setting=arm, state="done", config={}, data={})
    ledger.write(entry)
    photos = {"photo": ["Apple/1.jpg", "Apple/2.jpg"], "delta_e": [5.0, 6.0], **columns}
    pq.write_table(pa.table(photos), ledger.trial_folder(entry.name) / "photos.parquet")


def test_arms_with_and_without_feature_swaps_share_one_table(tmp_path: Path) -> None:
    write_bytes(tmp_path / "study.yaml", TEXT.encode())
    write_json(tmp_path / "fingerprint.json", {"data": {}, "launched": "", "command": ""})
    ledger = Ledger(tmp_path)
    finish(ledger, "class_only", {})
    finish(ledger, "joint", {"delta_e_inside": [7.0, 8.0], "delta_e_same_class_features": [5.5, float("nan")]})
    finish(ledger, "no_fusion", {"delta_e_inside": [9.0, float("nan")]})
    rows = pq.read_table(export(tmp_path) / "photos.parquet").to_pylist()
    by_photo = {(row["arm"], row["photo"][-5]): row for row in rows}
    assert len(rows) == len(by_photo) == 6
    assert [by_photo["joint", n]["delta_e_inside"] for n in "12"] == [7.0, 8.0]
    assert by_photo["joint", "1"]["delta_e_same_class_features"] == 5.5
    assert by_photo["no_fusion", "1"]["delta_e_inside"] == 9.0
    assert by_photo["no_fusion", "1"]["delta_e_same_class_features"] is None
    assert by_photo["class_only", "1"]["delta_e_inside"] is None
    assert [row["delta_e"] for row in rows] == [5.0, 6.0] * 3

"""What a study will be able to find, before the cluster is busy: from a spread that is declared or borrowed."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from study.definition.study import Study
from study.storage.files import read_json
from study.storage.path import StoragePath

UNKNOWN = "say `spread` in the study file, or borrow one with --spread-of"


def borrowed(folder: StoragePath) -> dict[str, Mapping[str, float]]:
    """The spreads that the primary contrasts of another study showed, by metric.

    Raises:
        ValueError: no report there, or none whose contrasts were measured.
    """
    path = folder / "report" / "verdict.json"
    if not path.is_file():
        raise ValueError(f"--spread-of: {folder} has no report/verdict.json: give a study's folder that has a report.")
    rows = [row for row in read_json(path)["contrasts"] if row["family"] == "primary" and row.get("spread")]
    if not rows:
        raise ValueError(f"--spread-of: no primary contrast of {folder} has been measured yet.")
    return {row["metric"]: row["spread"] for row in reversed(rows)}


def power_rows(
    study: Study, spreads: Mapping[str, Mapping[str, float]], num_photos: int | None
) -> list[dict[str, Any]]:
    """One row a primary contrast: the smallest effect found in four of five studies, and how often "no difference" is.

    The numbers are None where the spread or the number of photos is not known.
    """
    # It brings scipy along.
    from analysis.statistics.power import power

    data, confirm = study.data_config(), study.confirm
    test_share = 1 / confirm.folds if confirm.folds > 1 else data.test_share
    sizes = Counter(contrast.question for contrast in study.contrasts.values())
    rows = []
    for name, contrast in study.contrasts.items():
        spread, margin = spreads.get(contrast.metric), study.margin[contrast.metric]
        row: dict[str, Any] = {"contrast": name, "metric": contrast.metric, "margin": margin, "spread": spread}
        row |= {"question": contrast.question, "family_size": sizes[contrast.question]}
        row |= dict.fromkeys(("smallest_effect", "no_difference", "helps_at_margin"))
        if spread is not None and num_photos:
            found = power(
                {key: value for key, value in spread.items() if value is not None},
                num_folds=confirm.folds,
                looks=confirm.all_looks,
                shares=confirm.shares,
                photos_per_fold=max(2, round(num_photos * test_share)),
                margin=margin,
                family_size=sizes[contrast.question],
            )
            numbers = {key: getattr(found, key) for key in ("smallest_effect", "no_difference", "helps_at_margin")}
            row |= {key: value if math.isfinite(value) else None for key, value in numbers.items()}
        rows.append(row)
    return rows


def power_table(rows: list[dict[str, Any]], basis: str) -> Table:
    """The rows of `power_rows`, for people."""
    table = Table(title="What it will find", title_justify="left")
    table.add_column("contrast", no_wrap=True)
    table.add_column("metric", no_wrap=True)
    for name in ("margin", "smallest effect\nfound in 4 of 5", '"no difference"\nwhere there is none'):
        table.add_column(name, justify="right")
    for row in rows:
        smallest, nothing = row["smallest_effect"], row["no_difference"]
        table.add_row(
            row["contrast"],
            row["metric"],
            f"{row['margin']:g}",
            "?" if smallest is None else f"{smallest:.2g}",
            "?" if nothing is None else "never" if nothing < 0.005 else f"{nothing:.0%}",
        )
    unknown = sorted({row["metric"] for row in rows if row["spread"] is None})
    lucky = sorted({row["metric"] for row in rows if row["spread"] is not None and not row["spread"].get("search")})
    table.caption = basis if not unknown else f"{basis} No spread of {', '.join(unknown)}: {UNKNOWN}."
    if lucky:
        table.caption += f" Without the luck of the search ({', '.join(lucky)}): folds will find less."
    return table


def basis_of(study: Study, spread_of: StoragePath | None, num_photos: int | None) -> str:
    """Where the numbers come from, in a sentence."""
    if num_photos is None:
        return "The photos are not here, so nothing can be reckoned."
    where = "the study file's spreads" if spread_of is None else f"the spreads of {spread_of}"
    return f"10,000 simulated studies from {where}, {num_photos:,} photos."

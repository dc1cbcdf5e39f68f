"""view.py without a server: the names of runs."""

from study.search.selection import make_entry
from study.tracking.view import run_name
from tests.study.analytic import analytic_study


def test_run_names_sort_as_numbers_do() -> None:
    study = analytic_study()
    names = [
        run_name(make_entry(study, "color_only", {"learning_rate": 0.01}, phase="search", number=n, replicate=0))
        for n in (2, 10, 900, 2000)
    ]
    assert names == sorted(names)

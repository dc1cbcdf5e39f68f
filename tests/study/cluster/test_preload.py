"""preload.py: Ray's first workers load what they need, and trials go to them."""

import os
import time
from pathlib import Path

import pytest

from study.cluster import preload
from study.cluster.preload import FOLDER, MODULES, preloading, wait_for_workers


def test_ray_is_told_what_to_load_and_afterwards_nothing_is_left() -> None:
    with preloading(["json"], 1):
        folder = Path(os.environ[FOLDER])
        assert folder.is_dir() and os.environ[MODULES] == "json,study.cluster.preload"
    assert not folder.exists() and FOLDER not in os.environ and MODULES not in os.environ


@pytest.mark.parametrize(("cores", "cpus_per_trial"), [(64, 1), (8, 4)])
def test_no_torch_is_loaded_a_core_where_most_would_load_in_vain(
    cores: int, cpus_per_trial: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    with preloading(["torch"], cpus_per_trial):
        assert os.environ[MODULES] == "study.cluster.preload"


def test_it_waits_for_as_many_marks_as_slots_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_workers(99)  # outside of `preloading` there is nothing to wait for
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        Path(os.environ[FOLDER], str(len(naps))).touch()

    monkeypatch.setattr(time, "sleep", nap)
    with preloading([], 1):
        wait_for_workers(3)
        assert len(naps) == 3
        monkeypatch.setattr(preload, "PRELOAD_SECONDS", 0.0)
        wait_for_workers(99)
    assert len(naps) == 3

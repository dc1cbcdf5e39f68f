"""study/preload.py: Ray's first workers load what they need, and trials go to them."""

import os
from pathlib import Path

import pytest

from study import preload
from study.preload import FOLDER, MODULES, preloading, wait_for_workers


def test_ray_is_told_what_to_load_and_afterwards_nothing_is_left() -> None:
    with preloading(["json"]):
        folder = Path(os.environ[FOLDER])
        assert folder.is_dir() and os.environ[MODULES] == "json,study.loaded"
    assert not folder.exists() and FOLDER not in os.environ and MODULES not in os.environ


def test_a_large_machine_does_not_load_one_torch_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    with preloading(["torch"]):
        assert os.environ[MODULES] == "study.loaded"


def test_it_waits_for_as_many_marks_as_slots_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_workers(99)  # outside of `preloading` there is nothing to wait for
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        Path(os.environ[FOLDER], str(len(naps))).touch()

    monkeypatch.setattr(preload.time, "sleep", nap)
    with preloading([]):
        wait_for_workers(3)
        assert len(naps) == 3
        monkeypatch.setattr(preload, "PRELOAD_SECONDS", 0.0)
        wait_for_workers(99)
    assert len(naps) == 3

"""What must hold on a GPU, and that the script which checks it can fail."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from benchmarks import on_a_gpu
from benchmarks.gpu_checks import CHECKS, CheckFailedError, Here, NotHereError
from trainables.devices import choose_device


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Here:
    return Here(choose_device("auto"), tmp_path_factory.mktemp("gpu"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_it_holds_on_this_gpu(check: Callable[[Here], str], here: Here) -> None:
    check(here)


def wrong(here: Here) -> str:
    raise CheckFailedError("two bits differ")


def broken(here: Here) -> str:
    raise RuntimeError("an illegal memory access")


def elsewhere(here: Here) -> str:
    raise NotHereError("there is no second device")


@pytest.mark.parametrize(
    ("checks", "exit_code", "ends"),
    [
        # 2 says that nothing was shown of a GPU.
        ({"fine": lambda here: "all the same", "elsewhere": elsewhere}, 2, ["ok", "not here"]),
        ({"wrong": wrong, "fine": lambda here: "all the same"}, 1, ["failed", "ok"]),
        ({"broken": broken, "fine": lambda here: "all the same"}, 1, ["failed", "ok"]),
    ],
    ids=["fine", "wrong", "broken"],
)
def test_a_failed_check_is_told_and_is_the_exit_code(
    checks: dict[str, Callable[[Here], str]], exit_code: int, ends: list[str],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(on_a_gpu, "CHECKS", checks)
    monkeypatch.setattr(sys, "argv", ["on_a_gpu.py", "--device", "cpu", "--skip-study", "--skip-speed"])
    assert on_a_gpu.main() == exit_code
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [one["end"] for one in told["checks"]] == ends


@pytest.mark.full
def test_the_whole_script_without_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every check that a CPU can answer, one row of speed, and the study of eight trials to its report."""
    monkeypatch.setattr(on_a_gpu, "SECONDS", 0.0)
    monkeypatch.setattr(on_a_gpu, "ROWS", on_a_gpu.ROWS[:1])
    monkeypatch.setattr(on_a_gpu, "measure_sharing", lambda here: None)
    monkeypatch.setenv("TINTUNE_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["on_a_gpu.py", "--device", "cpu"])
    assert on_a_gpu.main() == 2
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    ends = {one["check"]: one["end"] for one in told["checks"]}
    assert "failed" not in ends.values()
    assert [check for check, end in ends.items() if end == "not here"] == [
        "float32 agrees with the CPU", "memory does not grow", "a share of the memory is a share",
    ]  # fmt: skip
    assert ends["a study of eight trials, four to a GPU"] == "ok"
    (row,) = told["speeds"]
    assert row["images_per_second"] > 0 and 0 < row["training_share"] < 1

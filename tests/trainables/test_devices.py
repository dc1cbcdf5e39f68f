"""devices.py: what a trial takes and leaves."""

import pytest
import torch

from trainables import devices
from trainables.devices import STATUS, choose_device, choose_precision, clean_slate, describe, peak_memory_bytes

CPU = torch.device("cpu")
MEGABYTE = 2**20


@pytest.mark.skipif(not STATUS.exists(), reason="the peak of a process is reset through Linux's /proc")
def test_the_peak_of_memory_is_that_of_the_trial() -> None:
    clean_slate(CPU, 1.0)
    before = peak_memory_bytes(CPU)
    large = torch.ones(400 * MEGABYTE // 4)
    assert peak_memory_bytes(CPU) > before + 300 * MEGABYTE
    del large
    clean_slate(CPU, 1.0)
    assert peak_memory_bytes(CPU) < before + 100 * MEGABYTE


def test_auto_takes_what_there_is_and_says_which() -> None:
    device = choose_device("auto")
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert device.type == expected and describe(device)


@pytest.mark.parametrize("name", ["cuda:99", "abacus"])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="device"):
        choose_device(name)


@pytest.mark.parametrize(("has_bfloat16", "auto"), [(False, torch.float32), (True, torch.bfloat16)])
def test_precision_is_what_was_asked_and_auto_what_the_cpu_has(
    monkeypatch: pytest.MonkeyPatch, has_bfloat16: bool, auto: torch.dtype
) -> None:
    monkeypatch.setattr(devices, "has_bfloat16", lambda: has_bfloat16)
    assert choose_precision("float32", CPU) == torch.float32
    assert choose_precision("bfloat16", CPU) == torch.bfloat16
    assert choose_precision("auto", CPU) == auto

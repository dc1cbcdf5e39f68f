"""cpu.py: what the CPU here offers, asked without torch."""

from pathlib import Path

import pytest
import torch

from trainables import cpu


def test_torch_agrees_on_bfloat16() -> None:
    capabilities = torch.cpu.get_capabilities()
    assert cpu.has_bfloat16() == any(capabilities.get(name) for name in cpu.BFLOAT16_FLAGS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu avx512f avx512_bf16 amx_tile\n", True),
        ("processor : 0\nflags\t\t: fpu avx512f\nbugs\t\t: bf16\n", False),
        ("processor : 0\nFeatures\t: fp asimd bf16 i8mm\n", True),
        ("processor : 0\n", False),
        (None, False),
    ],
    ids=["x86", "x86 without", "arm", "says nothing", "no Linux"],
)
def test_flags_are_read(text: str | None, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "CPUINFO", tmp_path / "cpuinfo")
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    assert cpu.has_bfloat16() == expected

"""Where a trial computes, in which precision, and how much memory it took."""

import resource
import sys
from contextlib import AbstractContextManager

import torch


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes cuda, else mps, else cpu.

    Raises:
        ValueError: torch knows no such device, or this machine has none.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"Unknown device {name!r}. Known: auto, cpu, cuda, cuda:<number>, mps.") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {name!r} was asked for, but this machine has {torch.cuda.device_count()} CUDA devices."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError("device 'mps' was asked for, but this machine has none.")
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The type of the network's forward pass; `auto` takes bfloat16 only where the chip has instructions for it."""
    if name != "auto":
        return torch.bfloat16 if name == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu" and _cpu_has_bfloat16():
        return torch.bfloat16
    return torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[None]:
    """Runs matrix products and convolutions in `dtype`; does nothing for float32."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


def peak_memory_bytes(device: torch.device) -> int:
    """Most memory this process held: on the device for cuda, else resident in main memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def describe(device: torch.device) -> str:
    """The device's name as a person says it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return device.type


def _cpu_has_bfloat16() -> bool:
    # PyTorch before 2.15 has no public way to ask.
    if hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))
    return bool(torch.cpu._is_avx512_bf16_supported())

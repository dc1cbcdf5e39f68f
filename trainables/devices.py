"""Where a trial computes, in which precision, and how much memory it may take and took."""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import torch

from trainables.cpu import has_bfloat16
from trainables.files import default_cache


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` takes cuda, else mps, else cpu. A CUDA device always has its index.

    Some functions of torch.cuda refuse a device without one.

    Raises:
        ValueError: torch knows no such device, or this machine has none.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
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
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """The type of the network's forward pass; `auto` takes bfloat16 only where the chip has instructions for it."""
    if name != "auto":
        return torch.bfloat16 if name == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device.type == "cpu" and has_bfloat16():
        return torch.bfloat16
    return torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[None]:
    """Runs matrix products and convolutions in `dtype`; does nothing for float32."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Inside, convolutions choose algorithms that give the same bits again, and float32 means float32, not TF32.

    These are settings of the whole process: whoever trains beside us in it finds them as they were.
    """
    if device.type != "cuda":
        yield
        return
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


CONTEXT_BYTES = 1 << 30
"""What a process holds of a GPU beside the memory that torch gives out: CUDA itself, loaded kernels, workspaces."""


def clean_slate(device: torch.device, memory_share: float) -> None:
    """Leaves nothing of the last trial of this process: no memory and no peak.

    A fractional GPU is bookkeeping: this is where a process is held to its share, so that what it asks beyond fails
    here and not in a neighbour. Its CUDA context is part of its share.
    """
    # torch's own default lies in a folder that everyone may write to, and it holds code. Set before the compiler loads,
    # which comes with the first optimizer.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(default_cache() / "compiled"))
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        context = CONTEXT_BYTES / torch.cuda.get_device_properties(device).total_memory if memory_share < 1 else 0.0
        torch.cuda.set_per_process_memory_fraction(max(memory_share - context, memory_share / 2), device)
    elif device.type == "cpu" and CLEAR_REFS.exists():
        # 5 resets the peak of the resident size (man 5 proc).
        CLEAR_REFS.write_text("5")


CLEAR_REFS, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def peak_memory_bytes(device: torch.device) -> int:
    """Most memory the trial held: on the device for cuda, else resident in main memory.

    Without Linux's /proc the main memory's peak is that of the whole process.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if STATUS.exists():
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def describe(device: torch.device) -> str:
    """The device's name as a person says it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return device.type

"""Compiled code: kept for the trials of a process as long as they have one shape."""

import os
import shutil
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


def find_compiler() -> str | None:
    """Path of the C++ compiler that `compile` would use."""
    return shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++")


def compiled(function: Callable[P, R], device: torch.device) -> Callable[P, R]:
    """The function, compiled at its first call; all trials of a machine share the compiled code.

    Raises:
        ValueError: this machine has no C++ compiler, which torch needs for it.
    """
    if find_compiler() is None:
        raise ValueError("compile needs a C++ compiler on every machine: install g++, or set compile to false.")
    return _compiled(function, device.type == "cuda")  # type: ignore[return-value, arg-type]


@cache
def _compiled(function: Callable[..., Any], on_cuda: bool) -> Callable[..., Any]:
    # Dropout draws the numbers it would draw uncompiled.
    options: dict[str, Any] = {"fallback_random": True, "triton.cudagraphs": on_cuda}
    return torch.compile(function, options=options, dynamic=False)


MAX_TRIALS, RECORDING_BYTES = 16, 8 << 20
"""Trials that share compiled code before it is forgotten. On a GPU each records the code's CUDA graphs for weights of
its own, and the recordings of all trials before stay: 2 to 6 MiB each on an H200, and never more than the second."""

_kept: tuple[Hashable, int] = (None, 0)
"""The shape that compiled code is kept for, and the trials that used it."""


def keep_code_of(shape: Hashable) -> None:
    """Forgets compiled code of any other shape: its memory, and a place among the eight shapes that torch compiles."""
    global _kept
    known, num_trials = _kept
    if shape != known or num_trials == MAX_TRIALS:
        torch.compiler.reset()
        num_trials = 0
    _kept = shape, num_trials + 1


def num_compiled() -> int:
    """How many pieces of code this process has compiled; it only ever grows."""
    from torch._dynamo.utils import counters

    return counters["stats"]["unique_graphs"]


def kept_buffers() -> AbstractContextManager[None]:
    """Inside, what a forward pass kept may be read by two backward passes."""
    import torch._functorch.config

    return torch._functorch.config.patch(donated_buffer=False)  # type: ignore[no-any-return]

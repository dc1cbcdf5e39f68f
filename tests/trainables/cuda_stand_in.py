"""A machine with one GPU that is none: torch.cuda's own code over answers made up here, tensors in main memory.

Everything Python does in torch.cuda is torch's: which arguments it takes, which it refuses. Only the C functions below
it answer without a driver. A tensor that is sent to the GPU stays where it is, so a whole trial runs, and every call
that was made of torch.cuda is kept.
"""

import ast
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml
import pytest
import torch
from torch import Tensor
from torch.cuda import _get_device_index
from torch.overrides import TorchFunctionMode

MEMORY_USED_BYTES, UTILIZATION_PERCENT, POWER_MILLIWATTS = 2 * 2**30, 90, 250_000
NAME, UUID = "stand-in", "00000000-0000-0000-0000-000000000000"
MEMORY_BYTES = 8 * 2**30


class Stream:
    """torch.cuda.Stream: a device it can find, or the three numbers of a stream that exists."""

    def __init__(self, device: Any = None, priority: int = 0, **existing: int) -> None:
        assert isinstance(priority, int) and existing.keys() in (set(), {"stream_id", "device_index", "device_type"})
        self.device_index = existing.get("device_index", _get_device_index(device, optional=True))
        self.device = torch.device("cuda", self.device_index)
        self.stream_id, self.device_type = existing.get("stream_id", 1), existing.get("device_type", 1)

    def is_capturing(self) -> bool:
        return False

    def wait_event(self, event: "Event") -> None:
        assert isinstance(event, Event)

    def wait_stream(self, stream: "Stream") -> None:
        assert isinstance(stream, Stream)

    def synchronize(self) -> None:
        pass


class Event:
    """torch.cuda.Event."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        assert all(isinstance(flag, bool) for flag in (enable_timing, blocking, interprocess))

    def record(self, stream: Stream | None = None) -> None:
        assert stream is None or isinstance(stream, Stream)

    def wait(self, stream: Stream | None = None) -> None:
        assert stream is None or isinstance(stream, Stream)

    def synchronize(self) -> None:
        pass


class InMainMemory(TorchFunctionMode):
    """New tensors for the GPU, and pinned ones, are made in main memory."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if is_gpu(kwargs.get("device")):
            kwargs["device"] = "cpu"
        kwargs.pop("pin_memory", None)
        return func(*args, **kwargs)


def names_used(room: ModuleType) -> set[str]:
    """Every `torch.cuda.<name>` in the sources of a room."""
    return {
        node.attr
        for path in Path(room.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "torch.cuda"
    }


def is_gpu(device: Any) -> bool:
    return device is not None and not isinstance(device, int) and torch.device(device).type == "cuda"


Calls = list[tuple[str, tuple[Any, ...], dict[str, Any]]]


def install(monkeypatch: pytest.MonkeyPatch, names: set[str]) -> Calls:
    """Puts the stand-in in place and gives the list that every call of torch.cuda's `names` will be added to."""
    answers: dict[str, Any] = {
        "_cuda_init": None,
        "_cuda_getDeviceCount": 1,
        "_cuda_getDevice": 0,
        "_cuda_setDevice": None,
        "_cuda_synchronize": None,
        "_cuda_emptyCache": None,
        "_cuda_setMemoryFraction": None,
        "_cuda_resetPeakMemoryStats": None,
        "_cuda_memoryStats": {"allocated_bytes": {"all": {"peak": 2**20}}},
        "_cuda_getCurrentStream": (0, 0, 1),
        "_cuda_setStream": None,
        "_cuda_isCurrentStreamCapturing": False,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch._C, name, lambda *args, answer=answer, **kwargs: answer, raising=False)
    for name in ("_exchange_device", "_maybe_exchange_device"):
        monkeypatch.setattr(torch.cuda, name, lambda index: 0)
    properties = SimpleNamespace(name=NAME, major=9, minor=0, total_memory=MEMORY_BYTES, uuid=UUID)
    monkeypatch.setattr(torch.cuda, "_get_device_properties", lambda index: properties, raising=False)
    monkeypatch.setattr(torch.cuda, "_initialized", True)
    monkeypatch.setattr(torch.cuda, "_cached_device_count", 1)
    monkeypatch.setattr(torch.cuda, "default_generators", (torch.Generator(),))
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    # Optimizers ask whether their step is being captured.
    monkeypatch.setattr(torch.accelerator, "current_stream", Stream)
    for name, answer in {
        "nvmlInit": None,
        "nvmlDeviceGetCount": 1,
        "nvmlDeviceGetHandleByIndex": "handle",
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=MEMORY_USED_BYTES, total=MEMORY_BYTES),
        "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=UTILIZATION_PERCENT, memory=0),
        "nvmlDeviceGetPowerUsage": POWER_MILLIWATTS,
    }.items():
        monkeypatch.setattr(pynvml, name, lambda *args, answer=answer: answer)
    runtime = SimpleNamespace(cudaMemGetInfo=lambda index: (MEMORY_BYTES - MEMORY_USED_BYTES, MEMORY_BYTES))
    monkeypatch.setattr(torch.cuda, "_cudart", runtime)
    _keep_tensors_here(monkeypatch)
    calls: Calls = []

    def kept(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append((name, args, kwargs))
            return function(*args, **kwargs)

        return call

    for name in names:
        monkeypatch.setattr(torch.cuda, name, kept(name, getattr(torch.cuda, name)))
    return calls


def _keep_tensors_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every thread: torch's mode for functions holds in one."""
    to = Tensor.to

    def stay(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        args = tuple("cpu" if isinstance(one, torch.device) and one.type == "cuda" else one for one in args)
        kwargs = {name: "cpu" if name == "device" and is_gpu(value) else value for name, value in kwargs.items()}
        moved: Tensor = to(tensor, *args, **kwargs)
        return moved

    def record_stream(tensor: Tensor, stream: Stream) -> None:
        assert isinstance(stream, Stream)

    monkeypatch.setattr(Tensor, "to", stay)
    monkeypatch.setattr(Tensor, "record_stream", record_stream)

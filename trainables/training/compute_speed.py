"""How much a network computes for a photo, and how fast a device could: what images per second are measured against."""

import json
import time
from functools import lru_cache
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from trainables.config import TrialConfig
from trainables.files import alone, default_cache, replaced
from trainables.network.joint_network import JointNetwork
from trainables.network.losses import task_losses
from trainables.training.task_weighting import TASK_WEIGHTINGS

CEILING_SIDE = 8192
"""Side of the square matrices whose product is timed; large enough for a GPU's best rate."""

SHAPE_FIELDS = (
    "width",
    "pooling",
    "global_size",
    "extra_convolutions",
    "residual",
    "fusion",
    "stop_class_gradient",
    "stop_color_gradient",
    "task_weighting",
)
"""The settings that decide, beside which tasks are trained, what is computed."""


def training_flops_per_photo(config: TrialConfig, *, num_classes: int, image_size: int) -> float:
    """Floating-point operations of one photo's forward and backward pass, two for each multiply-add.

    Counted on tensors without memory: the matrix products and convolutions that this very config runs, with the
    backward passes of the tasks that it trains. Norms, colours and the optimizer's step are not in it.
    """
    shape: dict[str, Any] = {field: getattr(config, field) for field in SHAPE_FIELDS}
    shape |= {field: float(getattr(config, field) > 0) for field in ("color_loss_weight", "class_loss_weight")}
    return _count(TrialConfig(**shape), num_classes, image_size)


@lru_cache(maxsize=64)
def _count(config: TrialConfig, num_classes: int, image_size: int) -> float:
    """The count of a shape, once a process: it takes as long as a short epoch."""
    with torch.device("meta"):
        network = JointNetwork(config, num_classes=num_classes, image_size=image_size)
        # Two photos, because batch norm refuses one.
        lightness_B1HW = torch.empty(2, 1, image_size, image_size)
        weighting = TASK_WEIGHTINGS[config.task_weighting](config)
        ab_B2HW, labels_B = torch.empty(2, 2, image_size, image_size), torch.empty(2, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        color_loss, class_loss = task_losses(network(lightness_B1HW), ab_B2HW, labels_B)
        weighting.backward(network, color_loss, class_loss)
    return float(counter.get_total_flops()) / 2


@lru_cache(maxsize=8)
def matrix_ceiling(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second of a large matrix product on a GPU: the best of ten, after one to warm up.

    Measured once for each GPU of a machine and release of torch, and kept in the cache. Processes that start together
    on one GPU wait for the one that measures, so that it measures a GPU of its own.
    """
    kind = str(dtype).removeprefix("torch.")
    gpu = torch.cuda.get_device_properties(device).uuid
    folder, name = default_cache() / "ceilings", f"{gpu}-{kind}-{torch.__version__}.json"
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder, name):
        if not (folder / name).exists():
            found = {"flops_per_second": _measured_ceiling(device, dtype), "device": torch.cuda.get_device_name(device)}
            with replaced(folder / name) as file:
                file.write(json.dumps(found).encode())
        return float(json.loads((folder / name).read_text())["flops_per_second"])


def _measured_ceiling(device: torch.device, dtype: torch.dtype) -> float:
    first, second = (torch.randn(CEILING_SIDE, CEILING_SIDE, device=device, dtype=dtype) for _ in range(2))
    seconds = []
    for _ in range(11):
        torch.cuda.synchronize(device)
        started = time.perf_counter()
        torch.mm(first, second)
        torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return 2 * CEILING_SIDE**3 / min(seconds[1:])

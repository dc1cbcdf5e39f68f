"""How busy the GPU and the machine of a trial are, epoch by epoch, under the names of MLflow's system metrics."""

import logging
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from statistics import fmean
from typing import Self

import ray  # noqa: F401  It brings psutil along.

Sample = dict[str, float]
SAMPLE_SECONDS = 1.0


class SystemMetrics:
    """Samples once a second beside the training; each reading is the mean since the last one.

    Args:
        sample: measures now; whatever it raises leaves that moment out, for it says nothing about the trial. The first
            failure is logged.
    """

    def __init__(self, sample: Callable[[], Sample]) -> None:
        self.sample = sample
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.values: dict[str, list[float]] = defaultdict(list)
        self.thread = threading.Thread(target=self._keep, name="system-metrics", daemon=True)

    @classmethod
    def of_gpu(cls) -> Self | None:
        """Of the GPU that Ray gave this process, and of its machine, started; None where it has none.

        A trial that is a formula never loads torch.
        """
        torch = sys.modules.get("torch")
        if torch is None or not torch.cuda.is_available():
            return None
        made = cls(gpu_and_machine)
        made.thread.start()
        return made

    def read(self) -> Sample:
        """The means since the last reading; an epoch shorter than a second may have none."""
        with self.lock:
            values, self.values = self.values, defaultdict(list)
        return {name: round(fmean(found), 1) for name, found in values.items()}

    def close(self) -> None:
        """Ends the sampling."""
        self.ended.set()
        self.thread.join()

    def _keep(self) -> None:
        failed = False
        while not self.ended.wait(SAMPLE_SECONDS):
            try:
                found = self.sample()
            # A driver that does not answer, or a part of a GPU that counts nothing, must not end a training.
            except Exception:
                if not failed:
                    logging.getLogger(__name__).warning("system metrics have gaps", exc_info=True)
                failed = True
                continue
            with self.lock:
                for name, value in found.items():
                    self.values[name].append(value)


def gpu_and_machine() -> Sample:
    """Percent, megabytes and watts, now. A trial has one GPU, so it is number 0, whichever of the node's it is.

    Utilisation and memory are the whole GPU's: of trials that share one, each shows the same.
    """
    import psutil  # type: ignore[import-untyped]
    import torch

    memory = psutil.virtual_memory()
    found = {
        "system/cpu_utilization_percentage": psutil.cpu_percent(),
        "system/system_memory_usage_megabytes": memory.used / 1e6,
        "system/system_memory_usage_percentage": memory.percent,
    }
    used, total = torch.cuda.device_memory_used(), torch.cuda.get_device_properties().total_memory
    return found | {
        "system/gpu_0_utilization_percentage": torch.cuda.utilization(),
        "system/gpu_0_memory_usage_megabytes": used / 1e6,
        "system/gpu_0_memory_usage_percentage": 100 * used / total,
        "system/gpu_0_power_usage_watts": torch.cuda.power_draw() / 1000,
    }

"""Batches of 8-bit pixels on the device: from its own memory where they fit, else from the memory map, one ahead.

Letters of shapes: N photos, B photos of a batch, H and W side in pixels.
"""

import os
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class PixelSource(Protocol):
    """The photos of a trial, wherever they live; both kinds give the same bits."""

    def batches(self, order_N: Tensor, batch_size: int) -> Iterator[Tensor]:
        """The photos at `order_N` (int64, on the CPU) in batches: B x H x W x 3, uint8, on the device."""


def pixel_source(pixels_NHW3: NDArray[np.uint8], device: torch.device, memory_share: float) -> PixelSource:
    """Photos in the device's memory if they take no more than `memory_share` of it, else streamed to it."""
    if pixels_NHW3.nbytes <= memory_share * device_memory_bytes(device):
        return ResidentPixels(pixels_NHW3, device)
    return StreamedPixels(pixels_NHW3, device)


def device_memory_bytes(device: torch.device) -> int:
    """All memory of the device; the machine's where the device has none of its own."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class ResidentPixels:
    """All photos on the device. On a CPU that is the memory map itself, which all trials of a machine share."""

    def __init__(self, pixels_NHW3: NDArray[np.uint8], device: torch.device) -> None:
        self.device = device
        with warnings.catch_warnings():
            # torch warns of arrays that cannot be written; nothing here writes to them.
            warnings.simplefilter("ignore", UserWarning)
            self.pixels_NHW3 = torch.from_numpy(pixels_NHW3).to(device)

    def batches(self, order_N: Tensor, batch_size: int) -> Iterator[Tensor]:
        for order_B in torch.split(order_N.to(self.device, non_blocking=True), batch_size):
            yield self.pixels_NHW3[order_B]


class StreamedPixels:
    """Photos read from the memory map by a thread, while the device works on the batch before.

    On a GPU each batch is copied from one of two pinned buffers on a stream of its own, so that reading, copying and
    computing overlap.
    """

    def __init__(self, pixels_NHW3: NDArray[np.uint8], device: torch.device) -> None:
        self.pixels_NHW3, self.device = pixels_NHW3, device

    def batches(self, order_N: Tensor, batch_size: int) -> Iterator[Tensor]:
        orders = [order_B.numpy() for order_B in torch.split(order_N, batch_size)]
        reader: _Reader | _PinnedReader = _Reader(self.pixels_NHW3)
        if self.device.type == "cuda":
            reader = _PinnedReader(self.pixels_NHW3, self.device, batch_size)
        with ThreadPoolExecutor(1, thread_name_prefix="photos") as thread:
            ahead: Future[Tensor] | None = None
            for number, order_B in enumerate(orders):
                pixels_BHW3 = ahead.result() if ahead else reader.read(order_B, number)
                reader.hand_over(pixels_BHW3, number)
                if number + 1 < len(orders):
                    ahead = thread.submit(reader.read, orders[number + 1], number + 1)
                yield pixels_BHW3.to(self.device)


class _Reader:
    def __init__(self, pixels_NHW3: NDArray[np.uint8]) -> None:
        self.pixels_NHW3 = pixels_NHW3

    def read(self, order_B: NDArray[np.int64], number: int) -> Tensor:
        return torch.from_numpy(np.take(self.pixels_NHW3, order_B, axis=0))

    def hand_over(self, pixels_BHW3: Tensor, number: int) -> None:
        """Nothing: main memory needs no waiting."""


class _PinnedReader:
    """Two buffers in turn, so that one is filled while the other is copied."""

    def __init__(self, pixels_NHW3: NDArray[np.uint8], device: torch.device, batch_size: int) -> None:
        self.pixels_NHW3, self.device = pixels_NHW3, device
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        shape = (batch_size, *pixels_NHW3.shape[1:])
        self.buffers = [torch.empty(shape, dtype=torch.uint8, pin_memory=True) for _ in range(2)]
        self.copied = [torch.cuda.Event() for _ in range(2)]  # type: ignore[no-untyped-call]

    def read(self, order_B: NDArray[np.int64], number: int) -> Tensor:
        buffer_BHW3, copied = self.buffers[number % 2][: len(order_B)], self.copied[number % 2]
        # The copy out of this buffer two batches ago is waited for here, in the reader's thread.
        copied.synchronize()
        # Without mode="clip" numpy would gather into an array of its own first.
        np.take(self.pixels_NHW3, order_B, axis=0, out=buffer_BHW3.numpy(), mode="clip")
        with torch.cuda.stream(self.stream):
            pixels_BHW3 = buffer_BHW3.to(self.device, non_blocking=True)
            copied.record(self.stream)
        return pixels_BHW3

    def hand_over(self, pixels_BHW3: Tensor, number: int) -> None:
        """The computing stream waits for the copy; the allocator keeps the memory until it has been used."""
        current = torch.cuda.current_stream(self.device)
        current.wait_event(self.copied[number % 2])
        pixels_BHW3.record_stream(current)

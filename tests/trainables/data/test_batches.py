"""batches.py: where the photos live makes no difference to what a trial sees."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainables.data.batches import ResidentPixels, StreamedPixels, device_memory_bytes, pixel_source

CPU = torch.device("cpu")


@pytest.fixture
def mapped(tmp_path: Path) -> NDArray[np.uint8]:
    """Twenty photos of noise as a memory map that cannot be written."""
    photos = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", photos)
    return np.load(tmp_path / "pixels.npy", mmap_mode="r")


@pytest.mark.parametrize("batch_size", [1, 6, 20, 64])
def test_streamed_and_resident_photos_are_the_asked_ones(mapped: NDArray[np.uint8], batch_size: int) -> None:
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))[:17]
    expected = [mapped[order[start : start + batch_size].numpy()] for start in range(0, 17, batch_size)]
    for source in (ResidentPixels(mapped, CPU), StreamedPixels(mapped, CPU)):
        batches = list(source.batches(order, batch_size))
        assert len(batches) == len(expected)
        assert all(np.array_equal(batch.numpy(), one) for batch, one in zip(batches, expected, strict=True))


def test_a_batch_stays_as_it_was_while_the_next_ones_are_read(mapped: NDArray[np.uint8]) -> None:
    kept = list(StreamedPixels(mapped, CPU).batches(torch.arange(20), 4))
    assert np.array_equal(torch.cat(kept).numpy(), mapped)


def test_photos_live_on_the_device_up_to_their_share_of_its_memory(mapped: NDArray[np.uint8]) -> None:
    share = mapped.nbytes / device_memory_bytes(CPU)
    assert isinstance(pixel_source(mapped, CPU, share), ResidentPixels)
    assert isinstance(pixel_source(mapped, CPU, share * 0.99), StreamedPixels)
    assert isinstance(pixel_source(mapped, CPU, 0.0), StreamedPixels)


def test_resident_photos_on_a_cpu_take_no_second_copy(mapped: NDArray[np.uint8]) -> None:
    assert ResidentPixels(mapped, CPU).pixels_NHW3.data_ptr() == mapped.ctypes.data


def test_one_batch_is_read_ahead_and_no_more() -> None:
    read: list[int] = []
    ahead = threading.Event()

    class Watched(np.ndarray):  # type: ignore[type-arg]
        def take(self, indices: NDArray[np.int64], **options: object) -> NDArray[np.uint8]:
            read.append(int(indices[0]))
            if indices[0] == 4:
                ahead.set()
            return np.asarray(self)[indices]

    photos = np.zeros((20, 2, 2, 3), dtype=np.uint8).view(Watched)
    batches = StreamedPixels(photos, CPU).batches(torch.arange(20), 4)
    next(batches)
    # The second batch is on its way while the first is still in use; the third is not asked for yet.
    assert ahead.wait(timeout=60) and read == [0, 4]
    batches.close()
    assert read == [0, 4]


def test_an_error_while_reading_ahead_reaches_the_trial(mapped: NDArray[np.uint8]) -> None:
    batches = StreamedPixels(mapped, CPU).batches(torch.tensor([0, 1, 99]), 2)
    next(batches)
    with pytest.raises(IndexError, match="99"):
        next(batches)

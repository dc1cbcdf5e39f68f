"""What a trial asks of torch.cuda, without a GPU: each function is called, and takes what it is given."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import trainables
from tests.trainables import cuda_stand_in
from tests.trainables.cuda_stand_in import Calls, InMainMemory, names_used
from trainables.config import DataConfig, TrialConfig
from trainables.data.images import Images
from trainables.data.trial_data import trial_data
from trainables.devices import CONTEXT_BYTES, choose_device
from trainables.training import compute_speed, epochs
from trainables.training.epochs import run_epochs

CONFIG = TrialConfig(
    epochs=2, batch_size=8, width=0.125, optimizer="adamw", learning_rate=3e-3, device_memory_share=0.25,
    diagnostics_every=1, checkpoint_seconds=0,
)  # fmt: skip


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Calls]:
    compute_speed.matrix_ceiling.cache_clear()
    monkeypatch.setattr(compute_speed, "CEILING_SIDE", 8)
    monkeypatch.setenv("TINTUNE_CACHE", str(tmp_path / "cache"))
    yield cuda_stand_in.install(monkeypatch, names_used(trainables))
    compute_speed.matrix_ceiling.cache_clear()


@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:0"])
def test_a_whole_trial_calls_torch_cuda_as_it_wants_to_be_called(
    orchard: Images, calls: Calls, tmp_path: Path, device: str
) -> None:
    data = trial_data(orchard, DataConfig(image_size=32), replicate=1, with_test=True)
    config = dataclasses.replace(CONFIG, device=device)
    with InMainMemory():
        resident = list(run_epochs(config, data, tmp_path / "checkpoint.pt"))
        # Photos that fit no share of the memory are streamed.
        streamed = list(run_epochs(dataclasses.replace(config, photos_memory_share=0.0), data))
    assert [record["device"] for record in resident + streamed] == [cuda_stand_in.NAME] * 4
    assert resident[-1]["val/delta_e"] == streamed[-1]["val/delta_e"]
    assert {name for name, _, _ in calls} == names_used(trainables)
    devices = [one for _, args, kwargs in calls for one in (*args, *kwargs.values()) if isinstance(one, torch.device)]
    assert devices and all(one == torch.device("cuda", 0) for one in devices)


def test_the_stand_in_refuses_what_torch_refuses(
    calls: Calls,
) -> None:
    with pytest.raises(ValueError, match="index"):
        torch.cuda.set_per_process_memory_fraction(0.5, torch.device("cuda"))
    with pytest.raises(TypeError, match="float"):
        torch.cuda.set_per_process_memory_fraction(1, choose_device("cuda"))
    with pytest.raises(ValueError, match="1 CUDA devices"):
        choose_device("cuda:1")


def settings_of_torch() -> tuple[object, ...]:
    """What a trial sets for its whole process, by torch's old getters and its new ones."""
    cudnn = torch.backends.cudnn
    tf32 = cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision  # type: ignore[attr-defined]
    return cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32, *tf32


def test_torchs_settings_are_exact_while_a_trial_computes_and_given_back_between_its_epochs(
    orchard: Images, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = trial_data(orchard, DataConfig(image_size=32), replicate=1, with_test=True)
    before, inside = settings_of_torch(), []
    measure = epochs.measure_photos
    monkeypatch.setattr(
        epochs, "measure_photos", lambda *a, **k: (inside.append(settings_of_torch()), measure(*a, **k))[1]
    )
    with InMainMemory():
        for _ in run_epochs(CONFIG, data):
            assert settings_of_torch() == before
    assert settings_of_torch() == before
    enabled, benchmark, deterministic, allow_tf32, *_ = inside[0]
    assert (enabled, benchmark, deterministic, allow_tf32) == (True, False, True, False)
    assert set(inside) == {inside[0]} and len(inside) == 3


def test_a_shared_gpu_leaves_room_for_the_context_of_each_process(orchard: Images, calls: Calls) -> None:
    data = trial_data(orchard, DataConfig(image_size=32), replicate=1, with_test=False)
    with InMainMemory():
        for share in (0.25, 1.0, 0.01):
            next(run_epochs(dataclasses.replace(CONFIG, device_memory_share=share), data))
    fractions = [args[0] for name, args, _ in calls if name == "set_per_process_memory_fraction"]
    quarter = 0.25 - CONTEXT_BYTES / cuda_stand_in.MEMORY_BYTES
    assert fractions == [quarter, 1.0, 0.005]


def test_the_ceiling_of_a_gpu_is_measured_once_whoever_asks(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[torch.dtype] = []
    monkeypatch.setattr(compute_speed, "_measured_ceiling", lambda device, dtype: measured.append(dtype) or 5e14)
    for dtype in (torch.bfloat16, torch.bfloat16, torch.float32):
        assert compute_speed.matrix_ceiling(choose_device("cuda"), dtype) == 5e14
        # As another process of this machine would.
        compute_speed.matrix_ceiling.cache_clear()
    assert measured == [torch.bfloat16, torch.float32]

"""What a trial asks of torch.cuda, without a GPU: each function is called, and takes what it is given."""

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import trainables
from tests.trainables import cuda_stand_in
from tests.trainables.cuda_stand_in import InMainMemory
from trainables.config import DataConfig, TrialConfig
from trainables.data.images import Images
from trainables.data.trial_data import trial_data
from trainables.devices import choose_device
from trainables.training import compute_speed
from trainables.training.epochs import run_epochs

Calls = list[tuple[str, tuple[object, ...], dict[str, object]]]

CONFIG = TrialConfig(
    epochs=2, batch_size=8, width=0.125, optimizer="adamw", learning_rate=3e-3, device_memory_share=0.25,
    diagnostics_every=1, checkpoint_seconds=0,
)  # fmt: skip


def names_used() -> set[str]:
    """Every `torch.cuda.<name>` in the sources of trainables."""
    return {
        node.attr
        for path in Path(trainables.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "torch.cuda"
    }


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    compute_speed.matrix_ceiling.cache_clear()
    monkeypatch.setattr(compute_speed, "CEILING_SIDE", 8)
    # A trial on a GPU sets these for its whole process.
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.conv.fp32_precision  # type: ignore[attr-defined]
    yield cuda_stand_in.install(monkeypatch, names_used())
    cudnn.deterministic, cudnn.conv.fp32_precision = before  # type: ignore[attr-defined]
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
    assert {name for name, _, _ in calls} == names_used()
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

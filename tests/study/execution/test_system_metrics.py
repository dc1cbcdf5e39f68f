"""system_metrics.py, and whatever else a study asks of torch.cuda, on the stand-in for a GPU."""

import threading

import pytest
import torch

import study
from study.doctor import machine
from study.execution import system_metrics
from study.execution.system_metrics import SystemMetrics, gpu_and_machine
from study.results import reproduce
from tests.trainables import cuda_stand_in
from tests.trainables.cuda_stand_in import names_used


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> cuda_stand_in.Calls:
    return cuda_stand_in.install(monkeypatch, names_used(study))


def test_a_study_calls_torch_cuda_as_it_wants_to_be_called(calls: cuda_stand_in.Calls) -> None:
    metrics = SystemMetrics.of_gpu()
    assert metrics is not None
    metrics.close()
    gpu_and_machine()
    device, memory, *_ = machine._devices()
    assert (device.level, memory.level) == ("ok", "ok") and "6 of 8 GiB free" in memory.text
    assert reproduce._num_gpus() == 1
    assert {name for name, *_ in calls} == names_used(study)


@pytest.mark.usefixtures("calls")
def test_a_sample_has_the_names_and_units_of_mlflows_system_metrics() -> None:
    found = gpu_and_machine()
    assert {name: value for name, value in found.items() if "gpu" in name} == {
        "system/gpu_0_utilization_percentage": 90,
        "system/gpu_0_memory_usage_megabytes": cuda_stand_in.MEMORY_USED_BYTES / 1e6,
        "system/gpu_0_memory_usage_percentage": 25,
        "system/gpu_0_power_usage_watts": 250,
    }
    assert (
        0 <= found["system/cpu_utilization_percentage"] <= 100 and found["system/system_memory_usage_megabytes"] > 100
    )


def test_a_reading_is_the_mean_since_the_last_one_and_a_failed_sample_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(system_metrics, "SAMPLE_SECONDS", 0.001)
    values, measured = iter([10.0, None, 20.0]), threading.Event()

    def sample() -> dict[str, float]:
        try:
            value = next(values)
        except StopIteration:
            measured.set()
            raise
        if value is None:
            raise RuntimeError("the driver does not answer")
        return {"system/gpu_0_utilization_percentage": value}

    metrics = SystemMetrics(sample)
    metrics.thread.start()
    assert measured.wait(60)
    assert metrics.read() == {"system/gpu_0_utilization_percentage": 15.0}
    assert metrics.read() == {}
    metrics.close()
    assert not metrics.thread.is_alive()
    (said,) = caplog.records  # the first failure alone, however many follow
    assert said.exc_info is not None and "the driver does not answer" in str(said.exc_info[1])


def test_a_process_that_sees_no_gpu_samples_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert SystemMetrics.of_gpu() is None


@pytest.mark.usefixtures("calls")
def test_where_there_is_a_gpu_it_samples_until_closed() -> None:
    metrics = SystemMetrics.of_gpu()
    assert metrics is not None and metrics.thread.is_alive()
    metrics.close()
    assert not metrics.thread.is_alive()

"""Runs the command that follows beside CUDA's Multi-Process Service, so that trials of one GPU compute side by side.

The service lives as long as the command. Where it is not installed, or does not work, the command runs without it.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

CONTROL = "nvidia-cuda-mps-control"
FOLDERS = {"CUDA_MPS_PIPE_DIRECTORY": "/tmp/nvidia-mps", "CUDA_MPS_LOG_DIRECTORY": "/tmp/nvidia-mps-log"}
"""What all programs that share the service must agree on, and where it is kept unless told."""
CLIENT = """
import ctypes
cuda, device, context = ctypes.CDLL("libcuda.so.1"), ctypes.c_int(), ctypes.c_void_p()
error = cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), 0)
error = error or cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)
raise SystemExit(f"CUDA's error {error}" if error else 0)
"""
"""The least that a program does on a GPU. A service that is up but fails it would fail every trial."""


def answers(question: str) -> bool:
    """Whether a control daemon runs and takes this."""
    try:
        asked = subprocess.run(
            [CONTROL], input=f"{question}\n", capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def start() -> bool:
    """Starts the service; False where there is none to start, or one runs already.

    Raises:
        OSError, subprocess.SubprocessError: it does not start, or no program can use it.
    """
    if shutil.which(CONTROL) is None:
        return False
    for name, default in FOLDERS.items():
        folder = Path(os.environ.setdefault(name, default))
        folder.mkdir(parents=True, exist_ok=True)
    if answers("get_server_list"):
        return False
    # A service that was killed leaves sockets behind.
    for left in Path(os.environ["CUDA_MPS_PIPE_DIRECTORY"]).iterdir():
        if not left.is_dir():
            left.unlink()
    subprocess.run([CONTROL, "-d"], stdin=subprocess.DEVNULL, timeout=60, check=True)
    try:
        subprocess.run([sys.executable, "-c", CLIENT], timeout=120, check=True)
    except (OSError, subprocess.SubprocessError):
        stop()
        raise
    return True


def stop() -> None:
    """Ends the service, whoever still uses it."""
    if not answers("quit -t 5"):
        print(f"warning: {CONTROL} does not end", file=sys.stderr, flush=True)


def main(command: list[str]) -> int:
    """with_mps.py COMMAND...; gives the command's exit code."""
    try:
        is_ours = start()
    except (OSError, subprocess.SubprocessError) as error:
        print(f"warning: no MPS, trials of one GPU take turns: {error}", file=sys.stderr, flush=True)
        is_ours = False
    told: list[int] = []
    running: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _: object) -> None:
        told.append(number)
        for process in running:
            process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
    running.append(subprocess.Popen(command))
    # What came before there was anybody to tell.
    for number in told:
        running[0].send_signal(number)
    code = running[0].wait()
    if is_ours:
        stop()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

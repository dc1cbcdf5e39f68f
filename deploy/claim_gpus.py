"""Gives each Ray worker of a machine GPUs of its own, then becomes the command that follows.

Docker compose shows every container of a scaled service the same GPUs. Here each container locks as many as it may use
in a folder that all of them share; a lock ends with its container, however that ended.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path


def claim(folder: Path, wanted: int, available: int) -> list[int]:
    """Indices of `wanted` GPUs that no other process holds, locked for as long as this process lives.

    Raises:
        ValueError: fewer than that are free.
    """
    folder.mkdir(parents=True, exist_ok=True)
    claimed: list[int] = []
    for index in range(available):
        if len(claimed) == wanted:
            break
        handle = os.open(folder / f"gpu-{index}", os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        # The lock must survive exec.
        os.set_inheritable(handle, True)
        claimed.append(index)
    if len(claimed) < wanted:
        raise ValueError(
            f"A worker asks for {wanted} of {available} GPUs, but only {len(claimed)} are free: lower --scale "
            "ray-worker=N."
        )
    return claimed


def gpu_names() -> list[str]:
    """The GPUs that this container is shown, by names that mean the same to every program.

    MPS counts the GPUs that it was given from 0 again, so that a number would mean another GPU to its programs.
    """
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split()


def main(arguments: list[str]) -> None:
    """claim_gpus.py NUMBER FOLDER COMMAND..."""
    wanted, folder, command = int(arguments[0]), Path(arguments[1]), arguments[2:]
    try:
        names = gpu_names()
        claimed = claim(folder, wanted, len(names))
    except (ValueError, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"error: {error}")
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names[index] for index in claimed)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])

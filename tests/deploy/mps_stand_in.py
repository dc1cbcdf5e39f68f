"""A stand-in for nvidia-cuda-mps-control, as strict as what is written of it, and for a driver that needs its service.

Called as the real one: `-d` starts a daemon that listens in CUDA_MPS_PIPE_DIRECTORY and outlives its caller; without
flags the commands on standard input are carried to it. Whatever else it is told it refuses.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

DRIVER = """
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static int initialised, chosen;
int cuInit(unsigned flags) {
    char path[200];
    strcat(strcpy(path, getenv("CUDA_MPS_PIPE_DIRECTORY")), "/control");
    initialised = flags == 0 && access(path, F_OK) == 0 && getenv("CUDA_VISIBLE_DEVICES");
    return initialised ? 0 : 3;
}
int cuDeviceGet(int *device, int ordinal) { *device = 7; chosen = initialised; return ordinal ? 101 : 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) {
    if (!chosen || device != 7) return 101;
    *context = 0;
    return getenv("BROKEN_SERVICE") ? 805 : 0;
}
"""


def install(folder: Path) -> dict[str, str]:
    """Puts both into `folder`; the variables that a program needs to find them."""
    script = folder / "nvidia-cuda-mps-control"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} "$@"\n')
    script.chmod(0o755)
    (folder / "driver.c").write_text(DRIVER)
    library = str(folder / "libcuda.so.1")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, str(folder / "driver.c")], check=True)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "LD_LIBRARY_PATH": str(folder)}


def _daemon(pipes: Path, log: Path) -> None:
    """Two forks and a session of its own, as daemons do; a socket that is there already is another daemon's."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(pipes / "control"))
    except OSError:
        sys.exit("An instance of this daemon is already running")
    listener.listen()
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    (pipes / "daemon.pid").write_text(str(os.getpid()))
    while True:
        caller, _ = listener.accept()
        asked = caller.recv(1000).decode()
        with log.open("a") as file:
            file.write(asked + "\n")
        is_over = asked.startswith("quit")
        for name in ("control", "daemon.pid") if is_over else ():
            (pipes / name).unlink()
        caller.sendall(b"done")
        caller.close()
        if is_over:
            os._exit(0)


def main(flags: list[str]) -> None:
    pipes, log = (Path(os.environ[f"CUDA_MPS_{name}_DIRECTORY"]) for name in ("PIPE", "LOG"))
    if not (pipes.is_dir() and log.is_dir()) or flags not in (["-d"], []):
        sys.exit(2)
    if flags:
        if os.environ.get("BROKEN_CONTROL"):
            sys.exit("Failed to start")
        _daemon(pipes, log / "control.log")
    for line in sys.stdin.read().splitlines():
        if line != "get_server_list" and not (line.startswith("quit -t ") and line[8:].isdigit()):
            sys.exit(f"Unknown command {line!r}")
        with socket.socket(socket.AF_UNIX) as asking:
            try:
                asking.connect(str(pipes / "control"))
            except OSError:
                sys.exit("Cannot find MPS control daemon process")
            asking.sendall(line.encode())
            asking.recv(1000)


if __name__ == "__main__":
    main(sys.argv[1:])

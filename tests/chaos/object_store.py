"""A real S3-compatible server on loopback, and a door in front of it that can be shut."""

import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from study.storage.path import storage_path

HOST = "127.0.0.1"
BUCKET = "tintune-test"


class Door:
    """Passes bytes on between a port of its own and the server's, while it is open."""

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.port = free_port()
        self.server: socketserver.ThreadingTCPServer | None = None
        self.connections: list[socket.socket] = []

    def open(self) -> None:
        door = self

        class Passage(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection((HOST, door.server_port)) as behind:
                    door.connections += [self.request, behind]
                    back = threading.Thread(target=_pass_on, args=(behind, self.request), daemon=True)
                    back.start()
                    _pass_on(self.request, behind)
                    back.join()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

        self.server = Server((HOST, self.port), Passage)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def shut(self) -> None:
        """Refuses everyone, also those who were inside."""
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def object_store(folder: Path) -> Iterator[Door]:
    """A server with an empty bucket, which everything started meanwhile finds by the variables of AWS."""
    port = free_port()
    with (folder / "store.log").open("wb") as log, pytest.MonkeyPatch.context() as patch:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "--host", HOST, "--port", str(port)], stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + 60
            while True:
                with suppress(OSError):
                    socket.create_connection((HOST, port), timeout=1).close()
                    break
                assert process.poll() is None and time.monotonic() < deadline, (folder / "store.log").read_text()
                time.sleep(0.1)
            door = Door(port)
            door.open()
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            patch.setenv("AWS_ENDPOINT_URL", f"http://{HOST}:{door.port}")
            patch.setenv("AWS_ACCESS_KEY_ID", "someone")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
            patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            bucket = storage_path(f"s3://{BUCKET}")
            assert not isinstance(bucket, Path)
            bucket.fs.mkdir(BUCKET)
            yield door
            door.shut()
        finally:
            process.kill()
            process.wait()

"""The services of docker-compose.yml as plain processes on loopback: same commands, same variables, same order.

What an engine does is done here by hand: host names become loopback addresses, ports free ones, volumes folders of a
temporary one, images the programs installed here; a service that ends before it is healthy is started again, as its
restart policy says. Postgres is started as its image does. Flags are only added where several nodes of Ray share one
machine.
"""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.chaos.processes import family
from tests.deploy.compose import ROOT, load, start_order, words
from tests.study.commands import environment

ADDRESSES = {
    "postgres": "127.0.0.1", "mlflow": "127.0.0.1", "ray-head": "127.0.0.2", "ray-worker-cpu": "127.0.0.3",
    "launcher": "127.0.0.1",
}  # fmt: skip
"""One address a node: Ray takes 127.0.0.1 for the machine's public address."""
PORTS = {"postgres": "5432", "mlflow": "5000", "ray-head": "6379", "dashboard": "8265"}
MARK = "TINTUNE_TEST_SERVICES"
"""A variable that everything started here carries, and nothing else on the machine."""
HEALTHY_SECONDS = 400.0
MAX_STARTS = 5


class Services:
    """Every service of one profile, with secrets of its own."""

    def __init__(self, folder: Path, study: str) -> None:
        self.folder = folder
        secret = {name: secrets.token_hex(16) for name in ("POSTGRES_PASSWORD", "MLFLOW_PASSWORD", "RAY_AUTH_TOKEN")}
        self.variables = {
            **secret, "MLFLOW_SECRET_KEY": secrets.token_hex(16), "MLFLOW_USERNAME": "tintune",
            "COMPOSE_PROFILES": "cpu", "WORKER_CPUS": "1",
        }  # fmt: skip
        self.ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        self.mark = secrets.token_hex(8)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        profile = self.variables["COMPOSE_PROFILES"]
        declared = load({**self.variables, "MLFLOW_PORT": self.ports["mlflow"]})["services"]
        self.declared = {name: one for name, one in declared.items() if profile in one.get("profiles", [profile])}
        for name in ("studies", "cache", "mlflow", "bin", "postgres"):
            (folder / name).mkdir()
        (folder / "study.yaml").write_text(study)
        users = (ROOT / "deploy" / "mlflow-auth.ini").read_text()
        (folder / "mlflow-auth.ini").write_text(users.replace("sqlite:////mlflow/", f"sqlite:///{folder}/mlflow/"))
        for program, module in {
            "python": "",
            "ray": "ray.scripts.scripts",
            "mlflow": "mlflow",
            "tintune": "study",
        }.items():
            script = folder / "bin" / program
            script.write_text(f'#!/bin/sh\nexec {sys.executable} {module and "-m " + module} "$@"\n')
            script.chmod(0o755)

    @property
    def mlflow(self) -> str:
        return f"http://{ADDRESSES['mlflow']}:{self.ports['mlflow']}"

    @property
    def dashboard(self) -> str:
        return f"http://{ADDRESSES['ray-head']}:{self.ports['dashboard']}"

    @property
    def cluster(self) -> str:
        return f"{ADDRESSES['ray-head']}:{self.ports['ray-head']}"

    def here(self, name: str, text: str) -> str:
        """A text of the service as it must be on this machine."""
        for host, port in (
            ("postgres", "postgres"),
            ("mlflow", "mlflow"),
            ("ray-head", "ray-head"),
            ("ray-head", "dashboard"),
        ):
            text = text.replace(f"{host}:{PORTS[port]}", f"{ADDRESSES[host]}:{self.ports[port]}")
        text = text.replace("0.0.0.0", ADDRESSES[name]).replace("127.0.0.1:8265", f"{ADDRESSES[name]}:8265")
        text = text.replace("127.0.0.1:52365", f"{ADDRESSES[name]}:{self._agent_port(name)}")
        for port, free in self.ports.items():
            text = re.sub(rf"(?<=[:=]){PORTS[port]}\b|^{PORTS[port]}$", free, text)
        text = text.replace("/app/deploy/mlflow-auth.ini", f"{self.folder}/mlflow-auth.ini")
        text = text.replace("/app/deploy", str(ROOT / "deploy"))
        return re.sub(r"(?<![\w./-])/(mlflow|studies|cache|study\.yaml)\b", rf"{self.folder}/\1", text)

    def environment(self, name: str) -> dict[str, str]:
        """What the service's container would hold."""
        declared = {key: self.here(name, value) for key, value in self.declared[name].get("environment", {}).items()}
        path = os.pathsep.join([str(self.folder / "bin"), str(_postgres()), os.environ["PATH"]])
        mine = {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(self.folder), MARK: self.mark}
        return {**environment(self.folder), **mine, **declared}

    def command(self, name: str) -> list[str]:
        """What the service runs."""
        if name == "postgres":
            flags = ["-h", ADDRESSES[name], "-p", self.ports[name], "-k", str(self.folder / name)]
            return [str(_postgres() / "postgres"), "-D", str(self.folder / name / "data"), *flags]
        command = [self.here(name, word) for word in words(self.declared[name]["command"])]
        if command[:2] == ["ray", "start"]:
            command += self._on_one_machine(name)
        return command

    def _agent_port(self, name: str) -> str:
        return str(int(self.ports["dashboard"]) + 100 + list(ADDRESSES).index(name))

    def _on_one_machine(self, name: str) -> list[str]:
        """Two nodes need two addresses, two folders, and ports that no other Ray of this machine has."""
        flags = [f"--node-ip-address={ADDRESSES[name]}", f"--dashboard-agent-listen-port={self._agent_port(name)}"]
        flags += [f"--temp-dir={self.folder}/{name}", "--min-worker-port=0", "--max-worker-port=0"]
        (self.folder / name).mkdir(exist_ok=True)
        return [*flags, f"--ray-client-server-port={_free_ports(1)[0]}"] if name == "ray-head" else flags

    def start(self) -> None:
        """Starts everything but the launcher, in order, each as soon as those it waits for are healthy."""
        for name in start_order(self.declared):
            if name == "launcher":
                continue
            if name == "postgres":
                self._make_database()
            for _ in range(MAX_STARTS):
                self._start(name)
                if self._becomes_healthy(name):
                    break
            else:
                raise AssertionError(f"{name} does not become healthy: {self.said(name)}")
            if name == "postgres":
                self._run_as_postgres(["createdb", "--username=mlflow", *self._database(), "mlflow"])

    def _start(self, name: str) -> None:
        assert name == "postgres" or self.declared[name]["restart"] == "unless-stopped"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self.command(name), cwd=self.folder if name == "postgres" else ROOT, env=self.environment(name),
                stdout=log, stderr=log, start_new_session=True, user=_user() if name == "postgres" else None,
            )  # fmt: skip

    def _becomes_healthy(self, name: str) -> bool:
        """Waits for the service's own health check; False where the process ended before."""
        test = [self.here(name, word) for word in self.declared[name]["healthcheck"]["test"]]
        assert test.pop(0) == "CMD"
        test += ["--port=" + self.ports[name]] if name == "postgres" else []
        deadline = time.monotonic() + HEALTHY_SECONDS
        while time.monotonic() < deadline:
            done = subprocess.run(test, env=self.environment(name), capture_output=True, check=False)
            if done.returncode == 0:
                return True
            if self.processes[name].poll() is not None:
                return False
            time.sleep(1)
        raise AssertionError(f"{name}: {done.stderr.decode()}; {self.said(name)}")

    def launch(self, **changes: str) -> subprocess.CompletedProcess[str]:
        """Runs the launcher to its end, with other variables if given."""
        return subprocess.run(
            self.command("launcher"), cwd=ROOT, env={**self.environment("launcher"), **changes},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def said(self, name: str) -> str:
        """The end of what a service printed."""
        log = self.folder / f"{name}.log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""

    def pids(self) -> list[int]:
        """Everything that runs here and was started here, whoever its parent is by now."""
        found: list[int] = []
        sign = f"{MARK}={self.mark}".encode()
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if sign in path.read_bytes():
                    found.append(int(path.parent.name))
        # Ray's agents and workers write their names over their variables.
        return sorted({one for pid in found for one in family(pid)})

    def stop(self) -> None:
        """Ends all of it. What is ours is known by its mark: other sessions of Ray on this machine go on."""
        for _ in range(5):
            for pid in self.pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.5)
        for process in self.processes.values():
            process.wait(timeout=30)

    def _make_database(self) -> None:
        folder, password = self.folder / "postgres", self.folder / "postgres" / "password"
        password.write_text(self.variables["POSTGRES_PASSWORD"])
        if user := _user():
            for path in (folder, password):
                shutil.chown(path, user)
        declared = self.declared["postgres"]["environment"]
        flags = [
            f"--username={declared['POSTGRES_USER']}",
            f"--pwfile={password}",
            *words(declared["POSTGRES_INITDB_ARGS"]),
        ]
        self._run_as_postgres(["initdb", "-D", str(folder / "data"), *flags])

    def _database(self) -> list[str]:
        return [f"--host={ADDRESSES['postgres']}", f"--port={self.ports['postgres']}"]

    def _run_as_postgres(self, command: list[str]) -> None:
        variables = {**self.environment("postgres"), "PGPASSWORD": self.variables["POSTGRES_PASSWORD"]}
        done = subprocess.run(
            [str(_postgres() / command[0]), *command[1:]],
            cwd="/",
            env=variables,
            user=_user(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


@contextmanager
def running(study: str) -> Iterator[Services]:
    """The services, healthy, in a folder that is gone afterwards."""
    # Sockets live in it, and a socket's path may have 107 letters.
    folder = Path(tempfile.mkdtemp(prefix="hu-"))
    folder.chmod(0o755)
    services = Services(folder, study)
    try:
        services.start()
        yield services
    finally:
        services.stop()
        assert services.pids() == []
        shutil.rmtree(folder, ignore_errors=True)


def answer(address: str, headers: dict[str, str] | None = None, body: Any = None) -> tuple[int, bytes]:
    """Status and content that a server gives; 0 where it does not speak HTTP or closes."""
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    try:
        data = None if body is None else json.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        connection.request("GET" if body is None else "POST", parts.path, data, {**kind, **(headers or {})})
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (http.client.HTTPException, OSError):
        return 0, b""
    finally:
        connection.close()


def listening(pids: list[int]) -> list[tuple[str, int]]:
    """Addresses and ports that these processes accept connections on; every interface is 0.0.0.0 or ::."""
    sockets: dict[str, tuple[str, int]] = {}
    for table, version in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            host, port = fields[1].split(":")
            if fields[3] == "0A":
                # The kernel prints each 32-bit word as this machine orders its bytes.
                packed = b"".join(bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8))
                sockets[fields[9]] = (socket.inet_ntop(version, packed), int(port, 16))
    found = set()
    for pid in pids:
        with suppress(OSError):
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    inode = re.match(r"socket:\[(\d+)\]", os.readlink(handle))
                    if inode and inode[1] in sockets:
                        found.add(sockets[inode[1]])
    return sorted(found)


def _free_ports(number: int) -> list[str]:
    """Ports that nothing of this machine listens on; below those that systems give out by themselves."""
    found: list[str] = []
    while len(found) < number:
        port = 21000 + secrets.randbelow(9000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("0.0.0.0", port))
            found.append(str(port))
    return found


def _postgres() -> Path:
    programs = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    assert programs, "install postgresql; make test-all needs it"
    return programs


def _user() -> str | None:
    """Postgres refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else None

"""The cluster of docker-compose.yml at work, as plain processes: a study runs through it, and strangers are refused."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from study.ledger.ledger import Ledger
from tests.deploy.services import ADDRESSES, Services, answer, listening, running
from tests.study.analytic import TEXT
from tests.study.mlflow_servers import assert_level

pytestmark = pytest.mark.full

PASSWORDS = ("", "wrong", "password", "password1234", "admin", "mlflow", "postgres", "tintune")


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    # MLflow hashes the password at each of the many questions about a trial.
    text = TEXT.replace("trials_per_arm: 4", "trials_per_arm: 1").replace("replicates: 3", "replicates: 2")
    with running(text) as started:
        yield started


def _basic(user: str, password: str) -> dict[str, str]:
    import base64

    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _jobs(services: Services) -> list[dict[str, str]]:
    status, content = answer(f"{services.dashboard}/api/jobs/", _bearer(services.variables["RAY_AUTH_TOKEN"]))
    assert status == 200, content
    found: list[dict[str, str]] = json.loads(content)
    return found


def test_the_launcher_hands_the_study_over_and_it_reaches_its_report(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = services.launch()
    assert launched.returncode == 0, launched.stderr
    folder = services.folder / "studies" / "analytic"
    assert f"tintune status {folder}" in launched.stdout
    assert "this terminal may close" in launched.stdout
    deadline = time.monotonic() + 900
    while (job := _jobs(services)[0])["status"] in ("PENDING", "RUNNING"):
        assert time.monotonic() < deadline, job
        time.sleep(1)
    _, log = answer(
        f"{services.dashboard}/api/jobs/{job['submission_id']}/logs", _bearer(services.variables["RAY_AUTH_TOKEN"])
    )
    assert job["status"] == "SUCCEEDED", log.decode()[-3000:]
    assert job["submission_id"] in launched.stdout
    assert f"ray job stop {job['submission_id']} --address {services.dashboard}" in launched.stdout
    # No secret stands where everyone who uses the cluster can read it.
    assert not any(services.variables[one] in json.dumps(job) for one in ("MLFLOW_PASSWORD", "RAY_AUTH_TOKEN"))
    ledger = Ledger(folder)
    assert {entry.state for entry in ledger.entries()} == {"done"}
    assert (folder / "report" / "report.html").exists()
    assert "1 node with the driver's packages and storage" in log.decode()
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", services.variables["MLFLOW_USERNAME"])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", services.variables["MLFLOW_PASSWORD"])
    assert_level(ledger, services.mlflow)
    # Artifacts went through the server into its own volume.
    assert list((services.folder / "mlflow" / "artifacts").rglob("report.html"))


def test_a_launch_with_a_wrong_token_is_refused_in_a_sentence(services: Services) -> None:
    before = len(_jobs(services))
    for token in ("f" * 32, ""):
        refused = services.launch(RAY_AUTH_TOKEN=token)
        assert refused.returncode == 2, refused.stdout
        assert "RAY_AUTH_TOKEN" in refused.stderr and "Traceback" not in refused.stderr
    assert len(_jobs(services)) == before


def test_postgres_refuses_every_password_but_its_own(services: Services) -> None:
    place = {"port": services.ports["postgres"], "dbname": "mlflow", "user": "mlflow"}
    for host in (ADDRESSES["postgres"], str(services.folder / "postgres")):
        for password in PASSWORDS:
            with pytest.raises(psycopg2.OperationalError, match="password"):
                psycopg2.connect(host=host, password=password, **place)
        psycopg2.connect(host=host, password=services.variables["POSTGRES_PASSWORD"], **place).close()


MLFLOW_PAGES = (
    "/", "/version", "/metrics", "/docs", "/openapi.json", "/redoc", "/signup", "/graphql",
    "/get-artifact", "/model-versions/get-artifact", "/api/2.0/mlflow/experiments/search",
    "/ajax-api/2.0/mlflow/experiments/search", "/api/2.0/mlflow/users/list", "/api/2.0/mlflow/users/current",
    "/api/2.0/mlflow-artifacts/artifacts", "/api/2.0/mlflow/registered-models/search",
    "/api/3.0/mlflow/traces/search", "/v1/traces", "/gateway/supported-providers", "/ajax-api/3.0/jobs/search",
)  # fmt: skip


def test_mlflow_answers_nobody_without_its_password(services: Services) -> None:
    pages = [services.mlflow + page for page in MLFLOW_PAGES]
    users = [{}, *(_basic(user, one) for user in ("admin", "tintune") for one in PASSWORDS)]
    for page in pages:
        for body in (None, {"max_results": 1}):
            status, content = answer(page, {}, body)
            assert status in (401, 403, 404, 405), (page, status, content[:200])
    # Open by MLflow's design: what kind of server this is, and nothing of what it holds.
    status, content = answer(f"{services.mlflow}/api/3.0/mlflow/server-info")
    kept = [*services.variables.values(), "postgresql", "analytic", str(services.folder)]
    assert status in (200, 401) and not any(one in content.decode() for one in kept if len(one) > 6)
    search = f"{services.mlflow}/api/2.0/mlflow/experiments/search"
    assert {answer(search, user, {"max_results": 1})[0] for user in users} == {401}
    right = _basic(services.variables["MLFLOW_USERNAME"], services.variables["MLFLOW_PASSWORD"])
    status, content = answer(search, right, {"max_results": 10})
    assert status == 200 and b"analytic" in content
    # The right password through another name than the server's own is a browser led astray.
    assert answer(search, {**right, "Host": "evil.example"}, {"max_results": 1})[0] == 403


def test_rays_job_api_runs_nothing_for_strangers(services: Services) -> None:
    job = {"entrypoint": f"touch {services.folder}/stranger"}
    for path in ("/api/jobs/", "/api/version", "/nodes", "/logs", "/api/cluster_status", "/api/v0/nodes", "/metrics"):
        assert answer(services.dashboard + path)[0] == 401, path
        assert answer(services.dashboard + path, _bearer("f" * 32))[0] == 403, path
    assert answer(f"{services.dashboard}/api/jobs/", {}, job)[0] == 401
    assert answer(f"{services.dashboard}/api/jobs/", _bearer("f" * 32), job)[0] == 403
    assert not (services.folder / "stranger").exists()


DRIVER = """
import ray, sys
try:
    ray.init(address=sys.argv[1], logging_level="ERROR")
except Exception as error:
    sys.exit(f"refused: {error}")
print(ray.cluster_resources())
"""


def test_a_driver_without_the_token_is_refused(services: Services) -> None:
    def drive(**variables: str) -> subprocess.CompletedProcess[str]:
        known = {
            key: value for key, value in services.environment("launcher").items() if not key.startswith("RAY_AUTH")
        }
        return subprocess.run(
            [sys.executable, "-c", DRIVER, services.cluster], env={**known, **variables},
            capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip

    right = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": services.variables["RAY_AUTH_TOKEN"]}
    assert "'CPU': 1.0" in drive(**right).stdout
    for wrong in ({"RAY_AUTH_MODE": "disabled"}, {**right, "RAY_AUTH_TOKEN": "f" * 32}):
        refused = drive(**wrong)
        assert refused.returncode == 1 and "CPU" not in refused.stdout, refused.stderr


RPCS = (
    "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo", "/ray.rpc.JobInfoGcsService/GetAllJobInfo",
    "/ray.rpc.ActorInfoGcsService/GetAllActorInfo", "/ray.rpc.InternalKVGcsService/InternalKVKeys",
    "/ray.rpc.NodeManagerService/GetNodeStats", "/ray.rpc.NodeManagerService/GetSystemConfig",
    "/ray.rpc.RayletDriver/ClusterInfo", "/ray.rpc.RayletDriver/Init", "/ray.rpc.CoreWorkerService/GetCoreWorkerStats",
)  # fmt: skip


def _rpc(address: str, method: str, token: str = "") -> str:
    """The end of a remote call with an empty message: OK, UNAUTHENTICATED, ..."""
    import grpc

    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
        try:
            call(b"", timeout=5, metadata=[("authorization", f"Bearer {token}")] if token else [])
        except grpc.RpcError as error:
            return str(error.code().name)  # type: ignore[attr-defined]
    return "OK"


def test_no_port_of_any_process_gives_a_stranger_content(services: Services) -> None:
    ports = listening(services.pids())
    known = {(host, int(services.ports[name])) for name, host in ADDRESSES.items() if name in services.ports}
    assert known - {(ADDRESSES["ray-head"], int(services.ports["ray-head"]))} <= set(ports)
    open_pages, codes = {}, set()
    for host, port in ports:
        address = f"{'127.0.0.1' if host in ('0.0.0.0', '::') else host.removeprefix('::ffff:')}:{port}"
        for page in (
            "/",
            "/metrics",
            "/health",
            "/version",
            "/api/jobs/",
            "/api/version",
            "/logs",
            "/docs",
            "/-/healthz",
        ):
            status, content = answer(f"http://{address}{page}")
            if status == 200:
                open_pages[address, page] = content
            # Only Ray's own remote calls, which ask for the token, leave loopback.
            assert status == 0 or host not in ("0.0.0.0", "::"), (host, port, page)
        codes |= {_rpc(address, method) for method in RPCS}
    # What is open: that they live, and the page that asks for the token.
    dashboard, mlflow = services.dashboard.removeprefix("http://"), services.mlflow.removeprefix("http://")
    assert set(open_pages) <= {(dashboard, "/"), (dashboard, "/-/healthz"), (mlflow, "/health")}
    assert open_pages[mlflow, "/health"] == b"OK"
    assert b"analytic" not in b"".join(open_pages.values())
    assert "UNAUTHENTICATED" in codes and "OK" not in codes
    # The calls are right ones: with the token the first of them is answered.
    assert _rpc(services.cluster, RPCS[0]) == _rpc(services.cluster, RPCS[0], "f" * 32) == "UNAUTHENTICATED"
    assert _rpc(services.cluster, RPCS[0], services.variables["RAY_AUTH_TOKEN"]) == "OK"


def test_nothing_that_runs_shows_a_secret_to_those_who_list_processes(services: Services) -> None:
    for pid in services.pids():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        except OSError:
            continue
        names = ("POSTGRES_PASSWORD", "MLFLOW_PASSWORD", "MLFLOW_SECRET_KEY", "RAY_AUTH_TOKEN")
        assert not any(services.variables[name] in command for name in names), command[:100]
    assert os.getpid() not in services.pids()

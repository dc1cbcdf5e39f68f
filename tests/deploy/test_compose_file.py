"""docker-compose.yml follows the Compose specification, and closes what can be closed.

No Docker engine runs here. What the file says is checked by the specification's own schema; that its commands work, by
test_services.py, which runs them as plain processes.
"""

import json
import re
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from tests.deploy.compose import EXAMPLE, FILE, ROOT, VARIABLE, example, load, raw, start_order, words

SECRETS = ("POSTGRES_PASSWORD", "MLFLOW_PASSWORD", "MLFLOW_SECRET_KEY", "RAY_AUTH_TOKEN")
FILLED = {**example(), **dict.fromkeys(SECRETS, "a-secret")}


def test_the_file_follows_the_compose_specification() -> None:
    schema = json.loads(files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    problems = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(load(FILLED))]
    assert problems == []
    # The schema is one that refuses: a service's unknown key is found.
    broken = load(FILLED)
    broken["services"]["mlflow"]["comand"] = "x"
    assert list(validator.iter_errors(broken))


@pytest.mark.parametrize("secret", [*SECRETS, "COMPOSE_PROFILES"])
def test_an_empty_secret_refuses_to_start(secret: str) -> None:
    with pytest.raises(ValueError, match=f"set {secret} in .env"):
        load({**FILLED, secret: ""})


def test_the_example_explains_every_variable_and_holds_no_secret() -> None:
    used = {match["name"] for match in VARIABLE.finditer(FILE.read_text())}
    assert used - set(example()) == {"IMAGE_TAG"}
    assert set(example()) - used == set()
    assert all(example()[secret] == "" for secret in SECRETS)
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert ".env" in ignored and EXAMPLE.name not in ignored


def test_no_secret_stands_in_the_repositorys_file_or_in_a_command() -> None:
    for name, service in raw()["services"].items():
        command = " ".join(words(service.get("command", "")))
        assert not any(secret in command for secret in SECRETS), name  # `ps` shows a command to everyone
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN$|SECRET|STORE_URI", key):
                assert re.search(r"\$\{\w+:\?", value), (name, key)


def test_nothing_is_published_beyond_loopback() -> None:
    published = {name: service["ports"] for name, service in load(FILLED)["services"].items() if "ports" in service}
    assert published == {"mlflow": ["127.0.0.1:5000:5000"], "ray-head": ["127.0.0.1:8265:8265"]}
    assert not any(service.get("network_mode") for service in load(FILLED)["services"].values())


def test_only_mlflow_reaches_the_database() -> None:
    services, networks = load(FILLED)["services"], load(FILLED)["networks"]
    assert [name for name, service in services.items() if "database" in service["networks"]] == ["postgres", "mlflow"]
    assert networks["database"]["internal"]


@pytest.mark.parametrize("name", list(raw()["services"]))
def test_every_service_runs_with_as_little_as_it_can(name: str) -> None:
    service: dict[str, Any] = load(FILLED)["services"][name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    # Our own image names its user; the database's must be told.
    assert service.get("user") == "postgres" if name == "postgres" else service["build"] == "."
    assert (ROOT / "Dockerfile").read_text().index("USER tintune") > (ROOT / "Dockerfile").read_text().index("RUN ")


def test_images_are_pinned() -> None:
    base = re.search(r"^ARG BASE=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    images = {service["image"] for service in load(FILLED)["services"].values()}
    for image in {base[1], *images}:
        assert re.search(r":\d+\.\d+[\w.-]*$", image), f"{image} may be another one tomorrow"


def test_the_image_installs_what_we_depend_on_before_it_copies_our_sources() -> None:
    """So that a changed source is a new layer of some megabytes, not of PyTorch's seven gigabytes."""
    text = (ROOT / "Dockerfile").read_text()
    dependencies = text.index("pip install --no-cache-dir --constraint constraints.txt '.[cluster]'")
    ours = text.index("pip install --no-cache-dir --no-deps .")
    for room in ("trainables", "study", "analysis"):
        assert dependencies < text.index(f"COPY {room} {room}") < ours
    for name in re.findall(r"^COPY (.+) \S+$", text[:dependencies], re.MULTILINE):
        assert set(name.split()) <= {"pyproject.toml", "constraints.txt"}


def test_services_start_after_those_they_need_are_healthy() -> None:
    services = load(FILLED)["services"]
    order = start_order(services)
    assert order.index("postgres") < order.index("mlflow") < order.index("ray-head") < order.index("ray-worker")
    assert order[-1] == "launcher"
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_healthy" and "healthcheck" in services[needed]


def test_one_profile_has_gpus_and_the_other_has_none() -> None:
    services = load(FILLED)["services"]
    (device,) = services["ray-worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"] and services["ray-worker"]["profiles"] == ["gpu"]
    assert "deploy" not in services["ray-worker-cpu"] and services["ray-worker-cpu"]["profiles"] == ["cpu"]
    gpu, cpu = (words(services[name]["command"]) for name in ("ray-worker", "ray-worker-cpu"))
    # Apart from who gives out the GPUs, the two are one service.
    assert [word.replace("gpus=1", "gpus=0") for word in gpu[gpu.index("ray") :]] == cpu


def test_the_trials_of_a_worker_share_an_mps_that_no_other_container_reaches() -> None:
    services = load(FILLED)["services"]
    worker = services["ray-worker"]
    assert {"type": "volume", "target": "/tmp"} in worker["volumes"]  # one without a name is the container's own
    for name in ("CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"):
        assert worker["environment"][name].startswith("/tmp/")
        assert [service for service, one in services.items() if name in one["environment"]] == ["ray-worker"]
    assert services["ray-worker-cpu"]["environment"].items() <= worker["environment"].items()


def test_the_image_takes_only_what_it_needs() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert "*" in ignored and "!.env" not in ignored
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists() and f"!{name}" in ignored

"""Reads docker-compose.yml as docker compose does: anchors resolved, variables put in, a missing one refused."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / ".env.example"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<rule>[-?])(?P<text>[^}]*))?\}")


def raw() -> dict[str, Any]:
    """The file with its anchors resolved and its variables left as they are."""
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def example() -> dict[str, str]:
    """What .env.example sets; a secret is empty there."""
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def load(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with its variables put in.

    Raises:
        ValueError: a variable is empty that must not be, with the file's own words.
    """
    filled: dict[str, Any] = _fill(raw(), variables)
    return filled


def _fill(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [_fill(one, variables) for one in value]
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        found = variables.get(match["name"], "")
        if not found and match["rule"] == "?":
            raise ValueError(match["text"])
        return found or (match["text"] if match["rule"] == "-" else "")

    return VARIABLE.sub(put, value)


def words(command: str | list[str]) -> list[str]:
    """A command as a list, however the file writes it."""
    return shlex.split(command) if isinstance(command, str) else command


def start_order(services: Mapping[str, Any]) -> list[str]:
    """Names of services, each after those it waits for."""
    ordered: list[str] = []
    while len(ordered) < len(services):
        ready = [
            name
            for name, service in services.items()
            if name not in ordered and all(one in ordered for one in service.get("depends_on", {}) if one in services)
        ]
        assert ready, "services wait for each other in a circle"
        ordered += ready
    return ordered

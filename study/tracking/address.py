"""Where MLflow is, and how long its client waits for it; without loading MLflow, which takes seconds."""

import os
from pathlib import Path

from study.storage.path import StoragePath, workplace

PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""For MLflow's client, where the person set nothing else: a dead server costs seconds, not four minutes a call."""


def be_patient() -> None:
    """Sets PATIENCE for this process, unless the person chose otherwise."""
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)


def tracking_uri_of(chosen: str | None, storage: StoragePath) -> str:
    """Where MLflow keeps the study: the flag, else MLFLOW_TRACKING_URI, else SQLite in the storage folder; an object
    store holds no database, and it lies on this machine."""
    return chosen or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{workplace(storage.absolute()) / 'mlflow.db'}"


def sqlite_file(uri: str) -> Path | None:
    """The file behind a SQLite address; None for every other address."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def without_password(uri: str) -> str:
    """The address as it may be shown."""
    scheme, separator, rest = uri.partition("://")
    return scheme + separator + rest.rpartition("@")[2]


def artifact_location(tracking_uri: str, storage: StoragePath) -> str | None:
    """Where artifacts of a new experiment go: a server decides by itself, a database gets a folder beside it."""
    if tracking_uri.startswith("sqlite:///"):
        return (Path(tracking_uri.removeprefix("sqlite:///")).parent.absolute() / "mlartifacts").as_uri()
    is_database = tracking_uri.partition("://")[0].partition("+")[0] in ("postgresql", "mysql", "mssql")
    return (storage / "mlartifacts").as_uri() if is_database else None

"""What holds for all tests."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.study.mlflow_servers import MlflowServer

# Whoever starts the tests in the background may have told them to ignore Ctrl-C, and every process they start inherits
# that; some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Before pytest-xdist reads the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a file run in one process, where they share fixtures; the long studies of the catalogue do not."""
    for item in items:
        if item.path.name != "test_catalog.py":
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture
def server(tmp_path: Path) -> "Iterator[MlflowServer]":
    """A real MLflow server of the test's own."""
    # MLflow takes seconds to load, and most tests do without.
    from tests.study.mlflow_servers import MlflowServer

    made = MlflowServer(tmp_path / "server")
    made.start()
    yield made
    made.kill()

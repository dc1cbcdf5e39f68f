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


@pytest.fixture
def server(tmp_path: Path) -> "Iterator[MlflowServer]":
    """A real MLflow server of the test's own."""
    # MLflow takes seconds to load, and most tests do without.
    from tests.study.mlflow_servers import MlflowServer

    made = MlflowServer(tmp_path / "server")
    made.start()
    yield made
    made.kill()

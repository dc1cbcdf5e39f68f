"""Files that are replaced whole: whoever reads sees the old text or the new one, never half of either."""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.storage.path import StoragePath, read_bytes
from trainables.files import replaced

if TYPE_CHECKING:
    import pyarrow as pa


def write_bytes(path: StoragePath, content: bytes) -> None:
    """Replaces the file at `path` at once, through a temporary file beside it; an object by one request.

    Raises:
        OSError: the storage is full, gone or forbidden; what was there before stays.
    """
    if not isinstance(path, Path):
        path.fs.pipe_file(path.path, content)
        return
    with replaced(path) as file:
        file.write(content)


def read_json(path: StoragePath) -> Any:
    """The document in the file.

    Raises:
        FileNotFoundError: there is no such file.
        json.JSONDecodeError: it holds something else.
    """
    return json.loads(read_bytes(path))


def read_table(path: StoragePath) -> "pa.Table":
    """A table from a Parquet file."""
    import pyarrow.parquet as pq

    return pq.read_table(path if isinstance(path, Path) else io.BytesIO(read_bytes(path)))


def table_bytes(columns: Any) -> bytes:
    """A Parquet file of a table, or of columns by name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), buffer)
    return buffer.getvalue()


def write_json(path: StoragePath, document: Any) -> None:
    """Replaces the file at `path` by the document; numbers that JSON cannot say are refused."""
    write_bytes(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())

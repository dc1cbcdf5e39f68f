"""What MLflow loads to serve a network: base64 pictures in, base64 PNG with class and probability out.

MLflow copies this file and `trainables/` beside the weights, so it imports nothing else of `study`. A picture is
coloured at a time: requests wait in MLflow's own queue, which refuses those that wait for longer than a minute.
"""

import base64
import binascii
import threading
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from trainables.datasets.photo import UnreadablePhotoError
from trainables.inference.colorizer import Colorizer, colorize_file, to_png
from trainables.inference.portable import load_portable

IMAGE, CLASS, PROBABILITY = "image", "class", "probability"
MAX_BASE64 = 40_000_000
"""Characters of one picture: 30 MB of file."""


class ServedModel:
    """Answers MLflow's requests with one network."""

    def __init__(self, colorizer: Colorizer) -> None:
        self.colorizer = colorizer
        # MLflow calls from several threads, and torch uses all cores for one picture already.
        self.lock = threading.Lock()

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """One row per picture.

        Args:
            data: a table with a column `image` of base64 text.

        Raises:
            MlflowException: a picture cannot be read; MLflow answers 400 with the reason.
        """
        return [self._answer(number, text) for number, text in enumerate(data[IMAGE])]

    def _answer(self, number: int, text: str) -> dict[str, Any]:
        if len(text) > MAX_BASE64:
            raise _refusal(number, f"{len(text):,} characters of base64, but at most {MAX_BASE64:,} are read")
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise _refusal(number, "not base64") from error
        try:
            with self.lock:
                colored = colorize_file(self.colorizer, content)
        except UnreadablePhotoError as error:
            raise _refusal(number, str(error)) from error
        return {
            IMAGE: base64.b64encode(to_png(colored.pixels_HW3)).decode(),
            CLASS: colored.class_name,
            PROBABILITY: colored.probability,
        }


def _refusal(number: int, reason: str) -> MlflowException:
    return MlflowException(f"Picture {number} cannot be coloured: {reason}.", error_code=INVALID_PARAMETER_VALUE)


def _load_pyfunc(data_path: str) -> ServedModel:
    """MLflow's entry point. Weights load as tensors; nothing is unpickled."""
    return ServedModel(load_portable(Path(data_path)))

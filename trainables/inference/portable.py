"""A trained network in a folder of its own: weights, settings and class names, and nothing that can be executed."""

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from trainables.config import TrialConfig
from trainables.inference.colorizer import Colorizer
from trainables.network.joint_network import JointNetwork
from trainables.training.checkpoint import FORMAT as CHECKPOINT_FORMAT

FORMAT = 1
"""Of the folder; raised when its meaning changes."""
WEIGHTS, DESCRIPTION = "weights.pt", "colorizer.json"


def load_trial(
    trial: Mapping[str, Any], checkpoint: Path, class_names: tuple[str, ...], *, device: torch.device | None = None
) -> Colorizer:
    """The network of a trial, with the weights of its last checkpoint.

    Args:
        trial: the document of its trial.json; `config` and `data` are read.
        checkpoint: loaded as tensors and values, never as code; of the file only the network's part is read.
        class_names: of the photos it was trained on.

    Raises:
        ValueError: no file there, not a checkpoint, or one of another network.
    """
    saved = _load(checkpoint)
    if saved.get("format") != CHECKPOINT_FORMAT or "network" not in saved:
        raise ValueError(f"{checkpoint} is not a checkpoint of format {CHECKPOINT_FORMAT}.")
    config = TrialConfig.from_dict(trial["config"])
    return _build(config, saved["network"], class_names, int(trial["data"]["image_size"]), checkpoint, device)


def write_portable(
    folder: Path, trial: Mapping[str, Any], checkpoint: Path, class_names: tuple[str, ...], origin: Mapping[str, str]
) -> None:
    """Writes a folder that `load_portable` reads; `origin` says where the network comes from."""
    load_trial(trial, checkpoint, class_names)
    # Cloned: tensors mapped from the checkpoint would bring the optimizer's along.
    weights = {name: tensor.clone() for name, tensor in _load(checkpoint)["network"].items()}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(weights, folder / WEIGHTS)
    document = {
        "format": FORMAT,
        "config": dict(trial["config"]),
        "image_size": int(trial["data"]["image_size"]),
        "class_names": list(class_names),
        "origin": dict(origin),
    }
    (folder / DESCRIPTION).write_text(json.dumps(document, indent=1) + "\n")


def load_portable(folder: Path, *, device: torch.device | None = None) -> Colorizer:
    """The network in a folder.

    Raises:
        ValueError: the folder holds none, or one of another format.
    """
    try:
        document = json.loads((folder / DESCRIPTION).read_text())
        found = document["format"]
        config, class_names = TrialConfig.from_dict(document["config"]), tuple(map(str, document["class_names"]))
        image_size = int(document["image_size"])
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{folder} holds no model ({type(error).__name__}: {error}).") from error
    if found != FORMAT:
        raise ValueError(f"{folder} holds a model of format {found!r}; this version reads {FORMAT}.")
    return _build(config, _load(folder / WEIGHTS), class_names, image_size, folder / WEIGHTS, device)


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"There are no weights at {path}.")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, OSError, EOFError, KeyError, pickle.UnpicklingError) as error:
        # torch's own message advises to load the file with code and all.
        raise ValueError(f"{path} does not hold weights alone, or is damaged; it is not loaded.") from error
    if not isinstance(loaded, dict):
        raise ValueError(f"{path} holds no weights by name.")
    return loaded


def _build(
    config: TrialConfig,
    weights: Mapping[str, Any],
    class_names: tuple[str, ...],
    image_size: int,
    path: Path,
    device: torch.device | None,
) -> Colorizer:
    with torch.device("meta"):
        network = JointNetwork(config, num_classes=len(class_names), image_size=image_size)
    try:
        network.load_state_dict(dict(weights), assign=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ValueError(f"The weights in {path} do not fit the network of the trial's settings.") from error
    names = config.class_loss_weight > 0 and not config.shuffle_labels
    return Colorizer(network.to(device or "cpu"), class_names, image_size=image_size, names=names)


__all__ = ["load_portable", "load_trial", "write_portable"]

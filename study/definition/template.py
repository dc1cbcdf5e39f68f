"""A commented study file to start from."""

import json
import re
from pathlib import Path

from study.definition.schema import study_schema
from study.storage.files import write_bytes

SCHEMA_FILE = "study.schema.json"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""What a study may be called: Study.name in `study/definition/study.py`."""

DATA = {
    "orchard": "{dataset: orchard, image_size: 32, num_classes: 4, photos_per_class: 240, coupling: 0.9}",
    "ncd": "{dataset: ncd, root: data/ncd/ColorfulOriginal, image_size: 64}",
    "stanford_dogs": "{dataset: stanford_dogs, root: data/stanford_dogs, image_size: 64, split: official}",
    "folder": "{dataset: folder, root: data/photos, image_size: 64} # root holds one folder for each class",
}
"""The photos a study can start from: drawn in code, two public data sets, and any folder of class folders."""

DRAWN = """  beta2: 0.98
  weight_decay: 0.2
  crop_min_area: 1 # drawn shapes need no augmentation
  flip: false
  max_rotation_degrees: 0
"""

SIZE = {
    "orchard": {"epochs": 8, "batch_size": 16, "width": 0.125, "trials": 3, "more": DRAWN},
    "photos": {"epochs": 60, "batch_size": 64, "width": 0.25, "trials": 6, "more": ""},
}

COLOR = {"folder": "delta_e"}
"""What colouring is measured by: inside the object, or the whole photo where nothing may tell the two apart."""

CONFIRM = {
    "orchard": "{replicates: 6} # fresh trainings of the chosen settings",
    "stanford_dogs": "{replicates: 6} # fresh trainings of the chosen settings, tested on the official list",
    "photos": "{folds: 8, looks: [2, 3]} # every photo is tested; each fold has its own search, each look its price",
}

TEXT = """\
# yaml-language-server: $schema={schema}
# The line above lets an editor offer keys and show what they mean.
# Check and plan:  tintune launch {file} --dry-run
# Run or continue: tintune launch {file}

name: {name} # names the study's folder; another question is another name
question: Does naming what a photo shows help to colour it, and does colouring it help to name it?
seed: 0 # fixes the test pool, the replicates and the search

data: {data}

base: # the same in every arm
  epochs: {epochs}
  batch_size: {batch_size}
  width: {width} # 1.0 is the paper's network
  optimizer: adamw
  schedule: one_cycle
{more}
space: # searched in every arm alike; also choice, uniform, int_uniform, and cases with `when`
  learning_rate: {{log_uniform: [2.0e-3, 2.0e-2]}}

arms: # what is compared: each arm overrides base and space
  joint: {{class_loss_weight: {{log_uniform: [1.0e-3, 0.1]}}}}
  color_only: {{class_loss_weight: 0}}
  class_only: {{color_loss_weight: 0, class_loss_weight: 1}}
  # Controls are trained only where the question above finds an effect. Uncomment an arm and its contrast below.
  # no_fusion: {{fusion: false, class_loss_weight: {{log_uniform: [1.0e-3, 0.1]}}}}
  # shuffled_labels: {{shuffle_labels: true, class_loss_weight: {{log_uniform: [1.0e-3, 0.1]}}}}

objectives: {{val/{color}: min, val/p_true: max}} # what the search improves, each in the arms that train its task

contrasts: # the questions in numbers, decided before any data
  color: {{treatment: joint, control: color_only, metric: test/{color}}}
  naming: {{treatment: joint, control: class_only, metric: test/p_true}}

# controls:
#   fusion: {{treatment: joint, control: no_fusion, metric: test/{color}}}
#   true_labels: {{treatment: joint, control: shuffled_labels, metric: test/{color}}}

margin: {{test/{color}: 1.0, test/p_true: 0.05}} # a smaller difference would not matter to you: decide it now

search: {{trials_per_arm: {trials}, sampler: tpe}}
confirm: {confirm}
resources: {{cpus_per_trial: 1}} # GPUs are shared out by themselves; or say gpus_per_trial: 0.25
"""


def starter(path: Path, dataset: str) -> str:
    """The text of a study file to be written at `path`; the file's name becomes the study's.

    Raises:
        ValueError: no such data set, or a file name that no study can have.
    """
    if dataset not in DATA:
        raise ValueError(f"Unknown dataset {dataset!r}. Known: {sorted(DATA)}.")
    if path.suffix not in (".yaml", ".yml") or not NAME.fullmatch(path.stem):
        raise ValueError(
            f"{path.name!r} must be a study's name and .yaml: at most 64 letters, digits, - and _, the first a letter "
            "or digit, such as my-study.yaml."
        )
    size = SIZE["orchard" if dataset == "orchard" else "photos"]
    color, confirm = COLOR.get(dataset, "delta_e_inside"), CONFIRM.get(dataset, CONFIRM["photos"])
    named = {"schema": SCHEMA_FILE, "file": path, "name": path.stem, "data": DATA[dataset]}
    return TEXT.format(**named, color=color, confirm=confirm, **size)


def write_starter(path: Path, dataset: str) -> None:
    """Writes the study file, and beside it the schema for editors where none lies there yet.

    Raises:
        ValueError: the file exists already, or its folder does not.
    """
    text = starter(path, dataset)
    if not path.absolute().parent.is_dir():
        raise ValueError(f"{path.parent} is no folder: make it first, or choose another place.")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ValueError(f"{path} exists and is left as it is: choose another name.") from None
    schema = path.with_name(SCHEMA_FILE)
    if not schema.exists():
        write_bytes(schema, schema_text().encode())


def schema_text() -> str:
    """The schema as a file."""
    return json.dumps(study_schema(), indent=1, ensure_ascii=False) + "\n"

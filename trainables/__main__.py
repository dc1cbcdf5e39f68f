"""`python -m trainables --config trial.json`: one trial, one JSON line per epoch."""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from trainables.files import default_cache
from trainables.records import NotFiniteError
from trainables.trial import Trial, images_of, start


def main() -> int:
    """Trains the trial and gives the exit code: 0 done, 1 the trial failed, 2 a mistake in what was asked."""
    parser = argparse.ArgumentParser(prog="python -m trainables", description="Train one trial, without Ray.")
    parser.add_argument("--config", type=Path, required=True, help="JSON with config, data, replicate and phase")
    parser.add_argument("--checkpoint", type=Path, help="continue from this file and write to it")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of prepared photos")
    arguments = parser.parse_args()
    try:
        trial = Trial.from_json(_read(arguments.config))
        print(f"computing on {device_name(trial)}", file=sys.stderr)
        images = images_of(trial.data, arguments.cache)
        records = start(trial, images, arguments.checkpoint)
        for record in records:
            # JSON has no word for what is not a number, such as an error inside objects that no photo shows.
            said = {name: None if isinstance(value, float) and not math.isfinite(value) else value
                    for name, value in record.items()}  # fmt: skip
            print(json.dumps(said), flush=True)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except NotFiniteError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}.") from error


def device_name(trial: Trial) -> str:
    """Where the trial will compute."""
    if trial.data.dataset == "analytic":
        return "cpu, with formulas"
    from trainables.devices import choose_device, describe

    return describe(choose_device(trial.config.device))


if __name__ == "__main__":
    sys.exit(main())

"""A study's tables back from MLflow, so that its report can be written where its folder is not.

"Run" is MLflow's word for what shows one trial; a study's own run is the parent of them, and carries its tables.
"""

from pathlib import Path

from mlflow import MlflowException
from mlflow.tracking import MlflowClient

from study.tracking.address import without_password
from study.tracking.view import LAUNCHED_TAG, STUDY_TAG

TABLES = "results"


def download_tables(name: str, tracking_uri: str, target: Path) -> Path:
    """Fetches the exported tables of the study `name` into `target`/results and gives `target`.

    Of several studies of one name the one launched last is taken. Raises ValueError where there is no such study, or no
    tables yet, or where `target` is a study's own folder.
    """
    if (target / "trials").exists():
        raise ValueError(f"{target} is the folder of a study, whose tables are its own: choose another with --to.")
    client, address = MlflowClient(tracking_uri=tracking_uri), without_password(tracking_uri)
    try:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            known = sorted(one.name for one in client.search_experiments() if one.name != "Default")
            raise ValueError(f"MLflow at {address} has no study {name!r}. It has: {', '.join(known) or 'none'}.")
        runs = client.search_runs([experiment.experiment_id], f"tags.`{STUDY_TAG}` = '{name}'")
        if not runs:
            raise ValueError(f"MLflow at {address} has an experiment {name!r}, but no study was shown there.")
        run = max(runs, key=lambda one: one.data.tags.get(LAUNCHED_TAG, ""))
        if TABLES not in {one.path for one in client.list_artifacts(run.info.run_id)}:
            raise ValueError(
                f"{name} at {address} has no tables yet: they are sent at its end, or by tintune report and then "
                "tintune sync where its folder is."
            )
        target.mkdir(parents=True, exist_ok=True)
        client.download_artifacts(run.info.run_id, TABLES, str(target))
    except (MlflowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"The tables of {name} could not be fetched from MLflow at {address}: {reason}") from error
    return target

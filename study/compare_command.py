"""`hueristic compare`: two finished studies side by side."""

from rich.console import Console

from study.arguments import StudyFolder
from study.json_output import AsJson, print_json


def compare(a: StudyFolder, b: StudyFolder, as_json: AsJson = False) -> None:
    """Show two finished studies side by side, and say what of them may not be compared.

    Example: hueristic compare studies/quickstart studies/my-study
    """
    from study.comparison import compare as beside_each_other
    from study.comparison import read_side
    from study.comparison_tables import print_comparison

    found = beside_each_other(read_side(a), read_side(b))
    if as_json:
        print_json(found)
    else:
        print_comparison(found, Console())

"""What `tintune compare` found, as a person reads it."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_comparison(found: dict[str, Any], console: Console) -> None:
    """Differences first, then what they forbid, then the answers beside each other."""
    names = [f"{key.upper()}: {found['studies'][key]['name']}" for key in "ab"]
    for key in "ab":
        one = found["studies"][key]
        console.print(escape(f"{key.upper()}: {one['name']}, {one['folder']}"), soft_wrap=True, highlight=False)
    rows: list[tuple[Any, ...]] = [(row["field"], row["a"], row["b"]) for row in found["in_file"]]
    rows += [(row["what"], row["a"], row["b"]) for row in found["outside"]]
    console.print(_table("What differs", ("", *names), rows or [("nothing", "", "")]))
    for caution in found["not_comparable"]:
        console.print(f"[yellow]May not be compared:[/] {escape(caution)}", soft_wrap=True, highlight=False)
    verdicts = []
    for row in found["contrasts"]:
        metric = f"{row['contrast']}, {row['metric']} [{row['unit'] or '1'}]"
        verdicts.append((metric, *(_answer(row[key]) for key in "ab"), row["why_not"] or "yes"))
    console.print(_table("Verdicts, treatment minus control, 95 % interval", ("", *names, "comparable"), verdicts))
    has_folds = any(row["fold"] for row in found["settings"])
    rows = [
        (
            f"{row['contrast']}, {row['side']}" + (f", fold {row['fold'] + 1}" if has_folds else ""),
            *(_settings(row[key]) for key in "ab"),
        )
        for row in found["settings"]
    ]
    console.print(_table("Chosen settings", ("", *names), rows))
    cost = found["cost"]
    rows = [(name.replace("_", " "), *(_value(cost[key][name]) for key in "ab")) for name in cost["a"]]
    console.print(_table("Cost", ("", *names), rows))
    console.print(found["note"], soft_wrap=True)


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(escape(name), overflow="fold")
    for row in rows:
        table.add_row(*(escape(_value(cell)) for cell in row))
    return table


def _answer(row: dict[str, Any] | None) -> str:
    if row is None:
        return "absent"
    if row["effect"] is None:
        return str(row["verdict"])
    interval = "" if row["low_95"] is None else f" ({row['low_95']:.3g} to {row['high_95']:.3g})"
    basis = f"{row['num_replicates']} replicates, {row['num_photos']} photos, margin {_value(row['margin'])}"
    return f"{row['verdict']}: {row['effect']:.3g}{interval}; {basis}"


def _settings(chosen: dict[str, Any] | None) -> str:
    if chosen is None:
        return "absent"
    words = ", ".join(f"{name} {_value(value)}" for name, value in chosen["settings"].items())
    return f"{words or 'nothing was searched'} ({chosen['trial'] or 'no trial finished'})"


def _value(value: Any) -> str:
    if value is None:
        return "absent"
    return f"{value:.3g}" if isinstance(value, float) else str(value)

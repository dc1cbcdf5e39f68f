"""Runs the `tintune` command in this process: as a person does, without loading Python anew for every case."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from study.cli.main import main

Command = Callable[..., "Ended"]


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    code: int | str | None
    out: str
    err: str


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command as a function of its arguments."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tintune", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(ended.value.code, *capsys.readouterr())

    return run

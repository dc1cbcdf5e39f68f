"""Runs the `tintune` command in this process: as a person does, without loading Python anew for every case."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from study.cli.main import main
from tests.study.commands import environment

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


def here(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The finished command, started in `folder` as `tests.study.commands.tintune` starts it; for what starts no Ray."""
    out, err = io.StringIO(), io.StringIO()
    words = ["tintune", *map(str, arguments)]
    with (
        chdir(folder),
        patch.dict(os.environ, environment(folder), clear=True),
        patch.object(sys, "argv", words),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    code = ended.value.code
    assert code is None or isinstance(code, int)
    return subprocess.CompletedProcess(words, code or 0, out.getvalue(), err.getvalue())

"""study/doctor.py: every line says what works here and, where it does not, what to do."""

import re
from pathlib import Path

from study import doctor
from tests.study.commands import hueristic


def test_the_doctor_examines_everything_a_study_needs(tmp_path: Path) -> None:
    done = hueristic(tmp_path, "doctor")
    assert done.returncode == 0, done.stdout
    for what in ("Python", "packages", "device", "compiler", "Ray", "MLflow", "studies", "cache", "browser"):
        assert re.search(rf"│ {what} +│ (ok|warning) ", done.stdout), what
    assert not (tmp_path / "studies").exists()


def test_a_storage_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    findings = {one.what: one for one in doctor.storage_findings({"studies": Path("/proc/studies"), "cache": tmp_path})}
    assert findings["studies"].level == "error" and "choose another folder" in findings["studies"].text
    assert findings["cache"].level in ("ok", "warning")


def test_a_package_that_is_missing_is_an_error() -> None:
    (finding,) = doctor.package_findings({"torch": "2.15", "ray": "not installed"})
    assert finding.level == "error" and finding.text == "missing: ray; run make install"

"""What is built is what is needed: the wheel carries templates, schemas and styles, and nothing of tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from the checkout without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_carries_what_is_not_code(wheel: zipfile.ZipFile) -> None:
    """Schemas, manifests, mappings, templates, styles and scripts are in the wheel, as many as in the checkout."""
    inside = set(wheel.namelist())
    suffixes = {".toml", ".html", ".css", ".svg", ".js", ".typed"}
    wanted = {
        path.relative_to(ROOT / folder).as_posix()
        for folder in ("core", "forms", "plugins")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes
    }
    assert len(wanted) > 30
    assert wanted - inside == set()


def test_the_wheel_carries_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Only the packages are in it: no top-level ``core`` or ``forms`` that could collide with a vendor's."""
    tops = {name.split("/")[0] for name in wheel.namelist()}
    names = {top for top in tops if not top.endswith(".dist-info")}
    assert all(name == "townhall" or name.startswith("townhall_") for name in names)

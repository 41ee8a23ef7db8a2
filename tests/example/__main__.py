"""``make example``: a vendor's module, built and installed beside Townhall's wheel in a bare environment.

Nothing of the checkout is on the path there, so what the wheel lacks is found, and what only works in an editable
install.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "townhall-potholes"


def run(*command: str | Path, where: Path) -> None:
    """Run a command and show it; end if it fails."""
    print("$", *command, flush=True)
    subprocess.run([str(part) for part in command], cwd=where, check=True)


def main() -> None:
    """Build both, install both, run the vendor's tests, check all modules, and switch this one on in a new town."""
    with tempfile.TemporaryDirectory(prefix="townhall-example-") as name:
        folder = Path(name)
        wheels = folder / "wheels"
        for project in (ROOT, EXAMPLE):
            run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels, where=project)
        venv.create(folder / "venv", with_pip=True)
        binaries = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", ROOT / "constraints.txt")
        run(binaries / "python", *install, *sorted(wheels.glob("*.whl")), "pytest", where=folder)
        project = folder / "potholes"
        for part in ("tests", "pyproject.toml"):
            _copy(EXAMPLE / part, project / part)
        run(binaries / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", where=project)
        # Our own modules are held to what we ask of others.
        for manifest in sorted((folder / "venv").rglob("townhall_*/plugin.toml")):
            run(binaries / "townhall", "plugins", "check", manifest.parent, where=folder)
        town = folder / "town"
        townhall = (binaries / "townhall", "--instance", town)
        init = ("init", "--admin", "it@milbrook.example", "--name", "Milbrook", "--plugins", "none")
        subprocess.run(
            [*map(str, (*townhall, *init))], cwd=folder, input="correct horse battery\n", text=True, check=True
        )
        run(*townhall, "plugins", "enable", "potholes", "--yes", where=folder)
        run(*townhall, "plugins", "list", where=folder)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        for file in source.rglob("*.py"):
            _copy(file, target / file.relative_to(source))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


if __name__ == "__main__":
    main()

"""What Townhall stands on: pinned, of known licences, without known holes. ``python -m tests.audit``, ``make audit``.

The first part needs no network and always says the same about the same environment. The second asks a service for
published holes with pip-audit; where that can't be reached it says so, and is no pass. ``--required`` makes that a
failure, for releases.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from collections.abc import Mapping
from importlib.metadata import Distribution
from importlib.metadata import PackageNotFoundError
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
KNOWN_BAD = Path(__file__).parent / "known_bad.toml"
#: Licences under which a town may use and pass on what comes along, as SPDX and as older metadata write them.
LICENCES = frozenset(
    {
        *("mit", "mit-0", "mit-cmu", "bsd", "bsd-2-clause", "bsd-3-clause", "0bsd", "apache-2.0", "isc", "psf-2.0"),
        *("python-2.0", "mpl-2.0", "zpl-2.1", "unlicense", "hpnd", "lgpl-3.0-only", "lgpl-3.0-or-later"),
        *("bsd license", "mit license", "apache software license", "apache license 2.0", "apache 2.0"),
        *("isc license (iscl)", "python software foundation license", "mozilla public license 2.0 (mpl 2.0)"),
        *("zope public license", "gnu lesser general public license v3 (lgplv3)", "the unlicense (unlicense)"),
        *("gnu library or lesser general public license (lgpl)", "dual license"),
    }
)
#: What says nothing of its licence where programs look, as somebody read it in its files.
READ = {"axe-playwright-python": "mit", "peewee": "mit"}
#: Seconds that a service may take to be reached.
PATIENCE = "10"
TOOL = "pip-audit>=2.10,<3"


def main(arguments: list[str]) -> int:
    """Look at everything; 0 if nothing is wrong."""
    found = installed()
    problems = [*pins(found), *licences(found), *sources(), *known_holes(found)]
    for problem in problems:
        print(f"PROBLEM {problem}")
    if not problems:
        print(f"ok      {len(found)} distributions are pinned, of known licences, and without the holes known here.")
    asked, holes = ask()
    if not asked:
        print(f"NOT ASKED for newly published holes: {holes}")
    elif holes:
        print(f"PROBLEM published holes:\n{holes}")
    else:
        print("ok      the service knows of no hole in any pinned version.")
    return 1 if problems or (asked and holes) or (not asked and "--required" in arguments) else 0


def installed() -> dict[str, Distribution]:
    """Townhall's own requirements with all extras, and theirs, as they are installed here."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement("townhall[postgresql,holidays,test,lint]")]
    seen: set[str] = set()
    while waiting:
        wanted = waiting.pop()
        key = f"{canonicalize_name(wanted.name)}[{','.join(sorted(wanted.extras))}]"
        if key in seen:
            continue
        seen.add(key)
        try:
            there = distribution(wanted.name)
        except PackageNotFoundError:
            continue  # an extra that is not installed here
        found[canonicalize_name(wanted.name)] = there
        waiting += [each for each in map(Requirement, there.requires or ()) if _applies(each, wanted.extras)]
    del found["townhall"]
    return found


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    if requirement.marker is None:
        return True
    here: Any = default_environment()
    return any(requirement.marker.evaluate({**here, "extra": extra}) for extra in ("", *extras))


def pins(found: Mapping[str, Distribution]) -> Iterator[str]:
    """What is installed in another version than the pinned one, or is not pinned."""
    pinned = {}
    for line in _lines(CONSTRAINTS):
        name, separator, version = line.partition("==")
        if not separator:
            yield f"constraints.txt: “{line}” pins no version; write name==version."
        pinned[canonicalize_name(name)] = version
    for name, there in sorted(found.items()):
        if name not in pinned:
            yield f"{name} {there.version} comes along and is not in constraints.txt."
        elif pinned[name] != there.version:
            yield f"{name} is {there.version} here and {pinned[name]} in constraints.txt."


def licences(found: Mapping[str, Distribution]) -> Iterator[str]:
    """What comes along under a licence that is not on the list."""
    for name, there in sorted(found.items()):
        told = _licences_of(there) or [READ[each] for each in (name,) if each in READ]
        if not told or not {each.lower() for each in told} <= LICENCES:
            yield f"{name}: its licence, {' and '.join(told) or 'which it does not say'}, is not on the list."


def _licences_of(there: Distribution) -> list[str]:
    metadata = there.metadata
    if expression := metadata.get("License-Expression"):
        return [part.strip(" ()") for part in re.split(r"\b(?:AND|OR|WITH)\b", expression)]
    classifiers = [each for each in metadata.get_all("Classifier", []) if each.startswith("License ::")]
    named = [each.rpartition(" :: ")[2] for each in classifiers if not each.endswith("OSI Approved")]
    first = (metadata.get("License") or "").strip().splitlines()[:1]
    return named or [line.strip() for line in first]


def sources() -> Iterator[str]:
    """Requirements that come from elsewhere than the index, or that let any later version in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    for text in [*project["dependencies"], *(each for extra in extras for each in extra)]:
        wanted = Requirement(text)
        if wanted.url:
            yield f"pyproject.toml: {wanted.name} comes from an address of its own."
        if not wanted.specifier:
            yield f"pyproject.toml: {wanted.name} may be of any version."
    for line in _lines(CONSTRAINTS):
        if "://" in line or "@" in line or line.startswith("-"):
            yield f"constraints.txt: “{line}” is no name==version."


def known_holes(found: Mapping[str, Distribution]) -> Iterator[str]:
    """Versions with holes that are known here: installed, pinned, or let in by a range."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = {canonicalize_name((each := Requirement(text)).name): each.specifier for text in project["dependencies"]}
    for name, entry in tomllib.loads(KNOWN_BAD.read_text(encoding="utf-8")).items():
        bad = SpecifierSet(entry["bad"])
        if name in found and bad.contains(found[name].version):
            yield f"{name} {found[name].version}: {entry['why']}."
        lowest = [each.version for each in ranges.get(name, ()) if each.operator in {">=", "==", "~="}]
        if any(bad.contains(version) for version in lowest):
            yield f"pyproject.toml lets in {name}{ranges[name]}: {entry['why']}."


def ask() -> tuple[bool, str]:
    """Ask a service for holes in the pinned versions: whether it answered, and what it knows or why not."""
    folder = Path(sys.prefix) / "audit"  # apart, so that the tool's own requirements are none of ours
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries",
        "0",
        "--timeout",
        PATIENCE,
    ]
    if _run(python, *install, TOOL).returncode:
        return False, f"{TOOL} can't be installed here."
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", PATIENCE, "--format", "json"]
    done = _run(python, "-m", "pip_audit", "--requirement", str(CONSTRAINTS), *options)
    try:
        told = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return False, f"pip-audit got no answer ({last[:200]})."
    holes = [
        f"{each['name']} {each.get('version', '')}: {', '.join(hole['id'] for hole in each['vulns'])}"
        for each in told
        if each.get("vulns")
    ]
    skipped = [each["name"] for each in told if "skip_reason" in each]
    if len(skipped) == len(told):
        return False, "the service knows none of the pinned names."
    return True, "\n".join(holes)


def _run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(python), *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


def _lines(file: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

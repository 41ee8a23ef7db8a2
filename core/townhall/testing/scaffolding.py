"""Making a new plugin's project: files that work at once, for a vendor to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template

from townhall.errors import PluginError
from townhall.extend.manifest import API_VERSION
from townhall.extend.manifest import RESERVED

_FILES = Path(__file__).parent / "scaffold"
_SUFFIX = ".template"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
#: Files that a module without code has no use for.
_FOR_CODE = ("pyproject.toml", "README.md", "tests/", "townhall_NAME/__init__.py")


@dataclass(frozen=True)
class Project:
    """What a new project is about: the plugin's name and title, and the type that it begins with."""

    name: str
    title: str = ""
    type: str = "request"

    def __post_init__(self) -> None:
        for what, given in (("plugin", self.name), ("type", self.type)):
            if not _NAME.fullmatch(given):
                raise PluginError(f"“{given}” can't name a {what}: use small letters, digits and _, a letter first.")
        if self.name in RESERVED:
            raise PluginError(f"“{self.name}” is taken by Townhall itself. Choose another name.")

    def words(self) -> dict[str, str]:
        """What the templates of the files are filled with."""
        title = self.title or _spoken(self.name)
        label = _spoken(self.type)
        major = int(API_VERSION.partition(".")[0])
        letters = "".join(part[0] for part in (self.name, self.type)).upper()
        return {
            "name": self.name,
            "dashed": self.name.replace("_", "-"),
            "title": title,
            "type": self.type,
            "label": label,
            "plural": f"{label}s",
            "plural_lower": f"{label}s".lower(),
            "prefix": letters,
            "api": str(major),
            "next_api": str(major + 1),
        }


def make_project(project: Project, folder: Path, *, hooks: bool = False, code: bool = True) -> list[Path]:
    """Write a new project into ``folder``, which must not hold anything yet; the files, in order.

    ``hooks`` adds an implementation of two hooks with tests; without ``code`` there are only the manifest and the
    schema: a module that can be put into a town's ``plugins`` folder. Raises :class:`~townhall.errors.PluginError`.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PluginError(f"{folder} holds something already. Name an empty folder, or one that isn't there yet.")
    texts: dict[str, str] = {}
    for kind in ("package", "hooks") if hooks else ("package",):
        for file in sorted((_FILES / kind).rglob(f"*{_SUFFIX}")):
            texts[file.relative_to(_FILES / kind).as_posix().removesuffix(_SUFFIX)] = file.read_text(encoding="utf-8")
    if not code:
        texts = {
            place.removeprefix("townhall_NAME/"): text
            for place, text in texts.items()
            if not place.startswith(_FOR_CODE)
        }
    words = project.words()
    written = []
    for place, text in texts.items():
        file = folder / place.replace("NAME", project.name).replace("TYPE", project.type)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(Template(text).substitute(words), encoding="utf-8")
        except OSError as error:
            raise PluginError(f"{file} can't be written: {error.strerror or error}.") from error
        written.append(file)
    return written


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()

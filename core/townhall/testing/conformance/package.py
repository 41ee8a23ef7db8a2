"""What can be said of a plugin without running it: its manifest, schemas, names and imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from townhall import hookspecs
from townhall.errors import PluginError
from townhall.extend import icons
from townhall.extend.manifest import FILE_NAME
from townhall.extend.manifest import Manifest
from townhall.extend.manifest import read_manifest
from townhall.testing.conformance.report import Skipped

#: What a plugin may import of Townhall; everything else may change without a word.
PROMISED = ("townhall", "townhall_forms", "townhall.testing")
#: Folders of a plugin that Townhall looks into, and what they hold.
KNOWN_FOLDERS = ("schemas", "seeds", "samples", "templates", "static", "migrations", "mappings")
#: What people want to know before they install something.
DESCRIBED = ("description",)


def find(path: Path) -> Path:
    """The plugin's folder at ``path``, or just below it in a project. Raises :class:`~townhall.errors.PluginError`."""
    if (path / FILE_NAME).is_file():
        return path
    inside = sorted(file.parent for pattern in ("*/", "src/*/") for file in path.glob(pattern + FILE_NAME))
    if len(inside) == 1:
        return inside[0]
    if inside:
        raise PluginError(
            f"{path}: there are several plugins here; name one: {', '.join(each.name for each in inside)}."
        )
    raise PluginError(f"{path}: there is no {FILE_NAME} here, nor in a folder below it.")


def manifest_lint(folder: Path) -> Iterator[str]:
    """Mistakes in the manifest, and what is missing from it."""
    try:
        manifest = read_manifest(folder / FILE_NAME)
    except PluginError as error:
        yield str(error)
        return
    if not manifest.fits:
        yield f"{FILE_NAME}: api = “{manifest.api}” leaves out this Townhall's plugin API."
    for key in DESCRIBED:
        if not getattr(manifest, key):
            yield f"{FILE_NAME}: {key}: this is empty; people want to know it before they install."


def names(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Templates outside the plugin's own name, which would replace another's."""
    own = {manifest.name, folder.name, f"townhall_{manifest.name}"}
    templates = folder / "templates"
    for file in sorted(templates.rglob("*")) if templates.is_dir() else ():
        place = file.relative_to(templates)
        if file.is_file() and (len(place.parts) < 2 or place.parts[0] not in own):
            yield f"templates/{place.as_posix()}: put it into templates/{folder.name}/, where it replaces nobody's."
    for each in sorted(folder.iterdir()):
        odd = each.is_dir() and each.name not in KNOWN_FOLDERS and not each.name.startswith((".", "_"))
        if odd and not (each / "__init__.py").exists() and not any(each.rglob("*.py")):
            yield f"{each.name}/: Townhall doesn't look into this folder. It knows {', '.join(KNOWN_FOLDERS)}."


def symbols(folder: Path) -> Iterator[str]:
    """Icons that Townhall doesn't have, which would leave an empty place."""
    for file in (folder / FILE_NAME, *sorted((folder / "schemas").glob("*.toml"))):
        for mistake in icons.strange(file):
            yield f"{file.relative_to(folder).as_posix()}: {mistake.key}: {mistake.message}"


def imports(folder: Path) -> Iterator[str]:
    """Imports of what Townhall doesn't promise, which may break with its next version."""
    files = sorted(file for file in folder.rglob("*.py") if "__pycache__" not in file.parts)
    if not files:
        raise Skipped("It has no code.")
    own = folder.name
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
        for module, line in _imported(tree):
            foreign = module.startswith("townhall_") and module.split(".")[0] not in (own, "townhall_forms")
            inner = module.startswith("townhall.") and not module.startswith("townhall.testing")
            if inner or foreign:
                whose = "another plugin" if foreign else "Townhall's inside"
                yield f"{file.relative_to(folder).as_posix()}:{line}: {module} is {whose}; use {', '.join(PROMISED)}."
        if file == folder / "__init__.py":
            for name, line in _unmarked(tree):
                yield f"__init__.py:{line}: {name} is called like a hook and never asked; put @hookimpl above it."


def _unmarked(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Functions with the name of a hook that nothing marks as one, with the line."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in hookspecs.KINDS and not node.decorator_list:
            yield node.name, node.lineno


def _imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Modules that are imported when the code runs, with the line."""
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno

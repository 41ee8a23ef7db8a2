"""Walls that carry, checked by machine; which layer may import which is checked by ``lint-imports``."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core" / "townhall"
PLUGINS = ROOT / "plugins"
SOURCES = [path for folder in ("core", "forms", "plugins") for path in sorted((ROOT / folder).rglob("*.py"))]
#: Folders below the doors: they know no web framework.
BELOW = ("db", "extend", "access", "records", "contacts", "interactions", "events", "cases", "lifecycle")


@cache
def imports(path: Path) -> set[str]:
    """Top-level and dotted names that a module imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def strings(path: Path) -> set[str]:
    """Every string in a module's code that is not a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    }


def test_core_names_no_plugin() -> None:
    """Core knows no plugin by name: neither by an import nor by a type's identity."""
    names = [folder.name.removeprefix("townhall_") for folder in PLUGINS.glob("townhall_*")]
    assert len(names) == 4
    found = []
    for path in CORE.rglob("*.py"):
        found += [f"{path}: {name}" for name in imports(path) if name.startswith("townhall_") and name[9:] in names]
        if any(name in path.read_text(encoding="utf-8") for name in names):
            named = tuple(f"{name}{mark}" for name in names for mark in "._")
            found += [f"{path}: {text}" for text in strings(path) if text.startswith(named)]
    assert found == []


def test_below_the_doors_nothing_imports_a_web_framework() -> None:
    """Flask, Flask-Admin and Werkzeug stay in the doors."""
    found = [
        f"{path}: {name}"
        for folder in BELOW
        for path in (CORE / folder).rglob("*.py")
        for name in imports(path)
        if name.partition(".")[0] in {"flask", "flask_admin", "flask_security", "flask_wtf", "werkzeug"}
    ]
    assert found == []


def test_plugins_import_only_the_public_packages() -> None:
    """A plugin imports Townhall's public names, the schema language and its own package, and no other plugin."""
    found = []
    for path in PLUGINS.rglob("*.py"):
        own = path.relative_to(PLUGINS).parts[0]
        for name in imports(path):
            top = name.partition(".")[0]
            if top.startswith("townhall") and top not in {"townhall", "townhall_forms", own}:
                found.append(f"{path}: {name}")
    assert found == []


def test_the_schema_language_knows_nothing_of_townhall() -> None:
    """``townhall_forms`` imports no ``townhall``."""
    found = [
        f"{path}: {name}"
        for path in (ROOT / "forms").rglob("*.py")
        for name in imports(path)
        if name.partition(".")[0] == "townhall" or name.startswith("flask")
    ]
    assert found == []


def test_templates_have_no_inline_script_or_style() -> None:
    """The content security policy has no exceptions, so no template needs one."""
    found = []
    for path in [*ROOT.glob("core/**/*.html"), *ROOT.glob("forms/**/*.html"), *ROOT.glob("plugins/**/*.html")]:
        text = path.read_text(encoding="utf-8")
        for forbidden in (" style=", " onclick=", " onchange=", " onsubmit=", " onload=", "javascript:", "<style"):
            if forbidden in text:
                found.append(f"{path}: {forbidden}")
    assert found == []


def test_no_page_names_another_server() -> None:
    """Stylesheets, scripts and templates ask no other server for anything."""
    suffixes = {".html", ".css", ".js", ".svg"}
    found = []
    for path in [*(ROOT / "core").rglob("*"), *(ROOT / "forms").rglob("*"), *(ROOT / "plugins").rglob("*")]:
        if path.suffix in suffixes:
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
            for sign in ('src="http', 'href="http', "url(http", "@import", "//cdn"):
                if sign in text:
                    found.append(f"{path}: {sign}")
    assert found == []

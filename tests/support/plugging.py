"""Plugins that tests lay into a town's folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from townhall.town import Town

SCHEMA = '[type]\nname = "{name}"\ntitle = "{{label}}"\n[fields.label]\ntype = "text"\nrequired = true\n'


def add_plugin(
    town: Town, name: str, *, code: str = "", schema: str = "", manifest: str = "", requires: str = "", title: str = ""
) -> Path:
    """Lay a plugin's folder into the town's plugins folder."""
    folder = town.instance / "plugins" / name
    (folder / "schemas").mkdir(parents=True)
    head = f'name = "{name}"\ntitle = "{title or name.title()}"\nversion = "1.0.0"\napi = ">=1,<2"\n'
    (folder / "plugin.toml").write_text(manifest or head + requires, encoding="utf-8")
    (folder / "schemas" / "thing.toml").write_text(schema or SCHEMA.format(name="thing"), encoding="utf-8")
    if code:
        (folder / "__init__.py").write_text(code, encoding="utf-8")
    return folder


def remove(folder: Path) -> None:
    """Take a plugin's files away, and what Python kept of them."""
    shutil.rmtree(folder)
    for name in [name for name in sys.modules if name.startswith(f"townhall_folder_{folder.name}")]:
        del sys.modules[name]

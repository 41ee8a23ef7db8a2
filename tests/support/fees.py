"""The plugin ``fees``, which tests write into a town in several versions to upgrade it."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

from townhall.access.actors import system
from townhall.lifecycle import switching
from townhall.records.types import Record
from townhall.town import Town

STAFF = system("admin", "Ruth")
FEE = """\
[type]
name = "fee"
label = "Fee"
title = "{payer}: {kind}"
number = "F-{seq:04}"
[fields.payer]
type = "text"
search = true
privacy = "public"
[fields.cost]
type = "text"
[fields.kind]
type = "choice"
choices = ["low", "high"]
[fields.tags]
type = "choices"
choices = ["old", "new"]
[fields.lines]
type = "rows"
[fields.lines.fields.what]
type = "text"
[fields.lines.fields.price]
type = "integer"
[fields.lines.fields.see]
type = "reference"
[fields.papers]
type = "files"
[fields.people]
type = "links"
to = "core.contact"
[fields.partner]
type = "link"
to = "core.contact"
[fields.origin]
type = "reference"
[forms.public]
label = "Pay"
fields = ["payer", "cost", "kind", "lines"]
[workflow]
initial = "open"
[workflow.states.open]
[workflow.states.paid]
final = true
[[workflow.transitions]]
name = "pay"
from = ["open"]
to = "paid"
by = ["staff"]
"""
PERMIT = """\
[type]
name = "permit"
title = "{name}"
[fields.name]
type = "text"
[fields.fee]
type = "link"
to = "fee"
[fields.fees]
type = "links"
to = "fee"
"""
FIRST = {"fee.toml": FEE, "permit.toml": PERMIT}


def lay(
    town: Town | Path,
    version: str,
    schemas: dict[str, str],
    migrations: dict[str, str] | None = None,
    name: str = "fees",
    requires: str = "",
) -> Path:
    """Write a version of the plugin over whatever lies there."""
    folder = (town if isinstance(town, Path) else town.instance) / "plugins" / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "schemas").mkdir(parents=True)
    (folder / "plugin.toml").write_text(
        f'name = "{name}"\ntitle = "{name.title()}"\nversion = "{version}"\napi = ">=1,<2"\n'
        + (f'requires = ["{requires}"]\n' if requires else ""),
        encoding="utf-8",
    )
    for file, text in schemas.items():
        (folder / "schemas" / file).write_text(text, encoding="utf-8")
    for file, text in (migrations or {}).items():
        (folder / "migrations").mkdir(exist_ok=True)
        (folder / "migrations" / file).write_text(text, encoding="utf-8")
    return folder


def start(town: Town, schemas: dict[str, str] | None = None, name: str = "fees") -> None:
    """Switch the first version on."""
    lay(town, "1.0.0", schemas or FIRST, name=name)
    switching.enable(town, system(), name)


def again(town: Town, **options: Any) -> Town:
    """The town as another process opens it."""
    return Town(town.instance, town.settings, town.database, town.clock, **options)


def state(town: Town, name: str = "fees") -> switching.Status:
    """How the plugin stands."""
    return switching.status(town, name)


def make(town: Town, identity: str = "fees.fee", **values: Any) -> Record:
    """A record."""
    return town.records.create(STAFF, identity, values)


class PaperFile:
    """A file that somebody uploads."""

    filename = "paper.pdf"

    def __init__(self) -> None:
        self._bytes = io.BytesIO(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n")

    def read(self, size: int = -1, /) -> bytes:
        return self._bytes.read(size)

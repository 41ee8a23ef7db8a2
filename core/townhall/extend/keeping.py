"""Keeping what a plugin is while it runs, so that its records can be read when it doesn't."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping

from townhall import hookspecs
from townhall.db.system import SystemTables
from townhall.extend import states
from townhall.extend.discovery import Found
from townhall.extend.loading import Loaded
from townhall.extend.states import Essentials
from townhall.extend.states import State
from townhall_forms.fields import FIELD_TYPES
from townhall_forms.fields import is_built_in
from townhall_forms.fields.base import Field
from townhall_forms.fields.base import OneColumn
from townhall_forms.schema import RecordType

#: Built-in types that read the values of a column, by its kind.
_BY_KIND = {"text": "text", "integer": "integer", "boolean": "boolean"}


def keep(system: SystemTables, loaded: Loaded, kept: Mapping[str, State]) -> None:
    """Keep the schemas and essentials of every plugin that runs; writes only what changed."""
    for name, found in loaded.running.items():
        present = (found.version, schema_texts(found), essentials(found, loaded))
        known = kept.get(name)
        if known is None or present != (known.version, known.schemas, known.essentials):
            version, schemas, told = present
            states.keep(system, name, version=version, schemas=schemas, essentials=told)


def essentials(found: Found, loaded: Loaded) -> Essentials:
    """What to keep of a plugin that runs."""
    manifest = found.manifest
    if manifest is None:
        return Essentials()
    return Essentials(
        title=manifest.title,
        description=manifest.description,
        icon=manifest.icon,
        author=manifest.author,
        navigation_label=manifest.navigation_label,
        navigation_order=manifest.navigation_order,
        requires=manifest.requires,
        restricted=any(each.hook in hookspecs.RESTRICTING for each in loaded.hooks.get(found.name, ())),
        stand_ins=dict(_stand_ins(each for each in loaded.schemas.values() if each.plugin == found.name)),
    )


def schema_texts(found: Found) -> dict[str, str]:
    """The texts of a plugin's schema files, by their names."""
    folder = found.folder / "schemas"
    files = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    return {file.name: file.read_text(encoding="utf-8-sig") for file in files}


def _stand_ins(types: Iterator[RecordType]) -> Iterator[tuple[str, str]]:
    """Field types that are the plugins' own, each with the built-in one that reads its values."""
    for record_type in types:
        for field in record_type.fields.values():
            for one in (field, *field.row_fields.values()):
                if not is_built_in(type(one)):
                    yield one.type_name, _stand_in(one)


def _stand_in(field: Field) -> str:
    if field.stores in FIELD_TYPES and is_built_in(FIELD_TYPES[field.stores]):
        return field.stores
    for kind in type(field).__mro__:
        name = vars(kind).get("type_name", "")
        if is_built_in(kind) and name in FIELD_TYPES:
            return str(name)
    return _BY_KIND[field.kind] if isinstance(field, OneColumn) else "text"

"""From schema files to types: every mistake in every file is found before anything is refused."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from townhall_forms.documents import Report
from townhall_forms.documents import Source
from townhall_forms.documents import read_document
from townhall_forms.documents import read_folder
from townhall_forms.errors import Mistake
from townhall_forms.errors import SchemaErrors
from townhall_forms.field_building import FieldBuilder
from townhall_forms.fields import FIELD_TYPES
from townhall_forms.fields.base import Field
from townhall_forms.kinds import Resolver
from townhall_forms.linting import lint
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.type_building import TypeBuilder

__all__ = ["Over", "Source", "load_schemas", "read_folder"]

#: Changes the tables of a schema file, given the identity of its type.
Over = Callable[[str, dict[str, Any]], dict[str, Any]]


@dataclass(slots=True)
class _File:
    """One file on its way to a type."""

    source: Source
    report: Report
    document: dict[str, Any]
    fields: dict[str, Field]
    builder: FieldBuilder
    type_builder: TypeBuilder

    @property
    def identity(self) -> str:
        return f"{self.source.plugin}.{self.document['type']['name']}"

    @property
    def tables(self) -> dict[str, dict[str, Any]]:
        tables: dict[str, dict[str, Any]] = self.document.get("fields", {})
        return tables


def load_schemas(sources: Sequence[Source], known: Schemas | None = None, over: Over | None = None) -> Schemas:
    """All types of ``sources`` together with those already ``known``.

    ``over`` may change the tables of a file before its type is built; it is given the type's identity as well.
    Raises :class:`~townhall_forms.errors.SchemaErrors` with every mistake in every file.
    """
    if over is None:
        return _loaded(tuple(sources), tuple((known or {}).items()), tuple(FIELD_TYPES.items()))
    return _load(sources, dict(known or {}), over)


@lru_cache(maxsize=64)
def _loaded(
    sources: tuple[Source, ...],
    known: tuple[tuple[str, RecordType], ...],
    kinds: tuple[tuple[str, type[Field]], ...],
) -> Schemas:
    """What these files come to over these types; kept, since nothing changes most of them when a plugin is switched.

    ``kinds`` are the field types that there are: with others the same files may come to something else.
    """
    return _load(sources, dict(known), None)


def _load(sources: Sequence[Source], already: dict[str, RecordType], over: Over | None) -> Schemas:
    reports = [Report(source.name) for source in sources]
    files, unread = _read(sources, reports, already, over)
    unsure: dict[str, set[str]] = {identity: set() for identity in unread}
    unsure |= {file.identity: file.builder.broken for file in files}

    first = Schemas(already | {file.identity: file.type_builder.provisional(file.fields) for file in files})
    for file in files:
        resolve = Resolver(first, first[file.identity], unsure=unsure)
        computed = file.builder.computed(file.tables, resolve)
        file.fields = {name: both for name in file.tables if (both := file.fields.get(name) or computed.get(name))}

    second = Schemas(already | {file.identity: file.type_builder.provisional(file.fields) for file in files})
    types: dict[str, RecordType] = {}
    for file in files:
        resolve = Resolver(second, second[file.identity], unsure=unsure)
        fields = file.builder.with_conditions(file.fields, file.tables, resolve)
        types[file.identity] = file.type_builder.finished(fields, resolve)

    schemas = Schemas(already | types)
    for file in files:
        lint(types[file.identity], schemas, file.source, file.report, unsure)
    mistakes = _distinct(reports)
    if mistakes:
        raise SchemaErrors(mistakes)
    return schemas


def _read(
    sources: Sequence[Source], reports: Sequence[Report], already: dict[str, RecordType], over: Over | None
) -> tuple[list[_File], set[str]]:
    """The files that can be read so far as to have a name, and identities that others may link to all the same."""
    files: dict[str, _File] = {}
    unread: set[str] = set()
    for source, report in zip(sources, reports, strict=True):
        document = read_document(source, report)
        if document is None:
            if source.path is not None:
                unread.add(f"{source.plugin}.{source.path.stem}")
            continue
        if over is not None:
            document = over(f"{source.plugin}.{document['type']['name']}", document)
        head = document["type"]
        builder = FieldBuilder(
            source.plugin, head.get("privacy", "internal"), report, source.stand_ins, source.own_types
        )
        fields = builder.plain(document.get("fields", {}))
        file = _File(source, report, document, fields, builder, TypeBuilder(source, document, report))
        if file.identity in files or file.identity in already:
            other = files[file.identity].source.name if file.identity in files else "another file"
            report.add("type.name", f"“{file.identity}” is declared twice; the other one is in {other}")
            continue
        files[file.identity] = file
    return list(files.values()), unread


def _distinct(reports: Sequence[Report]) -> list[Mistake]:
    """All mistakes, each once (a type is built twice on its way), file by file."""
    return list(dict.fromkeys(mistake for report in reports for mistake in report.mistakes))

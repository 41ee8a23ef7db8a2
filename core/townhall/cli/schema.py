"""``townhall schema``: check schema files, and show what a type has come to."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import click

import townhall
from townhall import config
from townhall.cli.context import instance_folder
from townhall.cli.context import open_town
from townhall.cli.context import print_json
from townhall.cli.context import print_table
from townhall.errors import NotFound
from townhall.errors import PluginError
from townhall.extend import icons
from townhall.extend.discovery import Found
from townhall.extend.discovery import discover
from townhall.extend.importing import import_plugin
from townhall.extend.loading import load_plugins
from townhall.extend.manifest import FILE_NAME
from townhall.extend.manifest import Manifest
from townhall.extend.manifest import read_manifest
from townhall.town import core_schemas
from townhall.town import core_sources
from townhall_forms.documents import Report
from townhall_forms.documents import read_document
from townhall_forms.errors import Mistake
from townhall_forms.errors import SchemaErrors
from townhall_forms.fields import FIELD_TYPES
from townhall_forms.fields.base import Field
from townhall_forms.jsonschema import record_schema
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.loading import read_folder
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas
from townhall_forms.workflow_drawing import draw
from townhall_forms.workflow_drawing import rows

#: What a file is taken to belong to that lies in no plugin.
_NO_PLUGIN = "draft"


@click.group()
def schema() -> None:
    """Schemas: check the files, and show what a type has come to."""


@schema.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(paths: tuple[Path, ...], as_json: bool) -> None:
    """Check schema files, folders or whole plugins; without PATHS, everything that is installed."""
    mistakes: list[Mistake] = []
    types: dict[str, RecordType] = {}
    for path in paths or _installed():
        try:
            types |= _types_at(path)
        except SchemaErrors as error:
            mistakes += [mistake for mistake in error.mistakes if mistake not in mistakes]
        mistakes += [mistake for file in _files_at(path) for mistake in icons.strange(file)]
    if as_json:
        told = [{"file": mistake.file, "key": mistake.key, "message": mistake.message} for mistake in mistakes]
        print_json({"types": sorted(types), "mistakes": told})
    else:
        for mistake in mistakes:
            click.echo(str(mistake), err=True)
        if not mistakes:
            click.echo(f"{_counted(len(types), 'type')} in order: {', '.join(sorted(types))}.")
    if mistakes:
        if not as_json:
            click.echo(f"\n{_counted(len(mistakes), 'mistake')}. Correct the files and check again.", err=True)
        raise SystemExit(1)


@schema.command()
@click.argument("what", metavar="TYPE|PATH")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON Schema of its records.")
@click.option("--svg", is_flag=True, help="Print the drawing of its states and moves, for a file.")
def show(what: str, as_json: bool, svg: bool) -> None:
    """Show a type: its fields with their rules, its states and moves; of a town's type with its own layer."""
    for record_type in _chosen(what):
        if as_json:
            print_json(record_schema(record_type))
        elif svg and record_type.workflow is not None:
            click.echo(draw(record_type.workflow))
        elif svg:
            raise NotFound(f"{record_type.label_plural} have no workflow, so there is nothing to draw.")
        else:
            _print_type(record_type)


# -- finding --------------------------------------------------------------------------------------------------------


def _installed() -> Iterator[Path]:
    yield Path(townhall.__file__).parent
    for plugin in discover(instance_folder()).values():
        if plugin.manifest is None:
            raise PluginError(plugin.problem)
        yield plugin.folder


def _types_at(path: Path) -> Mapping[str, RecordType]:
    """The types that a file, a folder of schemas or a plugin declares."""
    path = _plugin_in(path.resolve())
    package = Path(townhall.__file__).resolve().parent
    core = core_schemas()
    if path.is_relative_to(package):
        return _declared(core_sources(), core, path)
    root = next((folder for folder in (path, *path.parents[:3]) if (folder / FILE_NAME).is_file()), None)
    if root is None:
        sources = _loose(path)
        return _declared(sources, load_schemas(sources, core), path)
    manifest = read_manifest(root / FILE_NAME)
    sources = read_folder(manifest.name, root / "schemas", manifest.requires)
    _learn_field_types(sources, root, manifest)
    known = load_plugins(discover(instance_folder()), manifest.requires, core, {}, code=False).schemas
    try:
        return _declared(sources, load_schemas(sources, known), path)
    except SchemaErrors as error:
        # Files of one plugin are read together; only what is wrong with those that were asked for is told.
        mine = [mistake for mistake in error.mistakes if Path(mistake.file).resolve().is_relative_to(path)]
        raise SchemaErrors(mine or error.mistakes) from error


def _plugin_in(path: Path) -> Path:
    """The one plugin's folder in a project, or else the path itself."""
    below = [file.parent for pattern in ("*/", "src/*/") for file in path.glob(pattern + FILE_NAME)]
    project = path.is_dir() and (path / "pyproject.toml").is_file() and not (path / FILE_NAME).is_file()
    return below[0] if project and len(below) == 1 else path


def _learn_field_types(sources: Sequence[Source], root: Path, manifest: Manifest) -> None:
    """Import a plugin's code where its schemas name a field type that nobody knows: the plugin may bring it."""
    documents = (read_document(source, Report(source.name)) for source in sources)
    fields = [field for document in documents for field in (document or {}).get("fields", {}).values()]
    fields += [column for field in fields for column in field.get("fields", {}).values()]
    if all(field.get("type") in FIELD_TYPES for field in fields):
        return
    installed = (found for found in discover(instance_folder()).values() if found.folder.resolve() == root)
    try:
        import_plugin(next(installed, Found(manifest.name, root, manifest)))
    except PluginError as error:
        click.echo(str(error), err=True)


def _files_at(path: Path) -> list[Path]:
    """The schemas at a path, and the manifest of the plugin that it is."""
    if path.is_file():
        return [path.resolve()]
    folder = _plugin_in(path.resolve())
    return sorted([*folder.rglob("schemas/*.toml"), *folder.glob("*.toml")])


def _loose(path: Path) -> list[Source]:
    """Files that belong to no plugin yet may link to core's types and to each other."""
    if path.is_dir():
        return read_folder(_NO_PLUGIN, path)
    return [Source(_NO_PLUGIN, path, path.read_text(encoding="utf-8-sig"))]


def _declared(sources: Sequence[Source], schemas: Schemas, path: Path) -> dict[str, RecordType]:
    """The types that these files, which are in order, declare at or below a path."""
    declared: dict[str, RecordType] = {}
    for source in sources:
        document = read_document(source, Report(source.name))
        if document is not None and source.path is not None and source.path.resolve().is_relative_to(path):
            identity = f"{source.plugin}.{document['type']['name']}"
            declared[identity] = schemas[identity]
    return declared


def _chosen(what: str) -> list[RecordType]:
    """The type with this identity, or those at this path."""
    if Path(what).exists():
        found = list(_types_at(Path(what)).values())
        if not found:
            raise NotFound(f"{what}: there is no schema here.")
        return found
    plugins = discover(instance_folder())
    schemas = dict(load_plugins(plugins, plugins, core_schemas(), {}, code=False).schemas)
    if (instance_folder() / config.FILE_NAME).is_file():
        with open_town(safe_mode=True) as town:
            schemas |= town.schemas  # what runs here, with the town's own layer over it
    if what not in schemas:
        close = get_close_matches(what, list(schemas), n=1)
        hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(sorted(schemas))}."
        raise NotFound(f"There is no type {what}. {hint}")
    return [schemas[what]]


# -- showing --------------------------------------------------------------------------------------------------------


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _print_type(record_type: RecordType) -> None:
    click.echo(f"{record_type.identity}: {record_type.label}")
    if record_type.description:
        click.echo(record_type.description)
    facts = [
        ("table", record_type.table),
        ("title", record_type.title.text),
        ("number", record_type.number),
        ("contacts", ", ".join(record_type.contacts)),
        ("forms", ", ".join(record_type.forms)),
        ("public page", record_type.public.label if record_type.public else ""),
    ]
    for name, told in facts:
        if told:
            click.echo(f"  {name}: {told}")
    click.echo("")
    rows = [row for field in record_type.fields.values() for row in _field_rows(field)]
    print_table(("FIELD", "TYPE", "PRIVACY", "RULES"), rows)
    if record_type.workflow is not None:
        _print_workflow(record_type)


def _field_rows(field: Field, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    yield f"{prefix}{field.name}", _type_of(field), field.privacy, ", ".join(_rules(field))
    for column in field.row_fields.values():
        yield from _field_rows(column, f"{field.name}.")


def _type_of(field: Field) -> str:
    if field.compute:
        return f"computed {field.type_name}"
    return f"{field.type_name} to {field.target}" if field.target else field.type_name


def _rules(field: Field) -> Iterator[str]:
    for name in ("required", "unique", "search", "read_only"):
        if getattr(field, name):
            yield name.replace("_", " ")
    for name, words in (("show_if", "shown if"), ("require_if", "required if"), ("lock_if", "locked if")):
        condition = getattr(field, name)
        if condition is not None:
            yield f"{words} {', '.join(sorted(condition.paths()))}"
    for way, operand in (field.compute or {}).items():
        yield f"{way} of {operand if isinstance(operand, str) else ' and '.join(operand)}"


def _print_workflow(record_type: RecordType) -> None:
    workflow = record_type.workflow
    if workflow is None:
        return
    click.echo("")
    kinds = {True: "final", False: ""}
    states = [
        (name, state.label, state.public_label, "incomplete" if state.incomplete else kinds[state.final])
        for name, state in workflow.states.items()
    ]
    print_table(("STATE", "LABEL", "PUBLIC", ""), states)
    click.echo("")
    moves = [(move.name, " ".join(move.sources), move.target, " ".join(move.by)) for move in workflow.transitions]
    print_table(("TRANSITION", "FROM", "TO", "BY"), moves)
    for row in rows(workflow):
        for effect in row.effects:
            click.echo(f"  {row.move.name} {effect}")
    click.echo("")
    click.echo(f"Drawn at /admin/{record_type.plugin}/{record_type.name}/workflow, or with --svg.")

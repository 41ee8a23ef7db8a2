"""A look ahead: everything that switching plugins on would change, worked out without changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.access.actors import system
from townhall.access.permissions import VERB_LABELS
from townhall.access.permissions import moves_of
from townhall.access.permissions import verbs_of
from townhall.db import migration
from townhall.errors import PluginError
from townhall.extend import compatibility
from townhall.extend import states
from townhall.extend.compatibility import listed
from townhall.extend.discovery import Found
from townhall.extend.discovery import discover
from townhall.extend.loading import Loaded
from townhall.extend.loading import in_order
from townhall.lifecycle import seeds
from townhall.lifecycle import upgrading
from townhall.lifecycle.status import requirements
from townhall.lifecycle.status import status
from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall.town import Town

#: What each kind of step adds to the database, in words for one and for many.
_STEPS = {"table": ("table", "tables"), "column": ("column", "columns"), "index": ("index", "indexes")}


@dataclass(frozen=True, slots=True)
class Addition:
    """One kind of thing that comes: how many, and which."""

    what: str
    which: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What switching plugins on would add; ``problem`` says why it can't be. ``also`` come along, being required."""

    name: str
    title: str
    types: tuple[RecordType, ...] = ()
    also: tuple[str, ...] = ()
    additions: tuple[Addition, ...] = ()
    problem: str = ""


def preview(town: Town, names: Sequence[str], *, code: bool = True) -> Preview:
    """What switching ``names`` on together would add, or why they can't be switched on. Changes nothing.

    Without ``code`` no plugin's code runs, and what only that can tell is left open.
    """
    names = tuple(dict.fromkeys(names))
    title = listed([status(town, name).title for name in names])
    found = discover(town.instance)
    wanted = states.enabled(town.system)
    also = requirements(found, tuple(names)) - wanted - {*names}
    added = {*also, *names}
    loaded = town.try_out(wanted | added, code=code)
    ordered = in_order(found, added)
    unseen = [] if code else [found[name].title for name in ordered if _needs_code(found, loaded, name)]
    if unseen:
        blocked = compatibility.check(found, wanted | added)
        problem = next((blocked[name] for name in ordered if name in blocked), "")
        which = f"what {listed(unseen)} keeps, because its schemas can't be read before its code runs"
        return Preview(names[-1], title, (), tuple(sorted(also)), (Addition("Not known yet", which),), problem)
    types = tuple(record_type for record_type in loaded.schemas.values() if record_type.plugin in added)
    problem = _problem(town, found, (*names, *in_order(found, also)), loaded)
    additions = () if problem else tuple(_additions(town, found, ordered, tuple(sorted(also)), loaded))
    return Preview(names[-1], title, types, tuple(sorted(also)), additions, problem)


def _needs_code(found: Mapping[str, Found], loaded: Loaded, name: str) -> bool:
    """Whether a plugin's schemas could not be read and may have needed field types that its code brings."""
    error = loaded.errors.get(name)
    return error is not None and error.stage == "schemas" and (found[name].folder / "__init__.py").is_file()


def _problem(town: Town, found: Mapping[str, Found], added: Sequence[str], loaded: Loaded) -> str:
    """The first sentence on what doesn't fit: of the plugins to be switched on, or of one that would stop running."""
    concerned = [name for name in added if name in loaded.problems]
    if concerned:
        return loaded.problems[concerned[0]]
    # What can't run already holds nobody up.
    problems = {**upgrading.conflicts(town, found, loaded), **loaded.problems}
    return next((text for name, text in problems.items() if name not in town.plugins.problems), "")


def _additions(
    town: Town, found: Mapping[str, Found], added: Sequence[str], also: Sequence[str], loaded: Loaded
) -> Iterator[Addition]:
    types = [record_type for record_type in loaded.schemas.values() if record_type.plugin in added]
    if also:
        titles = ", ".join(found[name].title for name in also)
        yield Addition(_count(len(also), "other plugin", "other plugins"), f"{titles}, needed for it")
    yield from _kinds(types)
    kept = sum(_kept(town, record_type) for record_type in types)
    if kept:
        yield Addition(_count(kept, "kept record", "kept records"), "can be changed again")
    waiting = [pending.file for name in added for pending in upgrading.pending(town, name)]
    if waiting:
        yield Addition(_count(len(waiting), "migration", "migrations"), ", ".join(waiting))
    steps = [step for step in migration.planned(town.database, loaded.schemas) if step.plugin in added]
    for kind, (one, many) in _STEPS.items():
        names = [step.name for step in steps if step.kind == kind]
        if names:
            yield Addition(_count(len(names), one, many), ", ".join(names))
    yield from _permissions(types)
    yield from _menu(found, added, types)
    yield from _public(types)
    yield from _seeds(town, found, added, loaded)
    yield from _jobs(found, added)
    yield from _settings(found, added, loaded)


def _kinds(types: Sequence[RecordType]) -> Iterator[Addition]:
    if types:
        yield Addition(_count(len(types), "kind of record", "kinds of record"), _names(types))
    cases = [record_type for record_type in types if record_type.is_case]
    if cases:
        yield Addition(_count(len(cases), "kind of case", "kinds of case"), _names(cases))


def _permissions(types: Sequence[RecordType]) -> Iterator[Addition]:
    """The permissions that come: those that every type has once, then each type's own."""
    brought = [(record_type, (*verbs_of(record_type), *moves_of(record_type))) for record_type in types]
    labels = [(record_type, [label for _, label in each]) for record_type, each in brought]
    count = sum(len(each) for _, each in labels)
    if not count:
        return
    shared = [label for label in VERB_LABELS.values() if all(label in each for _, each in labels)]
    own = [(each.label_plural, [label for label in mine if label not in shared]) for each, mine in labels]
    parts = [f"For each kind: {', '.join(shared)}", *(f"{name}: {', '.join(mine)}" for name, mine in own if mine)]
    yield Addition(_count(count, "permission", "permissions"), "; ".join(parts))


def _menu(found: Mapping[str, Found], added: Sequence[str], types: Sequence[RecordType]) -> Iterator[Addition]:
    entries: list[str] = []
    for name in added:
        mine = [each for each in types if each.plugin == name and each.navigation == "records"]
        manifest = found[name].manifest
        if len(mine) > 1 and manifest is not None:
            entries.append(manifest.navigation_label or manifest.title)
        else:
            entries += [each.label_plural for each in mine]
    entries += [f"{each.label_plural} (set-up)" for each in types if each.navigation == "setup"]
    if entries:
        yield Addition(_count(len(entries), "menu entry", "menu entries"), ", ".join(entries))


def _public(types: Sequence[RecordType]) -> Iterator[Addition]:
    forms = [form for record_type in types for form in record_type.sent_forms.values()]
    if forms:
        which = ", ".join(f"“{form.label}”" for form in forms)
        yield Addition(_count(len(forms), "public form", "public forms"), which)
    lists = [record_type.public for record_type in types if record_type.public is not None]
    if lists:
        which = ", ".join(f"“{each.label}”" for each in lists)
        yield Addition(_count(len(lists), "public list", "public lists"), which)


def _seeds(town: Town, found: Mapping[str, Found], added: Sequence[str], loaded: Loaded) -> Iterator[Addition]:
    """The first records that would be planted: of plugins that the town never had on."""
    known = states.read(town.system)
    planted: list[str] = []
    for name in added:
        for file in seeds.files(found[name].folder) if name not in known else ():
            type_name, rows = seeds.read(file)
            record_type = loaded.schemas.get(type_name if type_name == seeds.TEMPLATE else f"{name}.{type_name}")
            if record_type is not None:
                word = record_type.label if len(rows) == 1 else record_type.label_plural
                planted.append(f"{len(rows)} {word.lower()}")
                for field in record_type.fields.values():
                    if seeds.name_field(loaded.schemas, field):
                        named = {row[field.name] for row in rows if isinstance(row.get(field.name), str)}
                        label = loaded.schemas[field.target].label_plural.lower()
                        planted += [f"{label} {', '.join(sorted(named))}"] if named else []
    if planted:
        yield Addition("First records", ", ".join(planted))


def _jobs(found: Mapping[str, Found], added: Sequence[str]) -> Iterator[Addition]:
    jobs: list[str] = []
    for name in added:
        manifest = found[name].manifest
        for job in manifest.jobs.values() if manifest is not None else ():
            jobs.append(f"{job.label}, {job.schedule.in_words()}")
    if jobs:
        yield Addition(_count(len(jobs), "job", "jobs"), "; ".join(jobs))


def _settings(found: Mapping[str, Found], added: Sequence[str], loaded: Loaded) -> Iterator[Addition]:
    values: list[str] = []
    for name in added:
        manifest = found[name].manifest
        for setting in manifest.settings.values() if manifest is not None else ():
            values.append(f"{setting.label}: {_shown(loaded.settings[name][setting.name])}")
    if values:
        yield Addition(_count(len(values), "setting", "settings"), ", ".join(values))


def _shown(value: object) -> str:
    return {"True": "yes", "False": "no", "": "empty"}.get(str(value), str(value))


def _kept(town: Town, record_type: RecordType) -> int:
    if record_type.identity not in town.schemas:
        return 0
    return town.records.count(system(), record_type.identity, archived=None).value


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _names(types: Sequence[RecordType]) -> str:
    return ", ".join(record_type.label_plural.lower() for record_type in types)


def refuse(plan: Preview) -> None:
    """Raise :class:`~townhall.errors.PluginError` with the reason if what was looked at can't be switched on."""
    if plan.problem:
        raise PluginError(plan.problem)

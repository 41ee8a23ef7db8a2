"""Bringing a town's tables to where the installed Townhall and the plugins that are on want them.

What can be had by adding is added (:mod:`townhall.db.migration`); everything else is said by the files in a plugin's
folder ``migrations``, which run once each, in the order of their names. For one plugin this is one transaction: either
all of it is done and stands in the ledger, or nothing is changed, the plugin is off with a reason, and the rest runs.

A failed upgrade is not tried again by every process that starts, but when something about it has changed, when the
plugin is switched on, or by ``townhall migrate``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from functools import cache
from hashlib import sha256
from importlib.metadata import version as installed_version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from townhall.db import ledger
from townhall.db import meta
from townhall.db import migration
from townhall.db import snapshots
from townhall.db.system import SystemTables
from townhall.db.transactions import immediate
from townhall.errors import ConfigurationError
from townhall.errors import PluginError
from townhall.errors import TownhallError
from townhall.extend import states
from townhall.extend.discovery import Found
from townhall.extend.discovery import discover
from townhall.extend.loading import Loaded
from townhall.lifecycle.migrations import closing
from townhall.lifecycle.migrations import files as migration_files
from townhall.lifecycle.migrations import kept
from townhall.lifecycle.migrations.kept import CORE
from townhall.lifecycle.migrations.plans import Pending
from townhall.lifecycle.migrations.plans import Plan
from townhall.lifecycle.migrations.plans import plan as make_plan
from townhall.lifecycle.migrations.plans import told
from townhall.lifecycle.migrations.plans import version_of
from townhall.lifecycle.migrations.running import Done
from townhall.lifecycle.migrations.running import run
from townhall.lifecycle.migrations.scene import MigrationContext
from townhall.lifecycle.migrations.scene import Scene
from townhall.lifecycle.migrations.shapes import Shapes
from townhall.lifecycle.migrations.shapes import aliases
from townhall.lifecycle.migrations.shapes import load_kept
from townhall.records import refreshing
from townhall_forms.errors import FormsError
from townhall_forms.schema import RecordType
from townhall_forms.schema import Schemas

if TYPE_CHECKING:
    from townhall.town import Town

log = logging.getLogger("townhall.upgrading")

#: The folder whose ``migrations`` are Townhall's own.
CORE_FOLDER = Path(__file__).parent.parent
#: Keys of the facts that the town keeps about its upgrades.
_FAILURES = "upgrade_failures"
_STALE = "stale_search"


@dataclass
class Report:
    """What became of upgrades since a town was opened.

    ``failures`` say by plugin why it stays as it was, ``notices`` what somebody should look at, ``snapshots`` where
    the database is kept as it was.
    """

    done: list[Done] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=list)


# -- what waits -----------------------------------------------------------------------------------------------------


def pending(town: Town, plugin: str) -> list[Pending]:
    """The migrations that will run when ``plugin`` is next brought up, in their order; none if it has no tables yet.

    Raises :class:`~townhall.errors.PluginError` if they can't be read, or can't run on what the town has.
    """
    found = discover(town.instance).get(plugin)
    if found is None or found.manifest is None:
        return []
    plan = make_plan(town.system, plugin, found.title, found.version, found.folder)
    if plan.new:
        return []
    scripts = migration_files.read_all(plan.waiting)
    return [told(file, scripts.get(file.name)) for file in plan.waiting]


def conflicts(town: Town, found: Mapping[str, Found], loaded: Loaded) -> dict[str, str]:
    """Plugins among those loaded whose tables could not be brought up to date, with reasons. Changes nothing."""
    problems = migration.conflicts(town.database, town.system, loaded.schemas)
    for name, plugin in loaded.running.items():
        try:
            plan = make_plan(town.system, name, plugin.title, plugin.version, found[name].folder)
            migration_files.read_all(plan.waiting)
        except PluginError as error:
            problems[name] = str(error)
            continue
        if plan.waiting and not plan.new and "belongs to Townhall itself" not in problems.get(name, ""):
            # Whether the tables fit is known only once the migrations have run.
            problems.pop(name, None)
    return problems


# -- Townhall's own -------------------------------------------------------------------------------------------------


def prepare_core(town: Town) -> None:
    """Bring Townhall's own tables up to date, before anything else is read.

    Raises :class:`~townhall.errors.ConfigurationError` if a newer Townhall has used this database, or if a migration of
    Townhall's own fails; then nothing is changed.
    """
    system = town.system
    town.upgrade.done += [Done(CORE, what) for what in migration.prepare_ledger(town.database, system)]
    ours = _running_version()
    theirs = meta.get(system, kept.CORE_VERSION)
    if theirs and version_of(theirs) > version_of(ours):
        raise ConfigurationError(
            f"This database was last used with Townhall {theirs}, and this is Townhall {ours}. "
            f"Install Townhall {theirs} or a newer one, or go back to a backup from before the upgrade."
        )
    try:
        plan = make_plan(system, CORE, "Townhall", ours, CORE_FOLDER)
        if plan.waiting and not plan.new:
            _run(_Upgrade(town, plan, core_types(town), Schemas(core_types(town))), additions=False)
    except PluginError as error:
        raise ConfigurationError(str(error)) from error
    town.upgrade.done += [Done(CORE, what) for what in migration.prepare_system(town.database, system)]
    if theirs != ours:
        meta.put(system, kept.CORE_VERSION, ours)


@cache
def _running_version() -> str:
    """The version of the Townhall that runs, which stays the same until this process ends."""
    return installed_version("townhall")


def core_types(town: Town) -> Mapping[str, RecordType]:
    """Core's own types as this Townhall declares them."""
    return {identity: each for identity, each in town.core.items() if each.plugin == CORE}


# -- every plugin ---------------------------------------------------------------------------------------------------


def bring_up_to_date(town: Town, found: Mapping[str, Found], loaded: Loaded) -> dict[str, str]:
    """Upgrade the tables of core and of all loaded plugins, each by itself; why some of them could not be.

    Raises :class:`~townhall.errors.ConfigurationError` for core's own types.
    """
    problems: dict[str, str] = {}
    core = make_plan(town.system, CORE, "Townhall", _running_version(), CORE_FOLDER)
    try:
        _bring(_Upgrade(town, core, loaded.schemas, loaded.schemas))
    except PluginError as error:
        raise ConfigurationError(str(error)) from error
    for name, plugin in loaded.running.items():
        needed = [each for each in (plugin.manifest.requires if plugin.manifest else ()) if each in problems]
        if needed:
            problems[name] = f"{plugin.title} needs the plugin {needed[0]}, which is not running."
            continue
        try:
            plan = make_plan(town.system, name, plugin.title, plugin.version, found[name].folder)
            _bring(_Upgrade(town, plan, loaded.schemas, loaded.schemas))
        except PluginError as error:
            problems[name] = str(error)
    town.upgrade.failures = {**town.upgrade.failures, **problems}
    return problems


def prepare_kept(town: Town, loaded: Loaded) -> None:
    """Make what tables of plugins that don't run lack: all of them, where records came out of a pack."""
    for name in loaded.frozen:
        sentences = migration.prepare_plugin(town.database, town.system, name, loaded.schemas)
        town.upgrade.done += [Done(name, sentence) for sentence in sentences]


def finish(town: Town) -> None:
    """Compute, title and index anew the types whose values an upgrade changed, now that records can be read."""
    waiting: list[str] = json.loads(meta.get(town.system, _STALE, "[]"))
    if not any(identity in town.schemas for identity in waiting):
        return
    for identity in [each for each in waiting if each in town.schemas]:
        start = perf_counter()
        try:
            with migration.alone(town.database):
                left: list[str] = json.loads(meta.get(town.system, _STALE, "[]"))
                if identity not in left:
                    continue
                rows = refreshing.refresh_type(town, identity)
                meta.put(town.system, _STALE, json.dumps([each for each in left if each != identity]))
        except Exception as error:
            log.exception("The records of %s could not be indexed anew", identity)
            town.upgrade.notices.append(
                f"Titles and search entries of {identity} are those from before its upgrade: {error}. "
                "The next start, or townhall migrate, tries again."
            )
            continue
        what = f"Indexed the records of {identity} anew."
        town.upgrade.done.append(Done(identity.partition(".")[0], what, "", rows, perf_counter() - start))


def forget_failures(system: SystemTables, plugins: Sequence[str] | None = None) -> None:
    """Have upgrades that failed tried again: of these plugins, or all."""
    known = _failures(system)
    left = {} if plugins is None else {name: told for name, told in known.items() if name not in plugins}
    if left != known:
        meta.put(system, _FAILURES, json.dumps(left))


def _failures(system: SystemTables) -> dict[str, list[str]]:
    failures: dict[str, list[str]] = json.loads(meta.get(system, _FAILURES, "{}"))
    return failures


class _Upgrade:
    """One plugin's way from the tables that it has to those that its schemas want."""

    def __init__(self, town: Town, plan: Plan, loaded: Mapping[str, RecordType], schemas: Schemas) -> None:
        self.town = town
        self.plan = plan
        self.loaded = loaded
        self.schemas = schemas
        self.texts = kept.texts(town, plan.plugin)

    @property
    def mark(self) -> str:
        """What tells this upgrade from the same one after somebody has changed something about it."""
        tables = migration.fingerprint(self.plan.plugin, self.schemas)
        parts = [self.plan.version, tables, *(file.checksum for file in self.plan.waiting)]
        return sha256("\n".join(parts).encode()).hexdigest()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        plugin, system = self.plan.plugin, self.town.system
        tables = migration.fingerprint(plugin, self.schemas)
        if self.plan.waiting or migration.applied_fingerprints(system).get(plugin) != tables:
            return False
        return kept.kept(self.town, plugin) == (self.plan.version, self.texts)

    def again(self) -> _Upgrade:
        """The same, as the database stands now."""
        folder = CORE_FOLDER if self.plan.plugin == CORE else self._folder
        plan = make_plan(self.town.system, self.plan.plugin, self.plan.title, self.plan.version, folder)
        return _Upgrade(self.town, plan, self.loaded, self.schemas)

    @property
    def _folder(self) -> Path:
        return self.town.found[self.plan.plugin].folder

    def scene(self) -> Scene:
        """What the steps work on: the types as the tables have them."""
        town, plugin = self.town, self.plan.plugin
        entries = ledger.migrations(town.system)
        around = aliases(entries, self.loaded)
        _, texts = kept.kept(town, plugin)
        own = load_kept(plugin, texts, around)
        # Schemas that others keep link to these under the names that they still have.
        around |= {each.identity: each for each in own}
        known = [each for each in self.loaded.values() if each.plugin != plugin]
        for name, state in states.read(town.system).items():
            if name != plugin:
                # The ones kept come first: tables of a plugin that is upgraded later are still as it had them.
                known = [*load_kept(name, states.schemas_text(state.schemas), around), *known]
        context = MigrationContext(town.system, town.settings, town.clock)
        shapes = Shapes(plugin, own, self.schemas)
        return Scene(town.database, town.system, context, shapes, known)


def _bring(upgrade: _Upgrade) -> None:
    plan, town = upgrade.plan, upgrade.town
    for name in plan.changed:
        notice = (
            f"{plan.title}: the migration {name} was applied to this town and has been changed since. "
            "It is not run again; ask whoever makes it what the change means for you."
        )
        if notice not in town.upgrade.notices:
            town.upgrade.notices.append(notice)
            log.warning("%s", notice)
    if upgrade.is_done:
        return
    failed = _failures(town.system).get(plan.plugin)
    if failed is not None and failed[0] == upgrade.mark:
        raise PluginError(failed[1])
    _run(upgrade, additions=True)


def _run(upgrade: _Upgrade, *, additions: bool) -> None:
    """Do everything that is left for one plugin, or nothing."""
    town, mark = upgrade.town, upgrade.mark
    done: list[Done] = []
    try:
        with _told_as(upgrade.plan), migration.alone(town.database):
            current = upgrade.again()
            if current.plan.waiting and current.plan.new:
                _skip(current)
            elif current.plan.waiting:
                done += _migrate(current)
            if additions:
                done += _add(current)
            if any(each.file for each in done):
                # Processes that run already know the tables by their names before.
                town.built_for = meta.bump_generation(town.system)
    except PluginError as error:
        if not town.safe_mode:
            with immediate(town.database):
                failures = _failures(town.system) | {upgrade.plan.plugin: [mark, str(error)]}
                meta.put(town.system, _FAILURES, json.dumps(failures))
        raise
    forget_failures(town.system, [upgrade.plan.plugin])
    town.upgrade.done += done


@contextmanager
def _told_as(plan: Plan) -> Iterator[None]:
    """Whatever goes wrong, down to an exit, is one sentence about the plugin."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | MemoryError):
            raise
        known = isinstance(error, TownhallError | FormsError)
        if not known:
            log.exception("The upgrade of %s failed", plan.plugin)
        reason = str(error) if known else f"{type(error).__name__}: {error}."
        raise PluginError(
            f"{plan.title} {plan.version} could not be upgraded: {reason} Nothing was changed. "
            "When the cause is out of the way, run townhall migrate."
        ) from error


def _skip(upgrade: _Upgrade) -> None:
    """A plugin that begins here begins with the tables of today: its migrations have nothing to do."""
    plan = upgrade.plan
    for file in plan.waiting:
        sentence = f"{file.name}: not needed, since {plan.title} {plan.version} is new here."
        ledger.write_migration(upgrade.town.system, plan.plugin, plan.version, file.name, file.checksum, sentence, ())


def _migrate(upgrade: _Upgrade) -> list[Done]:
    plan, town = upgrade.plan, upgrade.town
    if town.safe_mode and any(file.is_code for file in plan.waiting):
        raise PluginError("its migrations run code of the plugin, and safe mode runs none.")
    scripts = migration_files.read_all(plan.waiting)
    _snapshot(upgrade)
    scene = upgrade.scene()
    done = run(scene, plan, scripts)
    migration.forget_fingerprint(town.system, plan.plugin)
    if scene.stale:
        stale = {*json.loads(meta.get(town.system, _STALE, "[]")), *scene.stale}
        meta.put(town.system, _STALE, json.dumps(sorted(stale)))
    return done


def _snapshot(upgrade: _Upgrade) -> None:
    town, plan = upgrade.town, upgrade.plan
    if town.rehearsal:
        return
    own = [name for name in town.database.get_tables() if name.startswith(f"{plan.plugin}_")]
    tables = [*own, *(migration.table_name(model) for model in town.system.models)]
    keep = town.settings.snapshots
    before, _ = kept.kept(town, plan.plugin)
    where = snapshots.take(
        town.database, town.instance, plan.plugin, before or plan.version, town.clock.now(), dict.fromkeys(tables), keep
    )
    town.upgrade.snapshots.append(where)


def _add(upgrade: _Upgrade) -> list[Done]:
    plan, town = upgrade.plan, upgrade.town
    start = perf_counter()
    sentences = migration.prepare_plugin(town.database, town.system, plan.plugin, upgrade.schemas, plan.version)
    mine = [each for each in upgrade.schemas.values() if each.plugin == plan.plugin]
    if settled := closing.settle(town.database, mine):
        sentences = [*sentences, f"Said of {settled:,} cases anew whether they are closed, as their states are now."]
    seconds = (perf_counter() - start) / max(len(sentences), 1)
    kept.keep(town, plan.plugin, plan.version, upgrade.texts)
    return [Done(plan.plugin, sentence, "", 0, seconds) for sentence in sentences]

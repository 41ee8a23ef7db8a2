"""The town: everything that runs, put together. Knows no web framework.

:meth:`Town.open` goes from settings over the database and its own tables to plugins, schemas, tables and records, in
this order. What the plugins decide is renewed as a whole by :meth:`Town.reload`, or in a second town on the same
database by :meth:`Town.renewed`, so that requests under way keep what they began with.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from townhall import private
from townhall import secret_key
from townhall.access.actors import Actor
from townhall.cases import clock_keeping
from townhall.cases import offered
from townhall.cases import recomputing
from townhall.cases import routing
from townhall.cases import rulebook
from townhall.cases.effects import EFFECTS
from townhall.citizens import guarding
from townhall.clock import Clock
from townhall.clock import SystemClock
from townhall.config import FILE_NAME
from townhall.config import Settings
from townhall.config import load_settings
from townhall.context import TownContext
from townhall.db import meta
from townhall.db import migration
from townhall.db.copies import copy_of
from townhall.db.engines import TownDatabase
from townhall.db.engines import database_file
from townhall.db.engines import describe
from townhall.db.engines import open_database
from townhall.db.system import SystemTables
from townhall.encryption import KEYS_USED
from townhall.encryption import Vault
from townhall.errors import ConfigurationError
from townhall.errors import PluginError
from townhall.errors import RestartNeeded
from townhall.extend import frozen
from townhall.extend import importing
from townhall.extend import keeping
from townhall.extend import states
from townhall.extend import uploads
from townhall.extend.discovery import Found
from townhall.extend.discovery import discover
from townhall.extend.failures import FailureLog
from townhall.extend.hooks import decided_by
from townhall.extend.loading import Loaded
from townhall.extend.loading import load_plugins
from townhall.extend.manager import PluginManager
from townhall.extend.states import State
from townhall.lifecycle import restore_staging
from townhall.lifecycle import seeds
from townhall.lifecycle import town_layer
from townhall.lifecycle import upgrading
from townhall.lifecycle.roles import seed_roles
from townhall.messages import following
from townhall.messages import queueing
from townhall.records.domains import Domain
from townhall.records.files import FileStore
from townhall.records.old_names import OldNames
from townhall.records.service import Records
from townhall_forms.layer import Layer
from townhall_forms.layer_editing import without_misfits
from townhall_forms.layer_parts import Conflict
from townhall_forms.layered import load_layered
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.loading import read_folder
from townhall_forms.schema import Schemas
from townhall_forms.tables import Tables
from townhall_forms.tables import build_tables

#: Where core's own types are declared.
CORE_FOLDERS = ("contacts", "interactions", "events", "cases", "messages")
#: Core's own part in writes, in the order in which they are asked and told.
DOMAINS: tuple[Domain, ...] = (
    rulebook.DOMAIN,
    routing.ROUTES,
    routing.DOMAIN,
    *recomputing.DOMAINS,
    *clock_keeping.DOMAINS,
    EFFECTS,
    *queueing.DOMAINS,
    following.DOMAIN,
    guarding.DOMAIN,
)
#: Counts writes of all towns of this process, so that no number ever comes again.
_WRITES = count()


class Town:
    """One town: its settings, database, plugins and records. Open it with :meth:`open`; close it when done."""

    settings: Settings
    instance: Path
    database: TownDatabase
    system: SystemTables
    clock: Clock
    secret: bytes
    schemas: Schemas
    tables: Tables
    plugins: PluginManager
    records: Records
    files: FileStore
    vault: Vault
    failures: FailureLog
    layer: Layer
    layer_conflicts: tuple[Conflict, ...]
    old_names: OldNames
    writes: int
    domains: tuple[Domain, ...] = DOMAINS

    def __init__(
        self,
        instance: Path,
        settings: Settings,
        database: TownDatabase,
        clock: Clock,
        *,
        safe_mode: bool = False,
        retry: bool = False,
        rehearsal: bool = False,
    ) -> None:
        """Use :meth:`open`; this takes a database that is open already.

        With ``retry`` upgrades that failed are tried again. A ``rehearsal`` is about a copy of the town's database, and
        writes nothing into the instance.
        """
        self.instance = instance
        self.settings = settings
        self.database = database
        self.clock = clock
        self.safe_mode = safe_mode
        self.rehearsal = rehearsal
        self.zone: ZoneInfo = settings.zone
        #: How often records were written here, so that what was worked out from them before is known to be old.
        self.writes = next(_WRITES)
        self.system = SystemTables(database)
        self.core = core_schemas()
        self.core_folders = [Path(__file__).parent / folder / "schemas" for folder in CORE_FOLDERS]
        #: What was done to the tables since this town was opened, and what could not be.
        self.upgrade = upgrading.Report()
        upgrading.prepare_core(self)
        if retry:
            upgrading.forget_failures(self.system)
        seed_roles(self.system)
        self.secret = secrets.token_bytes(48) if rehearsal else secret_key.read(instance)
        #: Encrypts what is not to stand in the database as it is.
        self.vault = Vault(instance / settings.encryption_key_file, meta.get(self.system, KEYS_USED, "").split())
        self.files = FileStore(self)
        self.failures = FailureLog(self.system, clock)
        self.reload()

    @classmethod
    def open(
        cls,
        instance: Path,
        *,
        clock: Clock | None = None,
        database: str | None = None,
        safe_mode: bool = False,
        retry: bool = False,
    ) -> Town:
        """Open the town whose settings and files are in the folder ``instance``.

        ``database`` replaces the setting of that name; in ``safe_mode`` no plugin's code runs; with ``retry`` upgrades
        that failed are tried again. Raises :class:`~townhall.errors.ConfigurationError`. A plugin that can't run is
        off, with a reason, and no error.
        """
        instance = existing(instance, database)
        settings = load_settings(instance)
        connection = connect(database or settings.database, instance)
        try:
            town = cls(instance, settings, connection, clock or SystemClock(), safe_mode=safe_mode, retry=retry)
            if not safe_mode:
                with suppress(PluginError):  # noted as a failure of the plugin
                    seeds.plant_waiting(town)
            return town
        except BaseException:
            connection.close_all()
            raise

    @classmethod
    def rehearse(
        cls, instance: Path, *, clock: Clock | None = None, database: str | None = None, safe_mode: bool = False
    ) -> upgrading.Report:
        """Run the whole upgrade on a copy of the town's database, and say what came of it. The town is not touched.

        Raises :class:`~townhall.errors.ConfigurationError`, also when an upgrade of Townhall's own tables fails.
        """
        instance = existing(instance, database)
        settings = load_settings(instance)
        url = database or settings.database
        connection = connect(url, instance)
        try:
            with copy_of(connection, url, instance) as copy:
                options = {"safe_mode": safe_mode, "retry": True, "rehearsal": True}
                town = cls(instance, settings, copy, clock or SystemClock(), **options)
                return town.upgrade
        finally:
            connection.close_all()

    def close(self) -> None:
        """Give everything back; the town can't be used afterwards."""
        self.failures.flush()
        self.database.close_all()

    def reload(self) -> None:
        """Take up what changed: plugins that were switched, schemas that grew."""
        self.built_for = meta.generation(self.system)
        uploads.lay_out(self.system, self.instance)
        self.found = found = discover(self.instance)
        self.layer, unreadable = town_layer.published(self.system)
        loaded = self._fit(found, states.read(self.system))
        #: Parts of the town's own layer that had to be left out.
        self.layer_conflicts = (*unreadable, *loaded.conflicts)
        decides = {name: state.decides for name, state in states.read(self.system).items()}
        self.plugins = PluginManager(self, found, loaded, decides)
        self.schemas = loaded.schemas = self.plugins.guarded(offered.with_case_types(loaded.schemas))
        self.tables = build_tables(loaded.schemas, self.database)
        self.records = Records(self)
        upgrading.finish(self)
        #: What history calls by names that were changed since.
        self.old_names = OldNames.of(self)
        states.note_problems(self.system, loaded.problems)
        if not self.safe_mode:
            names = loaded.running
            states.note_decisions(self.system, {name: decided_by(loaded.hooks.get(name, ())) for name in names})
        for name, error in loaded.errors.items():
            self.failures.note(name, error.stage or "tables", "", error)  # type: ignore[arg-type]  # it is a stage
        self.failures.flush()

    def wrote(self) -> None:
        """Remember that records were written."""
        self.writes = next(_WRITES)

    @property
    def changes(self) -> list[str]:
        """What was done to the tables since this town was opened, in sentences."""
        return [done.sentence for done in self.upgrade.done]

    def renewed(self, *, without: str = "") -> Town:
        """A new town of the same place on the same database, with what changed since this one was opened.

        Raises :class:`~townhall.errors.RestartNeeded` if the code of a plugin that is to run on is not the code that
        this process runs. ``without`` names a plugin that is about to be switched off, and may be different.
        """
        if reason := self.outdated_code(without):
            raise RestartNeeded(reason)
        return Town(self.instance, load_settings(self.instance), self.database, self.clock, safe_mode=self.safe_mode)

    def outdated_code(self, without: str = "") -> str:
        """Why this process can't take up what changed: a sentence for each plugin whose code is another by now."""
        if self.safe_mode:
            return ""
        wanted = states.enabled(self.system) - {without}
        reasons = (importing.outdated(found) for name, found in self.plugins.running.items() if name in wanted)
        return " ".join(filter(None, reasons))

    def generation(self) -> int:
        """The generation in the database, which every switch of a plugin raises. One small query."""
        return meta.generation(self.system)

    @property
    def is_current(self) -> bool:
        """Whether nothing was switched since this town was opened or reloaded."""
        return self.generation() == self.built_for

    def context(self, actor: Actor) -> TownContext:
        """What field types need to know of this town, as ``actor`` sees it."""
        return TownContext(self, actor)

    def today(self) -> date:
        """The present day in the town's zone."""
        return self.clock.now().astimezone(self.zone).date()

    def try_out(self, wanted: frozenset[str], *, code: bool = True) -> Loaded:
        """What would run if exactly the plugins in ``wanted`` were on; changes nothing.

        In safe mode, and without ``code``, no plugin's code runs.
        """
        loaded = self._run(discover(self.instance), wanted, self.layer, code=code and not self.safe_mode)
        loaded.schemas = self.plugins.guarded(loaded.schemas)
        return loaded

    def try_layer(self, layer: Layer) -> Loaded:
        """The types as they would be under another layer; runs no plugin's code and changes nothing."""
        running = self.plugins.running
        loaded = self._run(running, frozenset(running), layer, code=False)
        loaded.schemas = self.plugins.guarded(loaded.schemas)
        return loaded

    def _run(self, found: Mapping[str, Found], wanted: Iterable[str], layer: Layer, *, code: bool) -> Loaded:
        """The plugins that are wanted over core's types, all with a layer over them."""
        core, conflicts = layered_core(layer)
        loaded = load_plugins(
            found, wanted, core, self.settings.plugins, code=code, own_types=not self.safe_mode, layer=layer
        )
        loaded.conflicts[:0] = conflicts
        return loaded

    def _fit(self, found: Mapping[str, Found], kept: Mapping[str, State]) -> Loaded:
        """Load the wanted plugins and bring the tables up to date; a plugin whose tables don't fit stays off.

        Types of plugins that don't run are added as the town keeps them, and those that run are kept as they are now.
        """
        wanted = frozenset(name for name, state in kept.items() if state.enabled)
        readable, layer = dict(kept), self.layer
        self.upgrade.failures = {}
        misfits: Sequence[Conflict] = ()
        loaded = self._load(found, wanted, readable, layer)
        if layer and migration.conflicts(self.database, self.system, loaded.schemas):
            layer, misfits = without_misfits(layer, migration.misfits(self.database, loaded.schemas))
            loaded = self._load(found, wanted, readable, layer)
        unfit = upgrading.bring_up_to_date(self, found, loaded)
        # What is kept of a plugin that doesn't run fits its tables, unless somebody else changed them.
        odd = migration.conflicts(self.database, self.system, loaded.schemas).keys() & loaded.frozen.keys()
        if unfit or odd:
            readable = {name: state for name, state in readable.items() if name not in odd}
            loaded = self._load(found, wanted - unfit.keys(), readable, layer)
        for plugin, reason in unfit.items():
            loaded.fail(plugin, PluginError(reason, "migration"))
        loaded.conflicts[:0] = misfits
        upgrading.prepare_kept(self, loaded)
        if not self.safe_mode:
            keeping.keep(self.system, loaded, kept)
        return loaded

    def _load(
        self, found: Mapping[str, Found], wanted: frozenset[str], kept: Mapping[str, State], layer: Layer
    ) -> Loaded:
        """Those that are wanted, and the types that the town keeps of all others."""
        loaded = self._run(found, wanted, layer, code=not self.safe_mode)
        if self.safe_mode:
            loaded.schemas = frozen.restrict(loaded.schemas, kept)
        loaded.schemas, loaded.frozen = frozen.freeze(loaded.schemas, kept, tuple(loaded.running), layer)
        return loaded


def existing(instance: Path, database: str | None = None) -> Path:
    """The folder of a town, after what a restore may have left to do there is done.

    Raises :class:`~townhall.errors.ConfigurationError` where there is no town.
    """
    instance = instance.resolve()
    if reason := private.unreadable(instance):
        raise ConfigurationError(reason)
    if instance.is_dir():
        restore_staging.finish(instance, database)
    if not (instance / FILE_NAME).exists() and not secret_key.is_there(instance):
        raise ConfigurationError(f"{instance}: there is no town in this folder; make one with townhall init.")
    return instance


def connect(url: str, instance: Path, *, begun: bool = False) -> TownDatabase:
    """The database of the town in ``instance``, open.

    A folder with a key, or one that was ``begun``, has a town somewhere, so a new one is not begun there.
    Raises :class:`~townhall.errors.ConfigurationError`.
    """
    if secret_key.is_there(instance):
        secret_key.read(instance)
    elif not begun:
        return open_database(url, instance)
    file = database_file(url, instance)
    if file is not None and not (file.exists() and file.stat().st_size):
        raise _lost(f"{file} is empty" if file.exists() else f"{file} is not there")
    connection = open_database(url, instance)
    if connection.table_exists("meta"):
        return connection
    connection.close_all()
    raise _lost(f"{describe(url)} is empty")


def _lost(what: str) -> ConfigurationError:
    where = "database in [server] of townhall.toml"
    return ConfigurationError(
        f"The town's database is not where {where} says: {what}. Correct that, or bring the town back with townhall "
        "restore. The setting alone moves no records; to begin a new town, choose a new folder for townhall init."
    )


@cache
def core_sources() -> tuple[Source, ...]:
    """Core's own schema files."""
    folders = (Path(__file__).parent / folder / "schemas" for folder in CORE_FOLDERS)
    return tuple(source for folder in folders for source in read_folder("core", folder, frozenset()))


@cache
def core_schemas() -> Schemas:
    """Core's own types, as they are shipped."""
    return load_schemas(core_sources())


def layered_core(layer: Layer) -> tuple[Schemas, tuple[Conflict, ...]]:
    """Core's own types with a town's layer over them, and the parts of it that don't fit."""
    if not any(identity.startswith("core.") for identity in layer.types):
        return core_schemas(), ()
    return load_layered(core_sources(), None, layer)

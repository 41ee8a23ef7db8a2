"""The tables that are the town's own and no records: accounts, history, sequences, links, drafts and the like.

The classes in :mod:`townhall.db.tables` describe the tables; :class:`SystemTables` makes models of them for one
database, so that several towns can be open in one process and none keeps another alive.

Instants are microseconds since 1970 in UTC, like in records' tables.
"""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import Any
from typing import NamedTuple
from typing import TypeVar

from peewee import SQL
from peewee import BigAutoField
from peewee import ForeignKeyField
from peewee import Model

from townhall.db.engines import TownDatabase
from townhall.db.tables.accounts import AccountEvent
from townhall.db.tables.accounts import AccountLink
from townhall.db.tables.accounts import RecoveryCode
from townhall.db.tables.accounts import Role
from townhall.db.tables.accounts import SecondFactor
from townhall.db.tables.accounts import SignInAttempts
from townhall.db.tables.accounts import User
from townhall.db.tables.accounts import UserSession
from townhall.db.tables.cases import CaseClock
from townhall.db.tables.cases import CaseRoute
from townhall.db.tables.cases import CaseTransition
from townhall.db.tables.cases import Notice
from townhall.db.tables.cases import Presence
from townhall.db.tables.cases import WardShape
from townhall.db.tables.cases import WeeklyDigest
from townhall.db.tables.citizens import CitizenSession
from townhall.db.tables.citizens import Draft
from townhall.db.tables.citizens import LinkRequest
from townhall.db.tables.citizens import SecretLink
from townhall.db.tables.history import BulkAction
from townhall.db.tables.history import BulkChange
from townhall.db.tables.history import History
from townhall.db.tables.history import HistoryErased
from townhall.db.tables.history import HistorySeal
from townhall.db.tables.history import HistoryValues
from townhall.db.tables.messages import Outbox
from townhall.db.tables.plugins import PluginFailure
from townhall.db.tables.plugins import PluginState
from townhall.db.tables.plugins import SchemaVersion
from townhall.db.tables.plugins import TownLayer
from townhall.db.tables.plugins import UploadedModule
from townhall.db.tables.records import Attachment
from townhall.db.tables.records import NumberSequence
from townhall.db.tables.records import SavedView
from townhall.db.tables.records import SealedValue
from townhall.db.tables.records import Share
from townhall.db.tables.running import JobRun
from townhall.db.tables.running import JobState
from townhall.db.tables.running import Meta
from townhall.db.tables.running import RateLimit

M = TypeVar("M", bound=Model)


class Needs(NamedTuple):
    """What a table must have: its columns and its indexes, by name."""

    columns: frozenset[str]
    indexes: frozenset[str]


class _Table:
    """One table of a town. Its model is made when it is first asked for, since making all takes long."""

    def __init__(self, description: type[Model]) -> None:
        self.description = description

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, tables: SystemTables, owner: type) -> Any:
        # Whoever is first gives it to all others, of whatever thread.
        return vars(tables).setdefault(self.name, self.made(tables))

    def made(self, tables: SystemTables) -> type[Model]:
        """The model for the database of these tables."""
        return _bound(self.description, self.name, tables.database)


class _UserRoles(_Table):
    """Which user has which role. Its foreign keys hold on to the models that they point at."""

    def __init__(self) -> None:
        super().__init__(Model)

    def made(self, tables: SystemTables) -> type[Model]:
        """The model for the database of these tables."""
        return _user_role(tables.database, tables.user, tables.role)


class SystemTables:
    """The system tables of one database, as peewee models.

    They are typed loosely, since the rows of their queries are tuples and numbers as often as models.
    """

    user = _Table(User)
    role = _Table(Role)
    user_role = _UserRoles()
    user_session = _Table(UserSession)
    second_factor = _Table(SecondFactor)
    recovery_code = _Table(RecoveryCode)
    account_link = _Table(AccountLink)
    sign_in_attempts = _Table(SignInAttempts)
    account_event = _Table(AccountEvent)
    plugin_state = _Table(PluginState)
    plugin_failure = _Table(PluginFailure)
    town_layer = _Table(TownLayer)
    schema_version = _Table(SchemaVersion)
    number_sequence = _Table(NumberSequence)
    history = _Table(History)
    history_values = _Table(HistoryValues)
    history_erased = _Table(HistoryErased)
    history_seal = _Table(HistorySeal)
    bulk_action = _Table(BulkAction)
    bulk_change = _Table(BulkChange)
    case_transition = _Table(CaseTransition)
    case_clock = _Table(CaseClock)
    case_route = _Table(CaseRoute)
    ward_shape = _Table(WardShape)
    presence = _Table(Presence)
    notice = _Table(Notice)
    outbox = _Table(Outbox)
    weekly_digest = _Table(WeeklyDigest)
    attachment = _Table(Attachment)
    share = _Table(Share)
    sealed_value = _Table(SealedValue)
    secret_link = _Table(SecretLink)
    link_request = _Table(LinkRequest)
    citizen_session = _Table(CitizenSession)
    draft = _Table(Draft)
    saved_view = _Table(SavedView)
    uploaded_module = _Table(UploadedModule)
    meta = _Table(Meta)
    rate_limit = _Table(RateLimit)
    job_state = _Table(JobState)
    job_run = _Table(JobRun)

    def __init__(self, database: TownDatabase) -> None:
        self.database = database

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tables, each after those that it refers to."""
        return tuple(name for name, each in vars(SystemTables).items() if isinstance(each, _Table))

    def needs(self, name: str) -> Needs:
        """What the table with this name must have."""
        table: _Table = vars(SystemTables)[name]
        return _needs_of(self.user_role) if isinstance(table, _UserRoles) else _needs(table.description, name)

    @property
    def beside_records(self) -> tuple[Any, ...]:
        """Models whose rows belong to a record and go with it, those of its history excepted."""
        models: tuple[Any, ...] = self.models
        with_record = {"identity", "record_id"}
        return tuple(
            model for model in models if model is not self.history and with_record <= model._meta.fields.keys()
        )

    @property
    def models(self) -> tuple[type[Model], ...]:
        """All models, each after those that it refers to."""
        return tuple(getattr(self, name) for name in self.names)


@cache
def _needs(description: type[Model], table: str) -> Needs:
    """What a table must have, which doesn't depend on its database."""
    return _needs_of(_bound(description, table, None))


def _needs_of(model: type[Model]) -> Needs:
    meta: Any = model._meta
    columns = (field.column_name for field in meta.sorted_fields)
    return Needs(frozenset(columns), frozenset(index._name for index in meta.fields_to_index()))


def _bound(model: type[M], table: str, database: TownDatabase | None) -> type[M]:
    """A model of its own for ``database`` with the fields of ``model``."""
    meta = type("Meta", (), {"database": database, "table_name": table, "legacy_table_names": False})
    # Left to itself, peewee copies each field down to its last part, which takes most of a town's start.
    fields = {name: copy(field) for name, field in model._meta.fields.items()}
    return type(model.__name__, (model,), {"Meta": meta, "__doc__": model.__doc__, **fields})


def _user_role(database_: TownDatabase, user_: type[User], role_: type[Role]) -> type[Model]:
    """Which user has which role. Made per database, since its foreign keys hold on to the models they point at."""

    class UserRole(Model):
        """Which user has which role."""

        id = BigAutoField()
        user = ForeignKeyField(user_, backref="+", on_delete="CASCADE")
        role = ForeignKeyField(role_, backref="+", on_delete="CASCADE")

        class Meta:
            database = database_
            table_name = "user_role"
            constraints = [SQL("UNIQUE (user_id, role_id)")]

    return UserRole

"""The tables that are the town's own and no records: accounts, history, sequences, links, drafts and the like.

The classes in :mod:`townhall.db.tables` describe the tables; :class:`SystemTables` makes models of them for one
database, so that several towns can be open in one process and none keeps another alive.

Instants are microseconds since 1970 in UTC, like in records' tables.
"""

from __future__ import annotations

from copy import copy
from typing import Any
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


class SystemTables:
    """The system tables of one database, as peewee models.

    They are typed loosely, since the rows of their queries are tuples and numbers as often as models.
    """

    def __init__(self, database: TownDatabase) -> None:
        self.database = database
        self.user: Any = _bound(User, "user", database)
        self.role: Any = _bound(Role, "role", database)
        self.user_role: Any = _user_role(database, self.user, self.role)
        self.user_session: Any = _bound(UserSession, "user_session", database)
        self.second_factor: Any = _bound(SecondFactor, "second_factor", database)
        self.recovery_code: Any = _bound(RecoveryCode, "recovery_code", database)
        self.account_link: Any = _bound(AccountLink, "account_link", database)
        self.sign_in_attempts: Any = _bound(SignInAttempts, "sign_in_attempts", database)
        self.account_event: Any = _bound(AccountEvent, "account_event", database)
        self.plugin_state: Any = _bound(PluginState, "plugin_state", database)
        self.plugin_failure: Any = _bound(PluginFailure, "plugin_failure", database)
        self.town_layer: Any = _bound(TownLayer, "town_layer", database)
        self.schema_version: Any = _bound(SchemaVersion, "schema_version", database)
        self.number_sequence: Any = _bound(NumberSequence, "number_sequence", database)
        self.history: Any = _bound(History, "history", database)
        self.history_values: Any = _bound(HistoryValues, "history_values", database)
        self.history_erased: Any = _bound(HistoryErased, "history_erased", database)
        self.history_seal: Any = _bound(HistorySeal, "history_seal", database)
        self.bulk_action: Any = _bound(BulkAction, "bulk_action", database)
        self.bulk_change: Any = _bound(BulkChange, "bulk_change", database)
        self.case_transition: Any = _bound(CaseTransition, "case_transition", database)
        self.case_clock: Any = _bound(CaseClock, "case_clock", database)
        self.case_route: Any = _bound(CaseRoute, "case_route", database)
        self.ward_shape: Any = _bound(WardShape, "ward_shape", database)
        self.presence: Any = _bound(Presence, "presence", database)
        self.notice: Any = _bound(Notice, "notice", database)
        self.outbox: Any = _bound(Outbox, "outbox", database)
        self.weekly_digest: Any = _bound(WeeklyDigest, "weekly_digest", database)
        self.attachment: Any = _bound(Attachment, "attachment", database)
        self.share: Any = _bound(Share, "share", database)
        self.sealed_value: Any = _bound(SealedValue, "sealed_value", database)
        self.secret_link: Any = _bound(SecretLink, "secret_link", database)
        self.link_request: Any = _bound(LinkRequest, "link_request", database)
        self.citizen_session: Any = _bound(CitizenSession, "citizen_session", database)
        self.draft: Any = _bound(Draft, "draft", database)
        self.saved_view: Any = _bound(SavedView, "saved_view", database)
        self.uploaded_module: Any = _bound(UploadedModule, "uploaded_module", database)
        self.meta: Any = _bound(Meta, "meta", database)
        self.rate_limit: Any = _bound(RateLimit, "rate_limit", database)
        self.job_state: Any = _bound(JobState, "job_state", database)
        self.job_run: Any = _bound(JobRun, "job_run", database)

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
        return tuple(value for value in vars(self).values() if isinstance(value, type) and issubclass(value, Model))


def _bound(model: type[M], table: str, database: TownDatabase) -> type[M]:
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

"""The tables that are the town's own and no records: accounts, history, sequences, links, drafts and the like.

The classes here describe the tables; :class:`SystemTables` makes models of them for one database, so that several towns
can be open in one process and none keeps another alive.

Instants are microseconds since 1970 in UTC, like in records' tables.
"""

from __future__ import annotations

from typing import Any
from typing import TypeVar

from peewee import SQL
from peewee import BigAutoField
from peewee import BigIntegerField
from peewee import BlobField
from peewee import BooleanField
from peewee import CharField
from peewee import ForeignKeyField
from peewee import IntegerField
from peewee import Model
from peewee import TextField

from townhall.db.engines import TownDatabase

M = TypeVar("M", bound=Model)


class User(Model):
    """Somebody who works here and may sign in."""

    id = BigAutoField()
    email = CharField(max_length=254, unique=True)
    name = TextField(default="")
    password = TextField(null=True)
    active = BooleanField(default=True)
    fs_uniquifier = CharField(max_length=64, unique=True)
    created_at = BigIntegerField(default=0)
    last_sign_in_at = BigIntegerField(null=True)


class Role(Model):
    """A named set of permissions. ``permissions`` is a JSON list; patterns may contain ``*``."""

    id = BigAutoField()
    name = CharField(max_length=80, unique=True)
    label = TextField(default="")
    description = TextField(default="")
    permissions = TextField(default="[]")


class UserSession(Model):
    """Somebody who is signed in, on one device. Only the digest of the token in their cookie is kept.

    A row that isn't there is a session that has ended. ``place`` is a shortened network address.
    """

    id = BigAutoField()
    token_hash = CharField(max_length=64, unique=True)
    user_id = BigIntegerField(index=True)
    started_at = BigIntegerField(index=True)
    last_seen_at = BigIntegerField()
    device = TextField(default="")
    place = TextField(default="")


class SecondFactor(Model):
    """The code app of one person. The key in the app is made from ``nonce`` and the town's secret, and is kept nowhere.

    ``last_step`` is the last period of 30 seconds of which a code was taken, so that none is taken twice.
    """

    user_id = BigIntegerField(primary_key=True)
    nonce = CharField(max_length=64)
    confirmed_at = BigIntegerField()
    last_step = BigIntegerField(default=0)


class RecoveryCode(Model):
    """A code for when the code app is lost, as a keyed digest. A code that was used is deleted."""

    id = BigAutoField()
    user_id = BigIntegerField(index=True)
    digest = CharField(max_length=64)


class AccountLink(Model):
    """A link with which somebody sets a password: a ``reset`` or an ``invitation``. It works once, until it expires."""

    id = BigAutoField()
    token_hash = CharField(max_length=64, unique=True)
    user_id = BigIntegerField(index=True)
    purpose = CharField(max_length=20)
    created_at = BigIntegerField()
    expires_at = BigIntegerField()


class SignInAttempts(Model):
    """How often signing in failed for one e-mail address, of an account or not; ``subject`` is its keyed digest.

    ``locks`` counts how often that led to a pause, since each is longer than the one before.
    """

    subject = CharField(max_length=64, primary_key=True)
    failures = IntegerField(default=0)
    locks = IntegerField(default=0)
    locked_until = BigIntegerField(default=0)
    last_at = BigIntegerField(index=True)


class AccountEvent(Model):
    """What happened to an account: who did what to whom, when, through which door, and from where. Never changed."""

    id = BigAutoField()
    at = BigIntegerField(index=True)
    user_id = BigIntegerField(null=True, index=True)
    what = CharField(max_length=40)
    detail = TextField(default="")
    actor_kind = CharField(max_length=20)
    actor_id = BigIntegerField(null=True)
    actor_name = TextField()
    door = CharField(max_length=20)
    place = TextField(default="")


class PluginState(Model):
    """What the town decided about a plugin, why it is off when it is, and what is kept of it.

    ``schemas`` holds the texts of its schema files and ``essentials`` what else is needed to read its records, both as
    JSON, as they were when it last ran.
    """

    name = CharField(max_length=80, primary_key=True)
    enabled = BooleanField(default=False)
    version = TextField(default="")
    reason = TextField(default="")
    schemas = TextField(default="")
    essentials = TextField(default="{}")
    settings = TextField(default="{}")
    changed_at = BigIntegerField(default=0)
    changed_by = TextField(default="")
    #: Types of record about which its code decides, as a JSON list; empty until it ran once.
    decides = TextField(default="")


class PluginFailure(Model):
    """What went wrong in a plugin's own code or files: the same failure is one row, counted up."""

    id = BigAutoField()
    plugin = CharField(max_length=80, index=True)
    stage = CharField(max_length=20)
    what = TextField(default="")
    message = TextField(default="")
    trace = TextField(default="")
    digest = CharField(max_length=64, unique=True)
    count = IntegerField(default=1)
    first_at = BigIntegerField()
    last_at = BigIntegerField()


class TownLayer(Model):
    """The town's own layer, in TOML: a row for each thing that somebody did to it. Nothing here is ever changed.

    The last row is how it stands; ``version`` counts those that were published. ``follows`` is the row that its writer
    had seen, and can be followed once only, so that of two people who change the layer at once one is told.
    """

    id = BigAutoField()
    follows = BigIntegerField(unique=True)
    version = IntegerField(null=True)
    text = TextField()
    note = TextField(default="")
    by_id = BigIntegerField(null=True)
    by_name = TextField()
    at = BigIntegerField()


class SchemaVersion(Model):
    """The ledger of changes to tables: what was applied, for which plugin, and when.

    An addition has no ``name``; a migration has that of its file, and ``effects`` says as JSON what it renamed. History
    entries up to ``history_id`` were written under the names before.
    """

    id = BigAutoField()
    plugin = CharField(max_length=80, index=True)
    version = TextField(default="")
    description = TextField()
    checksum = CharField(max_length=64)
    applied_at = BigIntegerField()
    name = CharField(max_length=200, default="")
    effects = TextField(default="")
    history_id = BigIntegerField(default=0)


class NumberSequence(Model):
    """The last number that was given out in a series, e.g. ``complaints.service_request:2026``."""

    name = CharField(max_length=200, primary_key=True)
    value = BigIntegerField()


class History(Model):
    """What happened to a record: who, when, through which door, what. Nothing here is ever changed or deleted.

    ``values_digest`` is the salted SHA-256 of the values that stand in :class:`HistoryValues`; ``digest`` covers the
    entry with it. Values can be erased later without breaking either.
    """

    id = BigAutoField()
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    version = IntegerField()
    at = BigIntegerField(index=True)
    actor_kind = CharField(max_length=20)
    actor_id = BigIntegerField(null=True)
    actor_name = TextField()
    door = CharField(max_length=20)
    action = CharField(max_length=120)
    values_digest = CharField(max_length=64)
    digest = CharField(max_length=64)

    class Meta:
        indexes = ((("identity", "record_id", "id"), False),)


class HistoryValues(Model):
    """The values of a history entry, and the salt of their digest; both can be erased."""

    history_id = BigIntegerField(primary_key=True)
    salt = CharField(max_length=32)
    note = TextField(default="")
    changes = TextField()


class CaseTransition(Model):
    """One move of a case from state to state; ``name`` and ``source`` are empty for its opening."""

    id = BigAutoField()
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    name = CharField(max_length=80)
    source = CharField(max_length=80)
    target = CharField(max_length=80)
    at = BigIntegerField()
    actor_kind = CharField(max_length=20)
    actor_id = BigIntegerField(null=True)
    actor_name = TextField()

    class Meta:
        indexes = ((("identity", "record_id", "id"), False),)


class CaseClock(Model):
    """One clock of one case: from when it counts, until when something has to be done, and when it was.

    ``kind`` is ``first_response``, ``update`` or ``resolution``; ``target_id`` the core.target that set it, with its
    minutes as they were then. ``business`` counts working minutes, otherwise all. ``met_at`` and ``actual_minutes`` are
    facts once they are there. Each of the notices was given at the moment beside it, once.
    """

    id = BigAutoField()
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    kind = CharField(max_length=20)
    target_id = BigIntegerField(null=True)
    target_minutes = IntegerField(null=True)
    business = BooleanField(default=True)
    started_at = BigIntegerField()
    due_at = BigIntegerField(null=True)
    met_at = BigIntegerField(null=True)
    actual_minutes = IntegerField(null=True)
    warned_at = BigIntegerField(null=True)
    breached_at = BigIntegerField(null=True)
    escalated_at = BigIntegerField(null=True)

    class Meta:
        indexes = ((("identity", "record_id", "kind"), True), (("due_at",), False))


class Attachment(Model):
    """A file that belongs to a record, or that waits for one until ``expires_at``.

    The bytes stand in the file store under their checksum. While a file waits, whoever has the token of which
    ``token_hash`` is the digest may put it on a record.
    """

    id = BigAutoField()
    token_hash = CharField(max_length=64, unique=True)
    checksum = CharField(max_length=64, index=True)
    filename = TextField()
    media_type = TextField()
    size = BigIntegerField()
    staged_at = BigIntegerField()
    expires_at = BigIntegerField(null=True, index=True)
    staged_by = TextField(default="")
    identity = CharField(max_length=120, null=True)
    record_id = BigIntegerField(null=True)
    field = CharField(max_length=80, default="")
    position = IntegerField(default=0)

    class Meta:
        indexes = ((("identity", "record_id", "field", "position"), False),)


class SecretLink(Model):
    """A link that opens one record to whoever has it. Only the digest of its token is kept."""

    id = BigAutoField()
    token_hash = CharField(max_length=64, unique=True)
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    purpose = CharField(max_length=40)
    created_at = BigIntegerField()
    expires_at = BigIntegerField(null=True)
    revoked_at = BigIntegerField(null=True)

    class Meta:
        indexes = ((("identity", "record_id"), False),)


class Draft(Model):
    """A public form that somebody wants to finish later. It is no record yet; ``record_id`` says what it became."""

    id = BigAutoField()
    token_hash = CharField(max_length=64, unique=True)
    identity = CharField(max_length=120)
    form = CharField(max_length=80)
    data = TextField()
    sealed = TextField(null=True)
    record_id = BigIntegerField(null=True)
    created_at = BigIntegerField()
    updated_at = BigIntegerField()
    expires_at = BigIntegerField(index=True)


class SavedView(Model):
    """A clerk's own view of a list, which may be shared with all."""

    id = BigAutoField()
    identity = CharField(max_length=120, index=True)
    label = TextField()
    query = TextField()
    owner_id = BigIntegerField(null=True)
    shared = BooleanField(default=False)
    created_at = BigIntegerField()


class UploadedModule(Model):
    """A module that was uploaded, as a zip file that was checked; while it ``waits`` it is not used yet."""

    checksum = CharField(max_length=64, primary_key=True)
    name = CharField(max_length=80, index=True)
    version = TextField()
    content = BlobField()
    waits = BooleanField(default=True)
    at = BigIntegerField()
    by = TextField(default="")


class Meta(Model):
    """Small facts, by key."""

    key = CharField(max_length=80, primary_key=True)
    value = TextField()


class RateLimit(Model):
    """How often ``subject`` (an opaque key) did something of the kind ``bucket`` since ``window_start``."""

    id = BigAutoField()
    bucket = CharField(max_length=80)
    subject = CharField(max_length=128)
    window_start = BigIntegerField(index=True)
    hits = IntegerField(default=0)

    class Meta:
        indexes = ((("bucket", "subject", "window_start"), True),)


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
        self.case_transition: Any = _bound(CaseTransition, "case_transition", database)
        self.case_clock: Any = _bound(CaseClock, "case_clock", database)
        self.attachment: Any = _bound(Attachment, "attachment", database)
        self.secret_link: Any = _bound(SecretLink, "secret_link", database)
        self.draft: Any = _bound(Draft, "draft", database)
        self.saved_view: Any = _bound(SavedView, "saved_view", database)
        self.uploaded_module: Any = _bound(UploadedModule, "uploaded_module", database)
        self.meta: Any = _bound(Meta, "meta", database)
        self.rate_limit: Any = _bound(RateLimit, "rate_limit", database)

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
    return type(model.__name__, (model,), {"Meta": meta, "__doc__": model.__doc__})


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

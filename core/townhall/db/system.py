"""The tables that are the town's own and no records: accounts, history, sequences, links, drafts and the like.

The classes here describe the tables; :class:`SystemTables` makes models of them for one database, so that several towns
can be open in one process and none keeps another alive.

Instants are microseconds since 1970 in UTC, like in records' tables.
"""

from __future__ import annotations

from copy import copy
from typing import Any
from typing import TypeVar

from peewee import SQL
from peewee import BigAutoField
from peewee import BigIntegerField
from peewee import BlobField
from peewee import BooleanField
from peewee import CharField
from peewee import DoubleField
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
        # The second finds what somebody made, where they may see their own records only.
        indexes = ((("identity", "record_id", "id"), False), (("actor_id", "identity", "record_id"), False))


class HistoryValues(Model):
    """The values of a history entry, and the salt of their digest; both can be erased."""

    history_id = BigIntegerField(primary_key=True)
    salt = CharField(max_length=32)
    note = TextField(default="")
    changes = TextField()


class HistoryErased(Model):
    """That the values of a history entry were erased, and by which later entry that is told. Only ever added to.

    The database lets nobody delete values that are not named here first.
    """

    history_id = BigIntegerField(primary_key=True)
    entry_id = BigIntegerField(index=True)


class HistorySeal(Model):
    """One link of the chain over history: which entries it covers, and the digest of them and of the link before it.

    ``ranges`` is a JSON list of ``[first, last]``, ids of entries without a gap between them. Only ever added to.
    """

    number = BigIntegerField(primary_key=True)
    previous = CharField(max_length=64, unique=True)
    at = BigIntegerField()
    entries = IntegerField()
    last_id = BigIntegerField()
    ranges = TextField()
    digest = CharField(max_length=64)


class BulkAction(Model):
    """One action that somebody did to many records at once, so that it can be undone as a whole for a while."""

    id = BigAutoField()
    identity = CharField(max_length=120)
    label = TextField()
    at = BigIntegerField()
    actor_id = BigIntegerField(null=True)
    actor_name = TextField()
    undone_at = BigIntegerField(null=True)

    class Meta:
        indexes = ((("identity", "at"), False),)


class BulkChange(Model):
    """What a bulk action did to one record: its version before and after, and when that was undone."""

    id = BigAutoField()
    bulk_id = BigIntegerField(index=True)
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    before = IntegerField()
    after = IntegerField()
    undone_at = BigIntegerField(null=True)

    class Meta:
        indexes = ((("identity", "record_id"), False),)


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
        # The others have all that figures ask, so that nothing is counted by looking at the rows: the moves of a
        # period, and those of one way.
        indexes = (
            (("identity", "record_id", "id"), False),
            (("identity", "at", "source", "target", "record_id"), False),
            (("identity", "source", "target", "at", "record_id"), False),
        )


class CaseClock(Model):
    """One clock of one case: from when it counts, until when something has to be done, and when it was.

    ``kind`` is ``first_response``, ``update`` (the answer to the citizen's last message) or ``resolution``; or
    ``by_hand`` for a date that somebody set, which then is what counts. ``target_id`` is the core.target that set it,
    with its minutes as they were then (none for deadlines in whole days); without one it is the type's own days.
    ``business`` counts working minutes, otherwise all. ``original_target_id`` and ``original_due_at`` are those with
    which it began. ``met_at`` and ``actual_minutes`` are facts once they are there; of an ``update`` the minutes are
    the longest so far. Each of the notices was given at the moment beside it, once; ``next_at`` is when the next is
    due, and empty while the case stands still, is closed or put aside.
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
    next_at = BigIntegerField(null=True)
    original_target_id = BigIntegerField(null=True)
    original_due_at = BigIntegerField(null=True)

    class Meta:
        indexes = (
            (("identity", "record_id", "kind"), True),
            (("next_at",), False),
            # All that figures ask of the clocks that were met, or due, in a period.
            (
                ("identity", "kind", "met_at", "due_at", "business", "target_minutes", "actual_minutes", "record_id"),
                False,
            ),
            (("identity", "kind", "due_at", "met_at", "breached_at", "record_id"), False),
        )


class Notice(Model):
    """A word to a colleague about a record, shown on their first page until they have seen it."""

    id = BigAutoField()
    user_id = BigIntegerField()
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    kind = CharField(max_length=40)
    text = TextField()
    at = BigIntegerField()
    seen_at = BigIntegerField(null=True)

    class Meta:
        indexes = ((("user_id", "seen_at", "id"), False),)


class CaseRoute(Model):
    """Where one case went when it came in, and who or what said so; owned by :mod:`townhall.cases.routing`.

    ``decided_by`` is ``person``, ``plugin``, ``route``, ``type`` (a field that the type names, such as the category's
    queue), ``default`` (the queue for such cases) or ``nobody``; ``route_id`` the core.route, ``plugin`` the plugin.
    ``transition`` names the move that brought it in, empty for its opening. ``ward_id`` is the ward that its place lies
    in. All of it as it was then.
    """

    id = BigAutoField()
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    at = BigIntegerField()
    transition = CharField(max_length=80, default="")
    decided_by = CharField(max_length=20)
    route_id = BigIntegerField(null=True, index=True)
    plugin = CharField(max_length=80, default="")
    reason = TextField(default="")
    queue_id = BigIntegerField(null=True)
    assignee_id = BigIntegerField(null=True)
    ward_id = BigIntegerField(null=True)

    class Meta:
        indexes = ((("identity", "record_id"), False),)


class WardShape(Model):
    """The outline of a ward (WGS 84): ``polygons`` is JSON like GeoJSON's MultiPolygon, the rest its bounding box."""

    ward_id = BigIntegerField(primary_key=True)
    polygons = TextField()
    west = DoubleField()
    south = DoubleField()
    east = DoubleField()
    north = DoubleField()
    imported_at = BigIntegerField()
    source = TextField(default="")


class Presence(Model):
    """Somebody who has a record's page open: since when, and until when that is believed without a new sign."""

    id = BigAutoField()
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    user_id = BigIntegerField()
    since = BigIntegerField()
    until = BigIntegerField(index=True)

    class Meta:
        indexes = ((("identity", "record_id", "user_id"), True),)


class WeeklyDigest(Model):
    """What somebody was told of their cases in one week, ``2026-W12``: once, however often the job runs."""

    id = BigAutoField()
    user_id = BigIntegerField()
    week = CharField(max_length=10)
    subject = TextField()
    body = TextField()
    at = BigIntegerField()

    class Meta:
        indexes = ((("user_id", "week"), True),)


class Outbox(Model):
    """One message on its way to one person, by mail or as a letter; ``messages`` and ``mail`` alone touch these rows.

    ``key`` is the same for what must go out once only: record, event, the version that caused it, recipient. ``body``
    holds a mark where the secret link belongs, so that nobody reads the link here. ``lease_until`` says how long the
    process that holds ``claim`` may take; after that somebody else sends the message.
    """

    id = BigAutoField()
    key = CharField(max_length=64, unique=True)
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    number = TextField(default="")
    event = CharField(max_length=80)
    topic = TextField(default="")
    automatic = BooleanField(default=True)
    channel = CharField(max_length=20)
    contact_id = BigIntegerField(null=True)
    interaction_id = BigIntegerField(null=True, index=True)
    recipient = TextField(default="")
    name = TextField(default="")
    subject = TextField(default="")
    body = TextField(default="")
    status = CharField(max_length=20)
    attempts = IntegerField(default=0)
    next_at = BigIntegerField(default=0)
    claim = CharField(max_length=32, default="")
    lease_until = BigIntegerField(default=0)
    message_id = CharField(max_length=255, default="")
    error = TextField(default="")
    created_at = BigIntegerField()
    sent_at = BigIntegerField(null=True)
    sent_by = TextField(default="")

    class Meta:
        indexes = (
            (("identity", "record_id", "id"), False),
            (("status", "channel", "next_at", "id"), False),
            (("automatic", "created_at"), False),
        )


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


class Share(Model):
    """One case that is open to the team of one more queue, to ``view`` or to ``work`` on, until ``ended_at``."""

    id = BigAutoField()
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    team_id = BigIntegerField()
    level = CharField(max_length=10)
    reason = TextField(default="")
    at = BigIntegerField()
    by_id = BigIntegerField(null=True)
    by_name = TextField(default="")
    ended_at = BigIntegerField(null=True)
    ended_by = TextField(default="")

    class Meta:
        indexes = ((("identity", "record_id"), False), (("team_id", "identity", "record_id"), False))


class SealedValue(Model):
    """The value of a field that is kept encrypted, in place of the columns of its record.

    ``value`` is JSON of what those columns would hold, encrypted with a key that is not in the database.
    """

    id = BigAutoField()
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    field = CharField(max_length=80)
    value = TextField()

    class Meta:
        indexes = ((("identity", "record_id", "field"), True),)


class SecretLink(Model):
    """A link that opens one record to whoever has it. Only the digest of its token is kept.

    ``about`` is what else the link stands for, such as an e-mail address that it confirms.
    """

    id = BigAutoField()
    token_hash = CharField(max_length=64, unique=True)
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    purpose = CharField(max_length=40)
    created_at = BigIntegerField()
    expires_at = BigIntegerField(null=True)
    revoked_at = BigIntegerField(null=True)
    about = TextField(default="")

    class Meta:
        indexes = ((("identity", "record_id"), False),)


class LinkRequest(Model):
    """Somebody asked on the public site for a link to their requests. The row goes as soon as it is answered."""

    id = BigAutoField()
    address = TextField()
    asked_at = BigIntegerField()


class CitizenSession(Model):
    """A contact who is signed in on the public site. Only the digest of the token in their cookie is kept."""

    id = BigAutoField()
    token_hash = CharField(max_length=64, unique=True)
    contact_id = BigIntegerField(index=True)
    started_at = BigIntegerField(index=True)
    last_seen_at = BigIntegerField()


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


class JobState(Model):
    """What the town knows of a job besides its runs: since when it is looked after, and whether it is paused.

    Slots up to ``since`` were never missed: the job wasn't there, or was paused. Whoever claims a run of the job
    writes this row first, so that of several processes one comes after the other.
    """

    name = CharField(max_length=160, primary_key=True)
    since = BigIntegerField()
    paused_at = BigIntegerField(null=True)
    paused_by = TextField(default="")
    claims = BigIntegerField(default=0)


class JobRun(Model):
    """One run of a job for one slot, the moment at which it was due: its claim and its log.

    ``worker`` is the process that runs it and has until ``lease_until`` to say that it still does; then another one
    may. ``state`` is ``waiting`` (asked for by hand), ``running``, ``done`` or ``failed``.
    """

    id = BigAutoField()
    job = CharField(max_length=160)
    slot = BigIntegerField()
    cause = CharField(max_length=20)
    state = CharField(max_length=20)
    worker = TextField(default="")
    attempt = IntegerField(default=0)
    asked_by = TextField(default="")
    started_at = BigIntegerField(null=True)
    lease_until = BigIntegerField(null=True)
    finished_at = BigIntegerField(null=True, index=True)
    result = TextField(default="")
    message = TextField(default="")
    trace = TextField(default="")

    class Meta:
        indexes = ((("job", "slot"), True),)


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

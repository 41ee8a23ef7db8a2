"""What happened to records: the chain of history, its seals, and actions on many records at once."""

from __future__ import annotations

from peewee import BigAutoField
from peewee import BigIntegerField
from peewee import CharField
from peewee import IntegerField
from peewee import Model
from peewee import TextField


class History(Model):
    """What happened to a record: who, when, through which door, what. Nothing here is ever changed or deleted.

    ``values_digest`` is the salted SHA-256 of the values that stand in :class:`HistoryValues`; ``digest`` covers the
    entry with it. Values can be erased later without breaking either.
    """

    id = BigAutoField()
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    version = IntegerField()
    at = BigIntegerField()
    actor_kind = CharField(max_length=20)
    actor_id = BigIntegerField(null=True)
    actor_name = TextField()
    door = CharField(max_length=20)
    action = CharField(max_length=120)
    values_digest = CharField(max_length=64)
    digest = CharField(max_length=64)

    class Meta:
        # The second finds what somebody made, where they may see their own records only; the third what was changed
        # in some days, without a look at all that an import made in them.
        indexes = (
            (("identity", "record_id", "id"), False),
            (("actor_id", "identity", "record_id"), False),
            (("at", "action"), False),
        )


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

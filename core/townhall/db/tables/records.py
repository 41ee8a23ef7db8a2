"""What belongs to records of any type: numbers, files, shares, sealed values and saved views."""

from __future__ import annotations

from peewee import BigAutoField
from peewee import BigIntegerField
from peewee import BooleanField
from peewee import CharField
from peewee import IntegerField
from peewee import Model
from peewee import TextField


class NumberSequence(Model):
    """The last number that was given out in a series, e.g. ``complaints.service_request:2026``."""

    name = CharField(max_length=200, primary_key=True)
    value = BigIntegerField()


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


class SavedView(Model):
    """A clerk's own view of a list, which may be shared with all."""

    id = BigAutoField()
    identity = CharField(max_length=120, index=True)
    label = TextField()
    query = TextField()
    owner_id = BigIntegerField(null=True)
    shared = BooleanField(default=False)
    created_at = BigIntegerField()

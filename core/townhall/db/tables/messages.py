"""Messages on their way out."""

from __future__ import annotations

from peewee import BigAutoField
from peewee import BigIntegerField
from peewee import BooleanField
from peewee import CharField
from peewee import IntegerField
from peewee import Model
from peewee import TextField


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

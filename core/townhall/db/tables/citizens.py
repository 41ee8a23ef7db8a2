"""What the public site keeps of people without an account: links, sessions and drafts."""

from __future__ import annotations

from peewee import BigAutoField
from peewee import BigIntegerField
from peewee import CharField
from peewee import Model
from peewee import TextField


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

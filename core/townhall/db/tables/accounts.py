"""People who work here, how they sign in and what became of it."""

from __future__ import annotations

from peewee import BigAutoField
from peewee import BigIntegerField
from peewee import BooleanField
from peewee import CharField
from peewee import IntegerField
from peewee import Model
from peewee import TextField


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

"""What the town keeps of itself as it runs: facts, rate limits and jobs."""

from __future__ import annotations

from peewee import BigAutoField
from peewee import BigIntegerField
from peewee import CharField
from peewee import IntegerField
from peewee import Model
from peewee import TextField


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

"""What belongs to cases: their moves, clocks, routes and who looks at them; wards, notices and digests."""

from __future__ import annotations

from peewee import BigAutoField
from peewee import BigIntegerField
from peewee import BooleanField
from peewee import CharField
from peewee import DoubleField
from peewee import IntegerField
from peewee import Model
from peewee import TextField


class CaseTransition(Model):
    """One move of a case from state to state; ``name`` and ``source`` are empty for its opening.

    ``name`` is ``(undo)`` for the way back from a move that was undone.
    """

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
    with its minutes as they were then (none for deadlines in whole days); without one it is the type's own days. With
    neither, and no ``due_at``, it waits for a target to say something about it again.
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


class Notice(Model):
    """A word to a colleague about a record, shown on their first page until they have seen it.

    ``mailed_at`` says when it was put into the outbox too.
    """

    id = BigAutoField()
    user_id = BigIntegerField()
    identity = CharField(max_length=120)
    record_id = BigIntegerField()
    kind = CharField(max_length=40)
    text = TextField()
    at = BigIntegerField()
    seen_at = BigIntegerField(null=True)
    mailed_at = BigIntegerField(null=True)

    class Meta:
        indexes = ((("user_id", "seen_at", "id"), False),)


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

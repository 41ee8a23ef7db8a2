"""What an actor may do and see, by type of record. The rows are :mod:`townhall.records.predicate`'s business.

Staff are let in by permission; one may be narrowed to some records (:mod:`townhall.records.scoping` says to which).
The public sees records that fulfil ``public_if``, public fields only, and writes
only through a declared public form. A citizen with a secret link sees the records of the link as well.

What the whole town is set up with says who is of which department, and which cases come to whom, so staff change it
only with a permission that isn't narrowed: to see it is another matter.

Records of a type that is frozen can be read by staff, and changed by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakKeyDictionary

from townhall.access.actors import Actor
from townhall.access.permissions import SCOPED
from townhall.access.permissions import SCOPES
from townhall.access.permissions import Scope
from townhall.access.permissions import Verb
from townhall.access.permissions import applies
from townhall.access.permissions import deed
from townhall.access.permissions import field_permission
from townhall.access.permissions import permission
from townhall.access.permissions import transition_permission
from townhall.errors import Forbidden
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.schema import Transition

#: What may be done to records that nothing can be changed of.
READING: frozenset[Verb] = frozenset({"view", "see_internal", "export", "see_confidential"})
#: The plugin of which all that is no record of its own is a setting.
_CORE = "core"
#: Who holds this may read records whose restrictions can't be worked out at the moment.
UNRESTRICTED = "plugins.manage"
_ASK = "Ask an administrator if you need to."
#: Standard fields that the public may read, filter and sort by. Who works on a case is not the public's business.
PUBLIC_STANDARD_FIELDS = frozenset({"id", "number", "title", "created", "updated", "state", "closed"})


@dataclass(frozen=True, slots=True)
class FieldAccess:
    """What one actor may know of the fields of a type, by name.

    ``masked`` fields exist, and the actor may reveal them one by one; ``hidden`` ones they may never see. By
    ``filterable`` ones they may filter, sort and group.
    """

    readable: frozenset[str]
    masked: frozenset[str]
    hidden: frozenset[str]
    filterable: frozenset[str]


#: What was worked out for a type: whoever has the same rights knows of the same fields, on every page.
_ACCESS: WeakKeyDictionary[RecordType, dict[tuple[str, frozenset[str]], FieldAccess]] = WeakKeyDictionary()


def is_staff(actor: Actor) -> bool:
    """Whether the actor is let in by permissions (staff, plugins and the town itself) and not as the public."""
    return actor.kind in ("staff", "plugin", "system")


def may(actor: Actor, verb: Verb, record_type: RecordType) -> bool:
    """Whether the actor may do ``verb`` to any record of the type at all."""
    if (record_type.frozen and verb not in READING) or not applies(verb, record_type):
        return False
    if record_type.restricted and not actor.may(UNRESTRICTED):
        return False
    if is_staff(actor):
        if verb == "transition":
            return any(may_transition(actor, record_type, move) for move in _moves(record_type))
        return actor.may(permission(record_type.identity, verb)) and not _is_too_narrow(actor, verb, record_type)
    if verb == "view":
        return record_type.public_if is not None or _has_grant(actor, record_type)
    if verb == "create":
        return bool(record_type.sent_forms)
    if verb == "edit":
        return _has_grant(actor, record_type) and any(
            form.edit_in or form.by_owner for form in record_type.forms.values()
        )
    if verb == "transition":
        return _has_grant(actor, record_type) and any("citizen" in move.by for move in _moves(record_type))
    return False


def is_town_wide(record_type: RecordType) -> bool:
    """Whether records of the type are what the whole town is set up with: queues with their teams, categories."""
    return record_type.navigation == "setup" or (record_type.plugin == _CORE and record_type.navigation != "records")


def _is_too_narrow(actor: Actor, verb: Verb, record_type: RecordType) -> bool:
    """Whether the actor is to change what is the whole town's with a permission for some of it.

    Who adds a record could give it any values, so that takes the permission to change all of them as well.
    """
    if verb in READING or actor.kind != "staff" or not is_town_wide(record_type):
        return False
    return actor.reach(permission(record_type.identity, verb if verb in SCOPED else "edit")) != "all"


def reach(actor: Actor, verb: Verb, record_type: RecordType, move: Transition | None = None) -> Scope | None:
    """To which records of the type staff may do ``verb``, or make a ``move``; ``None`` for none.

    The town itself and plugins' code are never narrowed; a verb that is about a whole type is asked of no record.
    """
    if not (may_transition(actor, record_type, move) if move is not None else may(actor, verb, record_type)):
        return None
    if actor.kind != "staff" or verb not in SCOPED:
        return "all"
    if move is not None:
        return actor.reach(transition_permission(record_type.identity, move.name))
    if verb == "transition":
        scopes = [actor.reach(transition_permission(record_type.identity, each.name)) for each in _moves(record_type)]
        return next((scope for scope in reversed(SCOPES) if scope in scopes), None)
    return actor.reach(permission(record_type.identity, verb))


def could_work(actor: Actor, record_type: RecordType) -> bool:
    """Whether a colleague may work on a case of the type once it is given to them: see it, and change or move it.

    Of the scopes only that of one's own records doesn't reach what is given to somebody.
    """
    given = (None, "own")
    if reach(actor, "view", record_type) in given:
        return False
    return any(reach(actor, verb, record_type) not in given for verb in ("edit", "transition"))


def sees_internal(actor: Actor, record_type: RecordType) -> bool:
    """Whether the actor reads the internal fields of the type, and what colleagues wrote about its records."""
    if actor.kind == "staff":
        return actor.may(permission(record_type.identity, "see_internal"))
    return is_staff(actor)


def refuse_read_only(actor: Actor) -> None:
    """Raise :class:`~townhall.errors.Forbidden` if somebody only looks through the actor's eyes."""
    if actor.read_only:
        raise Forbidden(actor.read_only)


def require(actor: Actor, verb: Verb, record_type: RecordType) -> None:
    """Raise :class:`~townhall.errors.Forbidden`, with a sentence, unless the actor may do ``verb``."""
    if verb not in ("view", "see_internal"):
        refuse_read_only(actor)
    if not may(actor, verb, record_type):
        if record_type.frozen and verb not in READING:
            raise Forbidden(record_type.frozen)
        raise Forbidden(
            refusal(actor, verb, record_type)
            if is_staff(actor)
            else f"{record_type.label_plural} are not open to the public in this way."
        )


def refusal(actor: Actor, verb: Verb, record_type: RecordType) -> str:
    """That staff may do ``verb`` to no record of the type, in sentences."""
    plural = record_type.label_plural
    if actor.may(permission(record_type.identity, verb)) and _is_too_narrow(actor, verb, record_type):
        return f"{plural} are the whole town’s, and only who may change all of them may {deed(verb, plural)}. {_ASK}"
    return f"You may not {deed(verb, plural)}. {_ASK}"


def may_transition(actor: Actor, record_type: RecordType, move: Transition, record_id: int | None = None) -> bool:
    """Whether the actor is one who may make this move; the record's state and the move's ``if`` are not looked at.

    A citizen needs the record in their grants; without ``record_id`` any grant of the type will do.
    """
    if record_type.frozen:
        return False
    if actor.kind == "system":
        return True
    if actor.kind == "plugin":
        return "system" in move.by or actor.may(transition_permission(record_type.identity, move.name))
    if actor.kind == "staff":
        return "staff" in move.by and actor.may(transition_permission(record_type.identity, move.name))
    if "citizen" not in move.by:
        return False
    if record_id is None:
        return _has_grant(actor, record_type)
    return granted(actor, record_type, record_id)


def granted(actor: Actor, record_type: RecordType, record_id: int) -> bool:
    """Whether the actor came with a secret link to this record. None opens a record that is frozen."""
    return not _is_closed(record_type) and (record_type.identity, record_id) in actor.grants


def granted_ids(actor: Actor, record_type: RecordType) -> tuple[int, ...]:
    """Ids of the records of the type that the actor's secret link opens."""
    if _is_closed(record_type):
        return ()
    return tuple(sorted(id for identity, id in actor.grants if identity == record_type.identity))


def readable(actor: Actor, record_type: RecordType) -> FieldAccess:
    """Which fields of the type come back to the actor."""
    granted = frozenset[str]()
    if actor.kind == "system":
        level = "all"
    elif not is_staff(actor):
        level = "public"
    else:
        level = "reveal" if may(actor, "see_confidential", record_type) else "staff"
        if not sees_internal(actor, record_type):
            level, granted = f"{level} by name", granted_fields(actor, record_type)
    known = _ACCESS.setdefault(record_type, {})
    key = (level, granted)
    if key not in known:
        known[key] = _access(level, granted, record_type)
    return known[key]


def granted_fields(actor: Actor, record_type: RecordType) -> frozenset[str]:
    """Internal fields that a role lets the actor read by name. A pattern names no field."""
    return frozenset(
        name
        for name in _named_fields(record_type.identity, actor.permissions)
        if name in record_type.fields and record_type.fields[name].privacy == "internal"
    )


@lru_cache(maxsize=4096)
def _named_fields(identity: str, permissions: frozenset[str]) -> frozenset[str]:
    """What is granted of the fields of a type."""
    before = field_permission(identity, "")
    return frozenset(each.removeprefix(before) for each in permissions if each.startswith(before))


def _access(level: str, granted: frozenset[str], record_type: RecordType) -> FieldAccess:
    everything, nothing = frozenset(record_type.all_fields), frozenset[str]()
    secret = _confidential(record_type)
    public = frozenset(name for name, field in record_type.fields.items() if field.privacy == "public")
    if level == "all":
        return FieldAccess(everything, nothing, nothing, everything - secret)
    if level == "public":
        shown = public | (PUBLIC_STANDARD_FIELDS & frozenset(record_type.system_fields))
        return FieldAccess(shown, nothing, everything - shown, shown)
    rest = everything - secret
    if level.endswith("by name"):
        rest = public | granted | frozenset(record_type.system_fields)
    masked = secret if level.startswith("reveal") else nothing
    return FieldAccess(rest, masked, everything - rest - masked, rest)


def filterable(actor: Actor, record_type: RecordType) -> frozenset[str]:
    """Fields that the actor may filter, sort and group by. A confidential one nobody may, the town itself included:
    the order of a list or the number of its rows would tell what it says.
    """
    return readable(actor, record_type).filterable


def exportable_fields(actor: Actor, record_type: RecordType) -> tuple[str, ...]:
    """Names of the declared fields that an export or a print by this actor may hold, in the type's order."""
    allowed = filterable(actor, record_type)
    return tuple(name for name in record_type.fields if name in allowed)


def editable_by_sender(record_type: RecordType, state: str) -> frozenset[str]:
    """Fields that whoever a record belongs to may read back and change with their link while it is in ``state``."""
    return frozenset(
        name
        for form in record_type.forms.values()
        if form.by_owner or (state and state in form.edit_in)
        for name in form.fields
        if name in record_type.fields
    ) - _confidential(record_type)


def owner_columns(record_type: RecordType, name: str) -> frozenset[str]:
    """Columns of a rows field that whoever a record belongs to reads and changes in a form ``by_owner``."""
    field = record_type.fields[name]
    asked = {
        column
        for form in record_type.forms.values()
        if form.by_owner and name in form.fields
        for column in form.columns.get(name, tuple(field.row_fields))
    }
    return frozenset(name for name in asked if field.row_fields[name].privacy != "confidential")


def asked_by(actor: Actor, record_type: RecordType, move: Transition) -> tuple[str, ...]:
    """Fields that a move asks the actor for: those that it needs, and of the others those that they know of.

    The public is asked for all of them: what somebody sends of their own they need not see afterwards.
    """
    hidden = readable(actor, record_type).hidden if is_staff(actor) else frozenset[str]()
    return tuple(dict.fromkeys([*move.require, *(name for name in move.asks if name not in hidden)]))


def row_columns(actor: Actor, record_type: RecordType, field: Field) -> frozenset[str]:
    """Columns of a rows field of the type that come back to the actor; a field that was granted comes whole."""
    if actor.kind == "system":
        return frozenset(field.row_fields)
    if is_staff(actor) and (sees_internal(actor, record_type) or field.name in granted_fields(actor, record_type)):
        return frozenset(name for name, column in field.row_fields.items() if column.privacy != "confidential")
    return frozenset(name for name, column in field.row_fields.items() if column.privacy == "public")


def _confidential(record_type: RecordType) -> frozenset[str]:
    return frozenset(name for name, field in record_type.fields.items() if field.privacy == "confidential")


def _is_closed(record_type: RecordType) -> bool:
    """Whether no secret link opens records of the type at present."""
    return bool(record_type.frozen) or record_type.restricted


def _has_grant(actor: Actor, record_type: RecordType) -> bool:
    return not _is_closed(record_type) and any(identity == record_type.identity for identity, _ in actor.grants)


def _moves(record_type: RecordType) -> tuple[Transition, ...]:
    return record_type.workflow.transitions if record_type.workflow is not None else ()

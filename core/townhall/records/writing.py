"""Creating, changing, archiving and restoring records: each in one transaction, from permission to history."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.access.actors import citizen
from townhall.access.actors import system
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records import checking
from townhall.records import editing
from townhall.records import inserting
from townhall.records import owning
from townhall.records import parsing
from townhall.records import people
from townhall.records import predicate
from townhall.records import preparing
from townhall.records import reading
from townhall.records.merged import went_into
from townhall.records.plans import possible
from townhall.records.transaction import write_transaction
from townhall.records.types import Record
from townhall.records.write_plans import WritePlan
from townhall.records.write_plans import write_plan
from townhall_forms.schema import Form
from townhall_forms.validating import value_getter

if TYPE_CHECKING:
    from townhall.town import Town


def create(
    town: Town,
    actor: Actor,
    identity: str,
    values: Mapping[str, Any],
    *,
    state: str | None = None,
    form: str | None = None,
    note: str = "",
    contact_id: int | None = None,
    contact: Mapping[str, str] | None = None,
) -> Record:
    """Make a record. The public names the form that it fills in, and perhaps says who it is.

    Raises :class:`~townhall.errors.ValidationFailed`, :class:`~townhall.errors.Forbidden` or
    :class:`~townhall.errors.Rejected`; then nothing is written.
    """
    plan = write_plan(town, identity)
    policy.require(actor, "create", plan.record_type)
    public = None if policy.is_staff(actor) and form is None else _form(plan, form)
    _refuse_names(actor, plan, public, values)
    if public is None and state and actor.kind != "system" and state != _initial(plan):
        raise Rejected("A new record starts in its first state; move it afterwards.", field="state")
    scene = checking.Scene.of(town, actor)
    given = dict(values)
    with write_transaction(town, plan):
        if public is not None:
            state = public.state or _initial(plan)
            people.add_contact(
                town, actor, plan, public, given, contact_id=contact_id, contact=contact, make=_contact_maker(town)
            )
        chosen = [name for name in values if name in plan.record_type.fields]
        record = preparing.prepare(town, plan, given, scene, state=state or "", note=note, chosen=chosen)
        if public is not None:
            _require_open(plan, public, record, scene)
        # Before plugins decide: they follow links, and what they say of a record tells that it is there.
        if errors := checking.check_references(town, actor, plan, record.values, chosen, hold=True):
            raise ValidationFailed({**errors, **checking.check_unique(town, plan, record.values, None)})
        preparing.ask(town, plan, record, scene)
        if errors := checking.check_unique(town, plan, record.values, None):
            raise ValidationFailed(errors)
        inserting.insert(town, actor, plan, [record], scene.rules)
        editing.tell(town, plan, lambda: [preparing.change_of(actor, plan, record)], new=True)
    return seen_by(town, actor, identity, record.id)


def update(
    town: Town,
    actor: Actor,
    identity: str,
    id: int,
    values: Mapping[str, Any],
    *,
    version: int,
    note: str = "",
) -> Record:
    """Change a record: only the fields in ``values``. ``version`` is the one that the actor had before them.

    Raises :class:`~townhall.errors.Conflict` when somebody else was faster, besides the errors of :func:`create`.
    """
    plan = write_plan(town, identity)
    policy.require(actor, "edit", plan.record_type)
    if plan.record_type.append_only:
        raise Rejected(f"{plan.record_type.label_plural} are never changed. Add a new one that corrects it.")
    if policy.is_staff(actor):
        parsing.refuse_unwritable(actor, plan, values)
    with write_transaction(town, plan):
        before = lock(town, actor, plan, id, version)
        predicate.require_within(town, actor, "edit", plan.record_type, id)
        _refuse_merged(before)
        if before.archived is not None:
            raise Rejected("This record is archived. Restore it first, then change it.")
        if not policy.is_staff(actor):
            _refuse_sender(actor, plan, before, values)
            values = owning.with_hidden_columns(town, plan.record_type, before, values)
        edit = editing.Edit.of(town, actor, plan, before, values)
        edit.check()
        edit.ask("update")
        edit.save("update", note)
    return seen_by(town, actor, identity, id)


def archive(town: Town, actor: Actor, identity: str, id: int, *, version: int, note: str = "") -> Record:
    """Put a record aside: it leaves lists and search, and nothing is deleted."""
    return _set_archived(town, actor, identity, id, True, version, note)


def restore(town: Town, actor: Actor, identity: str, id: int, *, version: int, note: str = "") -> Record:
    """Take an archived record back."""
    return _set_archived(town, actor, identity, id, False, version, note)


def lock(town: Town, actor: Actor, plan: WritePlan, id: int, version: int | None, *, named: bool = False) -> Record:
    """The record as it stands, with its row locked until the transaction ends; ``named`` asks for titles of links.

    Raises :class:`~townhall.errors.NotFound` if there is none for this actor, and
    :class:`~townhall.errors.Conflict` if it isn't at ``version`` any more.
    """
    database = town.database
    # Every write asks, and a query object would cost more than the answer.
    sql = f'SELECT "version" FROM "{plan.table}" WHERE "id" = {database.param}'  # noqa: S608  # a schema's name
    if database.supports_row_locks:
        sql += " FOR UPDATE"
    row = next((database.execute_sql(sql, (each,)).fetchone() for each in possible([id])), None)
    if row is None or not _may_lock(town, actor, plan, id):
        raise NotFound(f"There is no {plan.record_type.label.lower()} with the id {id}.")
    if version is not None and row[0] != version:
        current = reading.get(town, actor, plan.record_type.identity, id)
        raise Conflict(
            f"Somebody else changed this {plan.record_type.label.lower()} in the meantime. Look at both versions.",
            current,
        )
    return reading.get(town, system(), plan.record_type.identity, id, named=named)


def seen_by(town: Town, actor: Actor, identity: str, id: int) -> Record:
    """A record that was just written, as its writer may see it."""
    if policy.is_staff(actor):
        with suppress(Forbidden, NotFound):
            return reading.get(town, actor, identity, id)
    return reading.get(town, citizen(frozenset({(identity, id)})), identity, id)


def _may_lock(town: Town, actor: Actor, plan: WritePlan, id: int) -> bool:
    """Whether the actor may know of the record: a citizen came with its link, and nothing keeps it from staff."""
    if not policy.is_staff(actor):
        return policy.granted(actor, plan.record_type, id)
    if predicate.sees_all(town, actor, plan.record_type):
        return True
    return bool(predicate.may_see(town, actor, plan.record_type, [id]))


def _set_archived(town: Town, actor: Actor, identity: str, id: int, archived: bool, version: int, note: str) -> Record:
    plan = write_plan(town, identity)
    policy.require(actor, "archive", plan.record_type)
    if plan.record_type.append_only:
        raise Rejected(f"{plan.record_type.label_plural} are kept as they are. Add a new one that corrects it.")
    action = "archive" if archived else "restore"
    with write_transaction(town, plan):
        before = lock(town, actor, plan, id, version)
        predicate.require_within(town, actor, "archive", plan.record_type, id)
        _refuse_merged(before)
        if (before.archived is not None) == archived:
            raise Rejected("This record is archived already." if archived else "This record isn't archived.")
        edit = editing.Edit.of(town, actor, plan, before, {}, archived=town.clock.now() if archived else None)
        if not archived and (errors := checking.check_unique(town, plan, edit.values, id)):
            raise ValidationFailed(errors)
        edit.ask(action)
        edit.save(action, note)
    return seen_by(town, actor, identity, id)


def _refuse_merged(record: Record) -> None:
    """Raise :class:`~townhall.errors.Rejected` for a record that goes on as another."""
    if went_into(record) is not None:
        label = record.type.label.lower()
        raise Rejected(f"This {label} was merged into another one, so nothing is changed here. Change that one.")


def _form(plan: WritePlan, name: str | None) -> Form:
    form = plan.record_type.sent_forms.get(name or "")
    if form is None:
        raise Forbidden(f"{plan.record_type.label_plural} can only be sent through one of their public forms.")
    return form


def _contact_maker(town: Town) -> people.Make:
    def make(actor: Actor, values: Mapping[str, Any]) -> int:
        return create(town, actor, people.CONTACT, values, note="Made from a public form.").id

    return make


def _initial(plan: WritePlan) -> str:
    return plan.record_type.workflow.initial if plan.record_type.workflow else ""


def _refuse_names(actor: Actor, plan: WritePlan, form: Form | None, values: Mapping[str, Any]) -> None:
    if form is None:
        parsing.refuse_unwritable(actor, plan, values, new=True)
    else:
        allowed = {*form.fields, form.per} - {""}
        parsing.refuse_outside(frozenset(allowed), plan, values)


def _require_open(plan: WritePlan, form: Form, record: inserting.Pending, scene: checking.Scene) -> None:
    """Raise :class:`~townhall.errors.Rejected` when the form isn't open for this record at the moment."""
    if form.open_if is None:
        return
    get = value_getter(plan.record_type, record.values, scene.rules, standard=record.standard)
    if not form.open_if.evaluate(get, scene.environment):
        raise Rejected(form.closed_message or "This form is closed at the moment.")


def _refuse_sender(actor: Actor, plan: WritePlan, before: Record, values: Mapping[str, Any]) -> None:
    """Let the public change only what its form asked, while the record is in a state that allows it."""
    allowed = policy.editable_by_sender(plan.record_type, before.state)
    if not allowed:
        raise Forbidden("This can't be changed any more. Write us a message instead.")
    parsing.refuse_outside(allowed, plan, values)

"""A change of one record on its way: from what was given to row, history and index, for every kind of change."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

from townhall.access.actors import Actor
from townhall.db.transactions import after_commit
from townhall.errors import ValidationFailed
from townhall.extend.values import Change
from townhall.records import carrying
from townhall.records import checking
from townhall.records import colleagues
from townhall.records import encrypting
from townhall.records import history
from townhall.records import indexing
from townhall.records import inserting
from townhall.records import parsing
from townhall.records import preparing
from townhall.records import shared_cases
from townhall.records import titles
from townhall.records.instants import to_microseconds
from townhall.records.types import Record
from townhall.records.write_plans import WritePlan
from townhall_forms.text import normalise

if TYPE_CHECKING:
    from townhall.town import Town


def tell(town: Town, plan: WritePlan, changes: Callable[[], Sequence[Change]], *, new: bool = False) -> None:
    """Tell core's domains, in the transaction, and plugins once it is committed, of ``changes`` that are written.

    ``new`` says that each of them makes a record.
    """
    told = plan.told_of_new if new else plan.told
    reacting = town.plugins.has("after_save", plan.record_type.identity)
    if not told and not reacting:
        return
    made = changes()
    for written in told:
        written(town, made)
    if reacting:
        for change in made:
            after_commit(town.database, partial(town.plugins.after_save, change))


def standard_of(record: Record) -> dict[str, Any]:
    """The standard fields of a record, as conditions and titles see them; empty ones are ``None``."""
    names = record.type.system_fields
    return {name: getattr(record, name) if getattr(record, name) != "" else None for name in names}


@dataclass(slots=True)
class Edit:
    """A change of one record, on its way."""

    town: Town
    actor: Actor
    plan: WritePlan
    before: Record
    values: dict[str, Any]
    standard: dict[str, Any]
    given: frozenset[str]
    scene: checking.Scene
    transition: str = ""
    memo: dict[str, Any] = dataclass_field(default_factory=dict)
    message: str = ""
    #: What the log of moves calls a new state that comes of no transition.
    logged: str = ""

    @classmethod
    def of(
        cls, town: Town, actor: Actor, plan: WritePlan, before: Record, raw: Mapping[str, Any], **standard: Any
    ) -> Edit:
        """Parse what was given and settle what follows from it. ``standard`` sets standard fields, like a new state."""
        scene = checking.Scene.of(town, actor)
        errors: dict[str, str] = {}
        parsed = parsing.parse(plan, raw, scene.own, before.values, errors)
        if errors:
            raise ValidationFailed(errors)
        values = dict(before.values)
        for name in plan.record_type.fields:
            values.setdefault(name, None)
        present = standard_of(before)
        for name, value in parsed.items():
            if name in plan.record_type.fields:
                field = plan.record_type.fields[name]
                old = before.values.get(name)
                asked = field.bind({**values, **parsed}, scene.own) if name in plan.answers else field
                values[name] = carrying.carried(actor, plan.record_type, asked, old, field.revise(old, value))
            else:
                present[name] = value
        present.update(standard)
        checking.settle(town, plan, values, present, scene)
        memo = {preparing.RULES: scene.rules}
        return cls(town, actor, plan, before, values, present, frozenset(raw), scene, memo=memo)

    @property
    def changed(self) -> list[str]:
        """Names of the fields, declared and standard, that have another value than before."""
        old = standard_of(self.before)
        declared = [name for name, value in self.values.items() if value != self.before.values.get(name)]
        kept = ("state", "assignee", "queue", "due", "closed", "channel", "archived")
        return declared + [name for name in kept if name in self.standard and self.standard[name] != old.get(name)]

    def check(self, require: tuple[str, ...] = ()) -> None:
        """Raise :class:`~townhall.errors.ValidationFailed` if a rule is broken."""
        errors = checking.check(
            self.plan,
            self.values,
            self.standard,
            self.scene,
            before=self.before.values,
            standard_before=standard_of(self.before),
            changed=self.given,
            require=require,
        )
        fields = self.plan.record_type.fields
        changed = {name for name in self.changed if name in fields}
        newly = changed & self.given
        errors |= checking.check_references(
            self.town, self.actor, self.plan, self.values, newly, before=self.before.values, hold=True
        )
        errors |= checking.check_unique(self.town, self.plan, self.values, self.before.id, changed)
        if not self.plan.naming.isdisjoint(self.given):
            now, then = {**self.values, **self.standard}, {**self.before.values, **standard_of(self.before)}
            errors |= colleagues.check(self.plan, self.scene, now, then, self.given)
        errors |= shared_cases.check_named(self.town, self.plan, self.scene, self.values, self.before.values)
        errors |= self._check_kept()
        if errors:
            raise ValidationFailed(errors)

    def _check_kept(self) -> dict[str, str]:
        """What is wrong with a change of what stays with the department that shares the case."""
        record_type = self.plan.record_type
        touched = ({"queue"} | self.plan.naming) & self.given if record_type.is_case else ()
        if not touched or not (touched := touched.intersection(self.changed)):
            return {}
        flow = record_type.workflow
        move = flow.transition(self.transition) if flow is not None and self.transition else None
        kept = shared_cases.kept(self.town, self.actor, record_type, self.before.id, move)
        return dict.fromkeys(touched & kept, shared_cases.KEPT)

    def ask(self, action: str) -> None:
        """Let plugins and core's domains decide, and take over the values that they set."""
        if preparing.decide(
            self.town,
            self.plan,
            lambda: self.as_change(action),
            lambda values: preparing.take_over(
                self.plan, self.values, self.standard, values, self.scene.rules, self.memo
            ),
        ):
            checking.settle(self.town, self.plan, self.values, self.standard, self.scene)

    def as_change(self, action: str) -> Change:
        """The change as plugins see it."""
        return Change(
            identity=self.plan.record_type.identity,
            action=action,  # type: ignore[arg-type]  # one of the literal actions
            actor=self.actor,
            id=self.before.id,
            values=dict(self.values),
            before=dict(self.before.values),
            state=self.standard.get("state") or "",
            old_state=self.before.state,
            transition=self.transition,
            contact_id=preparing.contact_of(self.plan, self.values),
            standard=dict(self.standard),
            standard_before=standard_of(self.before),
            memo=self.memo,
            message=self.message,
            version=self.before.version + 1,
        )

    def save(self, action: str, note: str = "", *, told: str = "") -> None:
        """Write row, children, log, history and index entry. An edit that changes nothing leaves no trace.

        ``action`` stands in history; domains and plugins are told of ``told``, where that is another.
        """
        changed = self.changed
        if not changed and not note and not self.transition:
            return
        town, plan, id = self.town, self.plan, self.before.id
        now = town.clock.now()
        title = titles.render(plan, self.values, self.standard, self.scene.rules)
        inserting.update(
            town,
            self.actor,
            plan,
            id,
            self._columns(changed, title),
            version=self.before.version + 1,
            now=to_microseconds(now),
        )
        inserting.replace_children(town, plan, id, self.values, set(changed))
        encrypting.write(town, plan.record_type, [(id, self.values)] if changed else (), changed)
        if self.transition or self.logged:
            self._log_move(to_microseconds(now))
        old = {**self.before.values, **standard_of(self.before)}
        new = {**self.values, **self.standard}
        changes = history.changes_between(plan.record_type, old, new, changed)
        event = history.Event(id, self.before.version + 1, action, changes, note)
        history.write(town, self.actor, plan.record_type.identity, to_microseconds(now), [event])
        self._index(title, to_microseconds(now))
        renamed = {"title"} if title != self.before.title else set()
        titles.refresh_dependents(town, plan, id, renamed | set(changed))
        tell(town, plan, lambda: [self.as_change(told or action)])

    def _index(self, title: str, now: int) -> None:
        """Write the entry of the index anew, of the values that were just written."""
        indexing.write(
            self.town,
            self.plan,
            self.before.id,
            self.values,
            number=self.before.number,
            title=title,
            state=self.standard.get("state") or "",
            updated=now,
            archived=self.standard.get("archived") is not None,
            context=self.scene.rules,
        )

    def _log_move(self, at: int) -> None:
        states = self.before.state, self.standard["state"]
        name = self.transition or self.logged
        inserting.log_transition(self.town, self.actor, self.before.identity, self.before.id, name, *states, at)

    def _columns(self, changed: list[str], title: str) -> dict[str, Any]:
        columns: dict[str, Any] = {}
        sealed = encrypting.encrypted(self.town, self.plan.record_type)
        if title != self.before.title:
            columns = {"title": title, "title_key": normalise(title)}
        for name in changed:
            if name in self.plan.record_type.fields:
                value = None if name in sealed else self.values[name]
                columns.update(self.plan.record_type.fields[name].to_columns(value) or {})
            else:
                columns.update(self.plan.record_type.system_fields[name].to_columns(self.standard[name]))
        return {name: value for name, value in columns.items() if name in self.plan.columns}

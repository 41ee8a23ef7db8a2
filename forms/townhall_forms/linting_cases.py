"""What must be true of workflows, public forms and public pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from townhall_forms.documents import NAME
from townhall_forms.keys import WHO
from townhall_forms.kinds import did_you_mean
from townhall_forms.schema import Form
from townhall_forms.schema import PublicOptions
from townhall_forms.schema import Transition
from townhall_forms.schema import Workflow

if TYPE_CHECKING:
    from townhall_forms.linting import Subject
    from townhall_forms.placeholders import Template

_WHOLE = ("integer", "year")
#: The type of queues, to which the standard field ``queue`` of a case links.
QUEUE = "core.queue"
#: What may stand for a person instead of the path of a field.
ASSIGNED = ("actor", "nobody")


def lint_workflow(subject: Subject) -> None:
    """Every state can be reached, every state that is not final can be left, and every move has somebody to make it."""
    workflow = subject.type.workflow
    if workflow is None:
        return
    if workflow.initial not in workflow.states:
        _unknown_state(subject, workflow, workflow.initial, "workflow.initial")
    names = [move.name for move in workflow.transitions]
    for name in sorted({name for name in names if names.count(name) > 1}):
        subject.report.add(f"workflow.transitions.{name}", f"“{name}” is there twice")
    for move in workflow.transitions:
        at = f"workflow.transitions.{move.name}"
        for state in (*move.sources, move.target):
            if state not in workflow.states:
                _unknown_state(subject, workflow, state, f"{at}.{'to' if state == move.target else 'from'}")
        if not move.sources:
            subject.report.add(f"{at}.from", "no state leads here, so nobody can make this move")
        if not move.by:
            subject.report.add(f"{at}.by", f"nobody may make this move; name one of {', '.join(WHO)}")
        for who in move.by:
            if who not in WHO:
                subject.report.add(f"{at}.by", f"“{who}” is not one of {', '.join(WHO)}{did_you_mean(who, WHO)}")
        if move.message and not NAME.fullmatch(move.message):
            subject.report.add(f"{at}.message", "“message” takes the name of an event, or nothing for no message")
        for key, fields in (("require", move.require), ("asks", move.asks)):
            for name in subject.names(fields, f"{at}.{key}", {*subject.type.fields, "assignee", "queue", "due"}):
                field = subject.type.all_fields[name]
                if field.is_computed:
                    subject.report.add(f"{at}.{key}", f"“{name}” is computed and can't be asked for")
        _effects(subject, move, at)
    _reachable(subject, workflow)
    _due_days(subject, workflow)
    _receivers(subject, workflow)
    _messages(subject, workflow)


def _effects(subject: Subject, move: Transition, at: str) -> None:
    """What a move brings about names people who work here, whole numbers, moments, and nothing confidential."""
    if move.assign:
        _somebody(subject, move.assign, f"{at}.assign")
    if move.task is not None:
        _somebody(subject, move.task.assignee, f"{at}.task.assignee")
        _words(subject, move.task.title, f"{at}.task.title")
        if isinstance(move.task.days, str):
            _whole(subject, move.task.days, f"{at}.task.days")
    if move.event is not None:
        _words(subject, move.event.title, f"{at}.event.title")
        field = subject.path(move.event.starts, f"{at}.event.starts")
        if field is not None and (field.stores or field.type_name) != "datetime":
            subject.report.add(f"{at}.event.starts", f"“{move.event.starts}” is no datetime field")
        event = subject.schemas.get("core.event")
        kinds = [choice.value for choice in event.fields["kind"].choices] if event is not None else []
        if kinds and move.event.kind not in kinds:
            hint = did_you_mean(move.event.kind, kinds)
            subject.report.add(f"{at}.event.kind", f"“{move.event.kind}” is no kind of event{hint}")


def _somebody(subject: Subject, path: str, at: str) -> None:
    if path in ASSIGNED:
        return
    field = subject.path(path, at)
    if field is not None and (field.stores or field.type_name) != "staff":
        subject.report.add(at, f"“{path}” names nobody who works here; write actor, nobody or the path of a staff one")


def _words(subject: Subject, title: Template, at: str) -> None:
    for path in title.paths:
        field, first = subject.path(path, at), subject.type.field(path.partition(".")[0])
        if "confidential" in {each.privacy for each in (field, first) if each is not None}:
            subject.report.add(at, f"“{path}” is confidential; it can't stand in a title, which everybody reads")


def _unknown_state(subject: Subject, workflow: Workflow, state: str, at: str) -> None:
    subject.report.add(at, f"there is no state “{state}”{did_you_mean(state, workflow.states)}")


def _reachable(subject: Subject, workflow: Workflow) -> None:
    starts = {workflow.initial, *(form.state for form in subject.type.forms.values() if form.state)}
    reached = set(starts)
    pending = list(starts)
    while pending:
        for move in workflow.leaving(pending.pop()):
            if move.target not in reached:
                reached.add(move.target)
                pending.append(move.target)
    for name, state in workflow.states.items():
        if name not in reached:
            subject.report.add(f"workflow.states.{name}", f"no transition leads to “{name}”")
        if not state.final and not any(move.target != name for move in workflow.leaving(name)):
            subject.report.add(
                f"workflow.states.{name}", f"nothing leads out of “{name}”; add a transition, or make it final"
            )
    if not any(state.final for state in workflow.states.values()):
        subject.report.add("workflow", "no state is final, so a case could never be closed")


def _due_days(subject: Subject, workflow: Workflow) -> None:
    if isinstance(workflow.due_days, str):
        _whole(subject, workflow.due_days, "workflow.due_days")


def _whole(subject: Subject, path: str, at: str) -> None:
    if path.isdigit():
        subject.report.add(at, f"write {path} without quotes; in quotes it is the path of a field")
        return
    field = subject.path(path, at)
    if field is not None and (field.stores or field.type_name) not in _WHOLE:
        subject.report.add(at, f"“{path}” is no whole number of days")


def _receivers(subject: Subject, workflow: Workflow) -> None:
    """What says who gets a new case says just that."""
    if workflow.queue:
        field = subject.path(workflow.queue, "workflow.queue")
        if field is not None and (field.target != QUEUE or field.many_targets):
            subject.report.add("workflow.queue", f"“{workflow.queue}” is no link to {QUEUE}")
    if workflow.assignee:
        field = subject.path(workflow.assignee, "workflow.assignee")
        if field is not None and field.type_name != "staff":
            subject.report.add("workflow.assignee", f"“{workflow.assignee}” is no field of the type staff")


def _messages(subject: Subject, workflow: Workflow) -> None:
    """The path of a category's own messages leads over a link to rows that say when and what."""
    path = workflow.messages
    if not path:
        return
    field = subject.path(path, "workflow.messages")
    if field is None:
        return
    if "." not in path or not {"event", "text"} <= field.row_fields.keys():
        subject.report.add(
            "workflow.messages", f"“{path}” must be rows of a linked record with the columns event and text"
        )


def lint_forms(subject: Subject) -> None:
    """Public forms ask what can be typed, and public pages show what is public."""
    for form in subject.type.forms.values():
        _form(subject, form)
    if subject.type.public is not None:
        _public(subject, subject.type.public)


def _form(subject: Subject, form: Form) -> None:
    record_type = subject.type
    at = f"forms.{form.name}"
    asked = subject.names(form.fields, f"{at}.fields", record_type.fields)
    for name in asked:
        field = record_type.fields[name]
        if field.read_only or field.is_computed:
            subject.report.add(f"{at}.fields", f"nobody types “{name}”, so a form can't ask for it")
        if form.fields.count(name) > 1:
            subject.report.add(f"{at}.fields", f"“{name}” is asked for twice")
    if record_type.append_only and (form.edit_in or form.by_owner):
        subject.report.add(f"{at}.{'edit_in' if form.edit_in else 'by_owner'}", "records of this type never change")
    if form.by_owner:
        _by_owner(subject, form, at)
        return
    if form.after:
        _after(subject, form, at)
    _contact(subject, form, at)
    _per(subject, form, at)
    _states(subject, form, at)
    _complete(subject, form, asked, at)


def _after(subject: Subject, form: Form, at: str) -> None:
    """``type.form`` or ``plugin.type.form``: a form that is sent, and another one."""
    identity, name = subject.type.form_named(form.after)
    other = subject.schemas.get(identity)
    if other is None:
        if identity not in subject.resolve.unsure:
            subject.report.add(f"{at}.after", f"there is no type “{identity}”; write type.form")
    elif name not in other.sent_forms:
        subject.report.add(f"{at}.after", f"{identity} has no form “{name}”{did_you_mean(name, other.sent_forms)}")
    elif (identity, name) == (subject.type.identity, form.name):
        subject.report.add(f"{at}.after", "a form can't come after itself")
    for key in ("service", "icon", "keywords", "per"):
        if getattr(form, key):
            subject.report.add(f"{at}.{key}", "it means nothing in a form that comes after another: it is no service")


def _by_owner(subject: Subject, form: Form, at: str) -> None:
    """A form that only changes what is there asks for nothing that a new record needs, and for no secret."""
    if subject.type.is_case:
        subject.report.add(f"{at}.by_owner", "a case says with “edit_in” in which states it may be changed")
    if not subject.type.has_status_page and subject.type.identity != "core.contact":
        subject.report.add(f"{at}.by_owner", "nobody could open it: the type has no number, or no form to send it with")
    for key in ("state", "edit_in", "per", "open_if", "receipt", "service", "after"):
        if getattr(form, key):
            subject.report.add(f"{at}.{key}", "it means nothing in a form “by_owner”, through which nothing new comes")
    if form.contact != "none":
        subject.report.add(f"{at}.contact", "whoever changes their own record is known already")
    for name in form.fields:
        field = subject.type.fields.get(name)
        if field is None:
            continue
        columns = form.columns.get(name, tuple(field.row_fields))
        for column in subject.names(columns, f"{at}.fields", field.row_fields):
            if field.row_fields[column].privacy == "confidential":
                subject.report.add(f"{at}.fields", f"“{name}.{column}” is confidential and can't be shown here")
        for column, inner in field.row_fields.items():
            if inner.required and column not in columns:
                subject.report.add(
                    f"{at}.fields", f"“{name}.{column}” is required, so its owner must be able to say it"
                )
        if field.privacy == "confidential":
            subject.report.add(f"{at}.fields", f"“{name}” is confidential and can't be shown here")


def _contact(subject: Subject, form: Form, at: str) -> None:
    if form.contact == "none":
        return
    if not form.contact_field:
        subject.report.add(f"{at}.contact_field", "say which link is set to whoever is writing")
        return
    for name in subject.names([form.contact_field], f"{at}.contact_field", subject.type.fields):
        if subject.type.fields[name].target != "core.contact":
            subject.report.add(f"{at}.contact_field", f"“{name}” does not link to core.contact")


def _per(subject: Subject, form: Form, at: str) -> None:
    if not form.per:
        if form.per_group:
            subject.report.add(f"{at}.per_group", "it means nothing without “per”")
        return
    for name in subject.names([form.per], f"{at}.per", subject.type.fields):
        field = subject.type.fields[name]
        if field.type_name != "link":
            subject.report.add(f"{at}.per", f"“{name}” is no link")
        elif form.per_group and (target := subject.schemas.get(field.target)) is not None:
            subject.names([form.per_group], f"{at}.per_group", target.fields)


def _states(subject: Subject, form: Form, at: str) -> None:
    workflow = subject.type.workflow
    for key, states in (("state", (form.state,) if form.state else ()), ("edit_in", form.edit_in)):
        for state in states:
            if workflow is None:
                subject.report.add(f"{at}.{key}", "this type has no workflow, so it has no states")
            elif state not in workflow.states:
                _unknown_state(subject, workflow, state, f"{at}.{key}")


def _complete(subject: Subject, form: Form, asked: Iterable[str], at: str) -> None:
    """A form must ask for all that is required, unless what it sends may be incomplete."""
    workflow = subject.type.workflow
    start = workflow.states.get(form.state or workflow.initial) if workflow else None
    if start is not None and start.incomplete:
        return
    given = {*asked, form.per, form.contact_field if form.contact != "none" else ""}
    given |= {link for link, _ in _applied(subject, form)}
    for name, field in subject.type.fields.items():
        needed = field.required and field.default is None and field.show_if is None and not field.is_computed
        if needed and name not in given and not field.read_only:
            subject.report.add(
                at, f"“{name}” is required, but this form doesn't ask for it, and what it sends is not incomplete"
            )


def _applied(subject: Subject, form: Form) -> Iterable[tuple[str, str]]:
    """Links that are filled because the form is opened from another type's public page."""
    for other in subject.schemas.values():
        if other.public is None or not other.public.apply:
            continue
        target, _, link = other.public.apply.partition(":")
        identity, _, name = target.rpartition(".")
        if name == form.name and identity in (subject.type.name, subject.type.identity):
            yield link, other.identity


def _public(subject: Subject, public: PublicOptions) -> None:
    if subject.type.public_if is None and not subject.report.about("type.public_if"):
        subject.report.add("public", "nobody would see anything: the type has no “public_if”")
    for key in ("columns", "fields", "filters"):
        for name in subject.names(getattr(public, key), f"public.{key}"):
            field = subject.type.all_fields[name]
            if field.privacy != "public":
                subject.report.add(f"public.{key}", f"“{name}” is {field.privacy}; the public may not see it")
    for name in subject.names([public.sort.removeprefix("-")] if public.sort else (), "public.sort"):
        field = subject.type.all_fields[name]
        if field.privacy != "public" or not field.sortable or field.outside:
            subject.report.add("public.sort", f"a public list can't be sorted by “{name}”")
    for path in sorted(public.where.paths()) if public.where else ():
        first = subject.type.all_fields.get(path.partition(".")[0])
        if first is not None and first.privacy != "public":
            subject.report.add("public.where", f"“{path}” is {first.privacy}; the public may not know it")
    if public.apply:
        _apply(subject, public.apply)


def _apply(subject: Subject, apply: str) -> None:
    """``type.form:link`` or ``plugin.type.form:link``, of which the link points back here."""
    target, _, link = apply.partition(":")
    identity, form = subject.type.form_named(target)
    other = subject.schemas.get(identity)
    if other is None:
        if identity not in subject.resolve.unsure:
            subject.report.add("public.apply", f"there is no type “{identity}”; write type.form:link")
        return
    if form not in other.forms:
        subject.report.add("public.apply", f"{identity} has no form “{form}”{did_you_mean(form, other.forms)}")
    field = other.fields.get(link)
    if field is None or field.target != subject.type.identity:
        subject.report.add("public.apply", f"“{link}” is no link from {identity} to {subject.type.identity}")

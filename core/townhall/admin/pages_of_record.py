"""Pages that change one record: its form, its moves, giving it to a colleague, notes, looks at what is masked."""

from __future__ import annotations

from datetime import date
from datetime import datetime
from datetime import time
from typing import TYPE_CHECKING
from typing import Any

from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue

from townhall.admin import once
from townhall.admin import talking
from townhall.admin import urls
from townhall.admin.details import asks_something
from townhall.admin.details import contact_of
from townhall.admin.details import get_record
from townhall.admin.details import may_say
from townhall.admin.details import staff_name
from townhall.admin.editing import Editor
from townhall.admin.editing import file_url
from townhall.admin.editing import lookup_of
from townhall.admin.facts import FactWriter
from townhall.admin.pages import page
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records.types import Record
from townhall_forms.forms import RecordForm
from townhall_forms.forms import build_form
from townhall_forms.schema import RecordType
from townhall_forms.schema import Transition

if TYPE_CHECKING:
    from townhall.access.actors import Actor
    from townhall.access.permissions import Verb
    from townhall.admin.desk import Desk
    from townhall.town import Town

#: Methods of a page that shows a form and takes it.
FORM = ("GET", "POST")
#: What history's actions are called.
DEEDS = {
    "create": "Added",
    "update": "Changed",
    "transition": "Moved",
    "archive": "Archived",
    "restore": "Restored",
    "reveal": "Looked at",
    "import": "Imported",
}
CHANGED_MEANWHILE = "A colleague changed this a moment ago. Look at it again, then decide."


class RecordPages:
    """The part of a record's view that writes. Mixed into :class:`townhall.admin.record_view.RecordView`."""

    desk: Desk
    town: Town
    type: RecordType

    if TYPE_CHECKING:

        @property
        def actor(self) -> Actor: ...

        def may(self, verb: Verb) -> bool: ...

        def render(self, template: str, **values: Any) -> str: ...

    def _record(self, id: int) -> Record:
        return get_record(self.desk, self.actor, self.type.identity, id)

    def _url(self, record: Record, page: str = "") -> str:
        return urls.record_url(record.identity, record.id, page)

    def _editable(self, id: int) -> Record:
        record = self._record(id)
        if record.archived is not None or self.type.append_only or not self.may("edit"):
            raise Forbidden(
                "This record is archived. Restore it first."
                if record.archived is not None
                else f"{self.type.label_plural} can't be changed by you."
            )
        return record

    # -- form -------------------------------------------------------------------------------------------------

    @page("list", "new", methods=FORM)
    def create_view(self) -> ResponseReturnValue:
        """The form for a new record."""
        if not self.may("create"):
            abort(403)
        form_id = request.form.get("form_id", "")
        if request.method == "POST" and not once.first_time(self.town, form_id):
            flash("This was saved already.", "info")
            return redirect(once.where_to(form_id) or urls.list_url(self.type.identity))
        editor = Editor(self.desk, self.actor, self.type, request)
        if request.method == "POST":
            record = editor.save()
            if record is not None:
                return self._saved(record, form_id)
        return self._form(editor)

    def _saved(self, record: Record, form_id: str) -> ResponseReturnValue:
        name = record.number or self.type.label
        if request.form.get("then") == "new":
            flash(f"{name} is saved: {record.title}", "ok")
            url = urls.with_query(f"{urls.list_url(record.identity)}new", request.args.items())
        else:
            flash(f"{name} is saved.", "ok")
            url = urls.local_path(request.args.get("next"), self._url(record))
        once.remember(form_id, url)
        return redirect(url)

    @page("record", "edit", methods=FORM)
    def edit_view(self, id: int) -> ResponseReturnValue:
        """The form for changing a record."""
        record = self._editable(id)
        reveal = request.values.get("reveal") == "1" and self.may("see_confidential")
        if reveal and request.method == "GET":
            for name in sorted(record.masked):
                self.town.records.reveal(self.actor, record.identity, id, name, "Opened for editing")
        if reveal:
            record = get_record(self.desk, self.actor, self.type.identity, id, reveal=sorted(record.masked))
        editor = Editor(self.desk, self.actor, self.type, request, record, reveal)
        if request.method == "POST":
            saved = editor.save()
            if saved is not None:
                flash("Saved.", "ok")
                return redirect(self._url(saved))
        return self._form(editor)

    def _form(self, editor: Editor) -> ResponseReturnValue:
        record = editor.record
        base = urls.list_url(self.type.identity)
        html = self.render(
            "admin/form.html",
            type=self.type,
            editor=editor,
            form=editor.form,
            record=record,
            problems=editor.problems() if request.method == "POST" and not editor.form.redraw else [],
            form_id=once.new_form_id(),
            back=self._url(record) if record is not None else urls.local_path(request.args.get("next"), base),
            base=base,
        )
        return html, (409 if editor.differences else 422 if editor.form.errors or editor.whole else 200)

    # -- moves ------------------------------------------------------------------------------------------------

    def move_form(self, move: Transition | None, record: Record | None) -> RecordForm:
        """A form with the fields that a move needs and offers."""
        names = dict.fromkeys([*move.require, *move.asks]) if move is not None else {}
        posted = request.method == "POST"
        return build_form(
            self.type,
            [name for name in names if name in self.type.fields],
            self.town.context(self.actor),
            values={name: record.values.get(name) for name in names} if record is not None else {},
            formdata=request.form if posted else None,
            files=request.files if posted else None,
            stored=record.values if record is not None else None,
            lookup_url=lookup_of(self.type),
            file_url=file_url,
            require=move.require if move is not None else (),
        )

    @page("record", "move", more=True, methods=FORM)
    def move(self, id: int, move_name: str) -> ResponseReturnValue:
        """Ask what a move needs, and make it."""
        record = self._record(id)
        move = next(
            (move for move in self.town.records.transitions(self.actor, record) if move.name == move_name), None
        )
        if move is None:
            if self.type.workflow is None or self.type.workflow.transition(move_name) is None:
                abort(404)
            flash("This move can't be made any more: the record has moved on, or you may not make it.", "soon")
            return redirect(self._url(record))
        form = self.move_form(move, record)
        problems: list[tuple[str, str]] = []
        if request.method == "POST" and not form.redraw:
            problems = self._make(record, move, form)
            if not problems:
                return redirect(self._url(record))
            if not asks_something(move, record):
                flash(problems[0][1], "bad")
                return redirect(self._url(record))
        workflow = self.type.workflow
        assert workflow is not None  # noqa: S101 - a move comes from one
        html = self.render(
            "admin/move.html",
            type=self.type,
            record=record,
            move=move,
            form=form,
            problems=problems,
            source=workflow.states.get(record.state),
            target=workflow.states.get(move.target),
            contact=contact_of(self.desk, self.actor, record),
            message=request.form.get("message", ""),
            note=request.form.get("note", ""),
            version=request.form.get("version", record.version),
            may_message=may_say(self.desk, self.actor, record),
            back=self._url(record),
        )
        return html, 422 if problems else 200

    def _make(self, record: Record, move: Transition, form: RecordForm) -> list[tuple[str, str]]:
        """Make the move; what is wrong, if anything, as ``(id of the input, sentence)``."""
        if not form.validate(state=move.target, require=move.require):
            return [(id, f"{label}: {message}") for id, label, message in form.error_list]
        sent = request.form
        try:
            moved = self.town.records.transition(
                self.actor,
                record.identity,
                record.id,
                move.name,
                dict(form.values),
                version=urls.number(sent.get("version"), record.version),
                note=sent.get("note", "").strip(),
                message=sent.get("message", "").strip(),
            )
        except ValidationFailed as failed:
            form.add_errors(
                {path: text for path, text in failed.errors.items() if path.partition(".")[0] in form.values}
            )
            return [("", text) for text in failed.errors.values()]
        except Rejected as rejected:
            return [("", str(rejected))]
        except Conflict:
            return [("", CHANGED_MEANWHILE)]
        state = moved.type.workflow.states.get(moved.state) if moved.type.workflow is not None else None
        flash(f"{move.label}: done. It is now “{state.label if state is not None else moved.state}”.", "ok")
        return []

    # -- giving -----------------------------------------------------------------------------------------------

    @page("record", "give", methods=FORM)
    def give(self, id: int) -> ResponseReturnValue:
        """Say who has a case and when it is due. “Take it” posts here too."""
        record = self._editable(id)
        if not self.type.is_case:
            abort(404)
        people = self.town.context(self.actor).staff()
        error = ""
        if request.method == "POST":
            values, error = self._given(record, {person.id for person in people})
            if not error:
                error = self._give(record, values)
            if not error:
                return redirect(urls.local_path(request.form.get("next"), self._url(record)))
            if request.form.get("next"):
                flash(error, "bad")
                return redirect(urls.local_path(request.form.get("next"), self._url(record)))
        local = self.desk.presenter.local(record.due) if record.due is not None else None
        html = self.render(
            "admin/give.html",
            type=self.type,
            record=record,
            people=people,
            error=error,
            due_day=request.form.get("due_day", local.date().isoformat() if local else ""),
            due_time=request.form.get("due_time", f"{local:%H:%M}" if local else ""),
            chosen=request.form.get("assignee", str(record.assignee or "")),
            back=self._url(record),
        )
        return html, 422 if error else 200

    def _given(self, record: Record, people: set[int]) -> tuple[dict[str, Any], str]:
        sent = request.form
        values: dict[str, Any] = {}
        chosen = sent.get("assignee", "")
        if chosen == "me":
            values["assignee"] = self.actor.id
        elif urls.number(chosen) in {*people, record.assignee}:
            values["assignee"] = urls.number(chosen)
        elif chosen == "" and "assignee" in sent:
            values["assignee"] = None
        if "due_day" not in sent:
            return values, ""
        if not sent["due_day"].strip():
            return {**values, "due": None}, ""
        try:
            day = date.fromisoformat(sent["due_day"].strip())
            clock = time.fromisoformat(sent.get("due_time", "").strip() or "17:00")
        except ValueError:
            return values, "Enter the day like 2026-11-24 and the time like 16:00."
        values["due"] = datetime.combine(day, clock, tzinfo=self.town.zone)
        return values, ""

    def _give(self, record: Record, values: dict[str, Any]) -> str:
        """Save who has it; a sentence if that was refused."""
        version = urls.number(request.form.get("version"), record.version)
        taken = record.assignee is not None and record.assignee != self.actor.id
        if request.form.get("take") and taken:
            return f"{staff_name(self.desk, self.actor, record.assignee)} took it a moment ago."
        try:
            self.town.records.update(
                self.actor,
                record.identity,
                record.id,
                values,
                version=version,
            )
        except Conflict as conflict:
            holder = conflict.current.assignee
            if request.form.get("take") and holder is not None:
                return f"{staff_name(self.desk, self.actor, holder)} took it a moment ago."
            return CHANGED_MEANWHILE
        except ValidationFailed as failed:
            return " ".join(failed.errors.values())
        except Rejected as rejected:
            return str(rejected)
        flash("It is yours now." if values.get("assignee") == self.actor.id else "Saved.", "ok")
        return ""

    # -- notes, masks, the archive ----------------------------------------------------------------------------

    @page("record", "say", methods=("POST",))
    def say(self, id: int) -> ResponseReturnValue:
        """Keep a note, or send a message to the citizen."""
        record = self._record(id)
        if not may_say(self.desk, self.actor, record):
            abort(403)
        text = request.form.get("text", "")
        form_id = request.form.get("form_id", "")
        contact = contact_of(self.desk, self.actor, record)
        target = f"{self._url(record)}#happened"
        if not once.first_time(self.town, form_id):
            return redirect(target)
        try:
            if request.form.get("send"):
                talking.message(self.town, self.actor, record, text)
                flash("The message stands on the citizen's status page now.", "ok")
            else:
                talking.note(self.town, self.actor, record, text, contact[0] if contact is not None else None)
                flash("The note is saved.", "ok")
        except ValidationFailed as failed:
            flash(" ".join(failed.errors.values()), "bad")
        except Rejected as rejected:
            flash(str(rejected), "bad")
        return redirect(target)

    @page("record", "reveal", more=True, methods=FORM)
    def reveal(self, id: int, field_name: str) -> ResponseReturnValue:
        """Ask why somebody wants to see a confidential value, then show it once."""
        record = self._record(id)
        field = self.type.fields.get(field_name)
        if field is None or field_name not in record.masked:
            abort(404)
        reason = " ".join(request.form.get("reason", "").split())
        error, value_html = "", None
        if request.method == "POST":
            if len(reason) < 3:
                error = "Write why you need to see it, for example “Caller asked whether we have the right one”."
            else:
                value = self.town.records.reveal(self.actor, record.identity, id, field_name, reason)
                value_html = FactWriter(self.town.context(self.actor), self.desk.presenter).html(record, field, value)
        html = self.render(
            "admin/reveal.html",
            type=self.type,
            record=record,
            field=field,
            reason=reason,
            error=error,
            html=value_html,
            shown=value_html is not None,
            back=self._url(record),
        )
        return html, 422 if error else 200

    @page("record", "archive", methods=FORM)
    def archive(self, id: int) -> ResponseReturnValue:
        """Take a record out of the lists. Nothing is deleted."""
        return self._put_away(id, restore=False)

    @page("record", "restore", methods=FORM)
    def restore(self, id: int) -> ResponseReturnValue:
        """Bring an archived record back."""
        return self._put_away(id, restore=True)

    def _put_away(self, id: int, *, restore: bool) -> ResponseReturnValue:
        record = self._record(id)
        if not self.may("archive") or self.type.append_only:
            abort(403)
        if request.method == "POST":
            act = self.town.records.restore if restore else self.town.records.archive
            try:
                act(
                    self.actor,
                    record.identity,
                    id,
                    version=urls.number(request.form.get("version"), record.version),
                    note=request.form.get("note", "").strip(),
                )
            except Conflict:
                flash(CHANGED_MEANWHILE, "bad")
            except Rejected as rejected:
                flash(str(rejected), "bad")
            except ValidationFailed as failed:
                flash(" ".join(failed.errors.values()), "bad")
            else:
                flash("It is back in the lists." if restore else "It is archived. You can restore it here.", "ok")
            return redirect(self._url(record))
        name = record.title or record.number
        return self.render(
            "admin/confirm.html",
            heading=f"Restore “{name}”?" if restore else f"Archive “{name}”?",
            text="It comes back into the lists and can be changed again."
            if restore
            else "It leaves the lists and can't be changed. It can still be read, and be restored at any time.",
            button="Restore" if restore else "Archive",
            bad=not restore,
            ask_note=True,
            version=record.version,
            back=self._url(record),
            trail=[
                (self.type.label_plural, urls.list_url(self.type.identity)),
                (record.number or name, self._url(record)),
                ("Restore" if restore else "Archive", ""),
            ],
        )

    @page("record", "history")
    def history(self, id: int) -> ResponseReturnValue:
        """Every change of a record, as it was kept."""
        record = self._record(id)
        entries = self.town.records.history(self.actor, record.identity, id)
        return self.render(
            "admin/history.html",
            type=self.type,
            record=record,
            entries=self._told(record, entries),
            back=self._url(record),
        )

    def _told(self, record: Record, entries: Any) -> list[dict[str, Any]]:
        """History entries with their values in words."""
        writer = FactWriter(self.town.context(self.actor), self.desk.presenter)
        told = []
        for entry in reversed(entries):
            changes = []
            for name, (old, new) in entry.changes.items():
                field = self.type.field(name)
                if field is None:
                    changes.append((name, str(old or ""), str(new or "")))
                    continue
                changes.append((field.label, writer.words(record, field, old), writer.words(record, field, new)))
            told.append(
                {"entry": entry, "deed": DEEDS.get(entry.action, entry.action.capitalize()), "changes": changes}
            )
        return told

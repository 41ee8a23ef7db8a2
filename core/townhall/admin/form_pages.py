"""The forms of a type: for a new record, for changing one, and for what a move asks."""

from __future__ import annotations

from collections.abc import Sequence

from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from townhall import meanwhile
from townhall.access import policy
from townhall.admin import masking
from townhall.admin import once
from townhall.admin import reaching
from townhall.admin import refusals
from townhall.admin import standard_inputs
from townhall.admin import talking
from townhall.admin import urls
from townhall.admin.alike import alike
from townhall.admin.details import asks_something
from townhall.admin.details import may_say
from townhall.admin.editing import Editor
from townhall.admin.editing import file_url
from townhall.admin.editing import lookup_of
from townhall.admin.pages import page
from townhall.admin.reaching import Reach
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.admin.standard_inputs import StandardInput
from townhall.errors import Conflict
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.own_paths import own_path
from townhall.records import explaining
from townhall.records.types import Record
from townhall_forms.forms import RecordForm
from townhall_forms.forms import build_form
from townhall_forms.schema import Transition

_OVER = "This move can't be made any more: the record has moved on, or you may not make it."


class FormPages(RecordPages):
    """Forms and moves."""

    # -- form -------------------------------------------------------------------------------------------------

    @page("list", "new", methods=FORM)
    def create_view(self) -> ResponseReturnValue:
        """The form for a new record."""
        self._changeable()
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
            url = own_path(request.args.get("next"), self._url(record))
        for other in alike(self.town, self.actor, record):
            link = Markup('<a href="{}">{}</a> has the same {}.').format(
                self._url(other.record), other.record.title, other.shared
            )
            if self.may("merge"):
                way = self._url(other.record, f"merge/{record.id}")
                link += Markup(' If they are one and the same, <a href="{}">merge them</a>.').format(way)
            flash(link, "soon")
        once.remember(form_id, url)
        return redirect(url)

    @page("record", "edit", methods=FORM)
    def edit_view(self, id: int) -> ResponseReturnValue:
        """The form for changing a record."""
        self._changeable()
        record = self._record(id)
        obstacle = explaining.first_obstacle(self.town, self.actor, record)
        # Who may change such records had the form open; what they typed is not lost over a colleague who archived it.
        if obstacle and not (request.method == "POST" and record.archived is not None and self.may("edit")):
            raise Forbidden(obstacle)
        editor = Editor(self.desk, self.actor, self.type, request, record)
        if obstacle:
            editor.whole.append(obstacle)
        elif request.method == "POST":
            saved = editor.save()
            if saved is not None:
                flash("Saved.", "ok")
                return redirect(self._after(saved))
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
            back=self._url(record) if record is not None else own_path(request.args.get("next"), base),
            base=base,
        )
        return html, (409 if editor.differences else 422 if editor.form.errors or editor.whole or editor.wrong else 200)

    # -- moves ------------------------------------------------------------------------------------------------

    def move_form(self, move: Transition | None, record: Record | None) -> RecordForm:
        """A form with the fields that a move needs and offers."""
        names = policy.asked_by(self.actor, self.type, move) if move is not None else ()
        posted = request.method == "POST"
        return build_form(
            masking.unasked(self.type, record),
            [name for name in names if name in self.type.fields],
            self.town.context(self.actor),
            values={name: record.values.get(name) for name in names} if record is not None else {},
            formdata=request.form if posted else None,
            files=request.files if posted else None,
            stored=record.values if record is not None else None,
            lookup_url=lookup_of(self.type),
            file_url=file_url,
            require=masking.missing(move.require, record) if move is not None else (),
        )

    @page("record", "move", more=True, methods=FORM)
    def move(self, id: int, move_name: str) -> ResponseReturnValue:
        """Ask what a move needs, and make it."""
        self._changeable()
        record = self._record(id)
        workflow = self.type.workflow
        move = workflow.transition(move_name) if workflow is not None else None
        if move is None:
            abort(404)
        offered = self.town.records.offered(self.actor, record)
        refusal = next((refusal for each, refusal in offered if each.name == move_name), _OVER)
        posted = request.method == "POST"
        has_page = asks_something(move, record) or _has_words()
        if refusal and not (posted and has_page):
            flash(refusal, "soon" if refusal == _OVER else "bad")
            return redirect(self._url(record))
        form = self.move_form(move, record)
        names = policy.asked_by(self.actor, self.type, move)
        standard = standard_inputs.inputs(self.town, self.actor, record, names, move.require, request.form)
        if refusal:
            # What was typed is not lost: it can go along with what is possible now.
            others = [each for each, hindered in offered if not hindered and each.name != move_name]
            return self._move_page(record, move, form, standard, [("", refusal)], others), 409
        problems: list[tuple[str, str]] = []
        if posted and not form.redraw:
            problems = self._make(record, move, form, standard)
            if not problems:
                return redirect(self._after(record))
            if not has_page:
                flash(problems[0][1], "bad")
                return redirect(self._url(record))
        return self._move_page(record, move, form, standard, problems), 422 if problems else 200

    def _move_page(
        self,
        record: Record,
        move: Transition,
        form: RecordForm,
        standard: list[StandardInput],
        problems: list[tuple[str, str]],
        others: Sequence[Transition] | None = None,
    ) -> str:
        """The page of a move, with what was typed; ``others`` are those to choose from if it can't be made now."""
        workflow = self.type.workflow
        assert workflow is not None  # noqa: S101 - a move comes from one
        # Who was told that it changed has seen so, and decides: the next press is about the record as it is now.
        stale = others is not None or ("", refusals.CHANGED_MEANWHILE) in problems
        return self.render(
            "admin/move.html",
            type=self.type,
            record=record,
            move=move,
            form=form,
            standard=standard,
            problems=problems,
            wrong=dict(problems),
            others=others,
            source=workflow.states.get(record.state),
            target=workflow.states.get(move.target),
            reach=self._reach(record),
            message=request.form.get("message", ""),
            note=request.form.get("note", ""),
            version=record.version if stale else request.form.get("version", record.version),
            back=self._url(record),
        )

    def _reach(self, record: Record) -> Reach | None:
        """How a message that goes with a move would reach the citizen; ``None`` where nothing can be written."""
        if not may_say(self.desk, self.actor, record):
            return None
        return reaching.reach(self.town, self.actor, record)

    def _make(
        self, record: Record, move: Transition, form: RecordForm, standard: list[StandardInput]
    ) -> list[tuple[str, str]]:
        """Make the move; what is wrong, if anything, as ``(id of the input, sentence)``."""
        given, wrong = standard_inputs.values(self.town, standard, request.form)
        declared = [name for name in masking.missing(move.require, record) if name in self.type.fields]
        if not form.validate(state=move.target, require=declared) or wrong:
            found = [(id, talking.about(label, message)) for id, label, message in form.error_list]
            return [*found, *wrong.items()]
        sent = request.form
        try:
            moved = self.town.records.transition(
                self.actor,
                record.identity,
                record.id,
                move.name,
                {**masking.typed(self.type, record, form.values), **given},
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
            if rejected.field in form.values:
                form.add_errors({rejected.field: str(rejected)})
            return [("", str(rejected))]
        except Conflict as conflict:
            before = meanwhile.opened_with(self.town, self.actor, record, urls.number(sent.get("version")))
            meanwhile.take_over(form, before, record)
            return [("", refusals.sentence(conflict))]
        state = moved.type.workflow.states.get(moved.state) if moved.type.workflow is not None else None
        flash(f"{move.label}: done. It is now “{state.label if state is not None else moved.state}”.", "ok")
        return []


def _has_words() -> bool:
    """Whether somebody wrote something with a move that may be made without."""
    return any(request.form.get(name, "").strip() for name in ("message", "note"))

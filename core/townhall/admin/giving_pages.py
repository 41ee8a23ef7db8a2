"""Saying who has a case and until when, and taking one."""

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

from townhall.admin import urls
from townhall.admin.details import staff_name
from townhall.admin.pages import page
from townhall.admin.record_base import CHANGED_MEANWHILE
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.errors import Conflict
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records.types import Record

if TYPE_CHECKING:
    pass


class GivingPages(RecordPages):
    """Who has it, and until when."""

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
            return ({**values, "due": None} if record.due is not None else values), ""
        try:
            day = date.fromisoformat(sent["due_day"].strip())
            clock = time.fromisoformat(sent.get("due_time", "").strip() or "17:00")
        except ValueError:
            return values, "Enter the day like 2026-11-24 and the time like 16:00."
        due = datetime.combine(day, clock, tzinfo=self.town.zone)
        stood = self.desk.presenter.local(record.due).replace(second=0, microsecond=0) if record.due else None
        if due != stood:  # a date that nobody touched stays its clocks' own
            values["due"] = due
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

"""A new task for a record: what, who and until when, in one small form."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from datetime import datetime
from datetime import time
from typing import Any

from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue

from townhall.admin import once
from townhall.admin import refusals
from townhall.admin import urls
from townhall.admin.details import TASK
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.records.colleagues import takers
from townhall_forms.values import Reference

#: Which input says what of a task, for the list of what is wrong.
_INPUTS = {"subject": "task-subject", "assignee": "task-assignee", "due": "task-due", "notes": "task-notes"}


class TaskPages(RecordPages):
    """Tasks for a record."""

    @page("record", "task", methods=FORM)
    def new_task(self, id: int) -> ResponseReturnValue:
        """Ask what is to be done for this record, and note it down."""
        record = self._record(id)
        if not self.town.records.may(self.actor, "create", TASK):
            abort(403)
        people = takers(self.town, self.town.schemas[TASK])
        problems: list[tuple[str, str]] = []
        form_id = request.form.get("form_id", "")
        if request.method == "POST":
            if not once.first_time(self.town, form_id):
                flash("This was saved already.", "info")
                return redirect(self._url(record))
            problems = self._save_task(Reference(record.identity, record.id), {each.id for each in people})
            if not problems:
                flash("The task is noted down.", "ok")
                once.remember(form_id, self._url(record))
                return redirect(self._url(record))
        html = self.render(
            "admin/task.html",
            type=self.type,
            record=record,
            people=people,
            problems=problems,
            wrong=dict(problems),
            sent=request.form,
            chosen=request.form.get("assignee", str(self.actor.id or "")),
            form_id=once.new_form_id(),
            back=self._url(record),
        )
        return html, 422 if problems else 200

    def _save_task(self, about: Reference, people: Collection[int]) -> list[tuple[str, str]]:
        """Make the task; what is wrong, if anything, as ``(id of the input, sentence)``."""
        sent = request.form
        values: dict[str, Any] = {"subject": sent.get("subject", ""), "notes": sent.get("notes", ""), "about": about}
        if sent.get("assignee", "").strip():
            values["assignee"] = urls.number(sent["assignee"])
            if values["assignee"] not in people:
                return [("task-assignee", "This person can't be given a task. Choose somebody else.")]
        if sent.get("due_day", "").strip():
            try:
                day = date.fromisoformat(sent["due_day"].strip())
            except ValueError:
                return [("task-due", "Enter the day like 2026-11-24.")]
            values["due"] = datetime.combine(day, time(23, 59), self.town.zone)
        try:
            self.town.records.create(self.actor, TASK, values)
        except refusals.REFUSED as refused:
            return [(_INPUTS.get(path, ""), sentence) for path, sentence in refusals.problems(refused).items()]
        return []

"""Saying who has a case, in which queue and until when; taking one, and giving it back."""

from __future__ import annotations

from datetime import date
from datetime import datetime
from datetime import time
from typing import Any

from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue

from townhall.admin import refusals
from townhall.admin import standard_inputs
from townhall.admin import urls
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.cases import holding
from townhall.cases.rulebook import queue_name
from townhall.cases.rulebook import queues_in_use
from townhall.own_paths import own_path
from townhall.records.types import Record


class GivingPages(RecordPages):
    """Who has it, and until when."""

    @page("record", "give", methods=FORM)
    def give(self, id: int) -> ResponseReturnValue:
        """Say who has a case and when it is due. “Take it” posts here too."""
        record = self._editable(id)
        if not self.type.is_case:
            abort(404)
        people = standard_inputs.people(self.town, self.actor, self.type, record.assignee)
        queues = [(each.id, each.name) for each in queues_in_use(self.town, self.actor, record.queue)]
        error = ""
        if request.method == "POST" and request.form.get("take"):
            error = self._take(record)
        elif request.method == "POST":
            values, error = self._given(record, {person.id for person in people}, {id for id, _ in queues})
            if not error:
                error = self._give(record, values)
        if request.method == "POST":
            if not error:
                return redirect(own_path(request.form.get("next"), self._after(record)))
            if request.form.get("next"):
                flash(error, "bad")
                return redirect(own_path(request.form.get("next"), self._url(record)))
        local = self.desk.presenter.local(record.due) if record.due is not None else None
        html = self.render(
            "admin/give.html",
            type=self.type,
            record=record,
            people=people,
            queues=queues,
            queue=request.form.get("queue", str(record.queue or "")),
            note=request.form.get("note", ""),
            error=error,
            due_day=request.form.get("due_day", local.date().isoformat() if local else ""),
            due_time=request.form.get("due_time", f"{local:%H:%M}" if local else ""),
            chosen=request.form.get("assignee", str(record.assignee or "")),
            back=self._url(record),
        )
        return html, 422 if error else 200

    @page("record", "release", methods=("POST",))
    def release(self, id: int) -> ResponseReturnValue:
        """Give a case back to its queue."""
        record = self._editable(id)
        if not self.type.is_case:
            abort(404)
        back = request.form.get("next")
        version = urls.number(request.form.get("version"), record.version)
        try:
            released = holding.release(self.town, self.actor, record.identity, id, version=version)
        except refusals.REFUSED as refused:
            flash(refusals.sentence(refused), "bad")
        else:
            name = queue_name(self.town, self.actor, released.queue)
            flash(f"It waits in {name} now." if name else "Nobody has it now.", "ok")
        return redirect(own_path(back, self._after(record)))

    def _take(self, record: Record) -> str:
        """Take a case that nobody has; a sentence if somebody was faster."""
        try:
            holding.claim(self.town, self.actor, record.identity, record.id)
        except refusals.REFUSED as refused:
            return refusals.sentence(refused)
        flash("It is yours now.", "ok")
        return ""

    def _given(self, record: Record, people: set[int], queues: set[int]) -> tuple[dict[str, Any], str]:
        sent = request.form
        values: dict[str, Any] = {}
        chosen = sent.get("queue", "")
        if urls.number(chosen) in queues:
            values["queue"] = urls.number(chosen)
        elif chosen == "" and "queue" in sent:
            values["queue"] = None
        chosen = sent.get("assignee", "")
        if chosen == "me":
            values["assignee"] = self.actor.id
        elif urls.number(chosen) in people:
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
        try:
            self.town.records.update(
                self.actor,
                record.identity,
                record.id,
                values,
                version=version,
                note=request.form.get("note", "").strip()[:1000],
            )
        except refusals.REFUSED as refused:
            return refusals.sentence(refused)
        flash("It is yours now." if values.get("assignee") == self.actor.id else "Saved.", "ok")
        return ""

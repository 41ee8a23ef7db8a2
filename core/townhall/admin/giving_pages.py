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
from townhall.cases.rulebook import QUEUE_GONE
from townhall.cases.rulebook import known_queues
from townhall.cases.rulebook import queue_name
from townhall.cases.rulebook import queues_in_use
from townhall.errors import Forbidden
from townhall.own_paths import own_path
from townhall.records.shared_cases import KEPT
from townhall.records.types import Record

#: Which input says what, for the list of what is wrong.
_INPUTS = {"assignee": "assignee", "queue": "queue", "due": "due-day"}


class GivingPages(RecordPages):
    """Who has it, and until when."""

    @page("record", "give", methods=FORM)
    def give(self, id: int) -> ResponseReturnValue:
        """Say who has a case and when it is due. “Take it” posts here too."""
        record = self._givable(id)
        problems: dict[str, str] = {}
        if request.method == "POST":
            problems = self._take(record) if request.form.get("take") else self._give(record)
            if not problems:
                return redirect(own_path(request.form.get("next"), self._after(record)))
            if request.form.get("next"):
                flash(" ".join(problems.values()), "bad")
                return redirect(own_path(request.form.get("next"), self._url(record)))
        # What was chosen and can't be any more stays chosen, so that sending the form again does nothing else.
        wanted, queue = (self._selected(name, getattr(record, name)) for name in ("assignee", "queue"))
        people = standard_inputs.people(self.town, self.actor, self.type, wanted)
        queues = queues_in_use(self.town, self.actor, queue)
        local = self.desk.presenter.local(record.due) if record.due is not None else None
        html = self.render(
            "admin/give.html",
            type=self.type,
            record=record,
            people=people,
            queues=[(each.id, each.name) for each in queues],
            queue=queue,
            note=request.form.get("note", ""),
            problems=[(_INPUTS.get(path, ""), sentence) for path, sentence in problems.items()],
            due_day=request.form.get("due_day", local.date().isoformat() if local else ""),
            due_time=request.form.get("due_time", f"{local:%H:%M}" if local else ""),
            chosen=wanted,
            back=self._url(record),
        )
        return html, 422 if problems else 200

    @page("record", "release", methods=("POST",))
    def release(self, id: int) -> ResponseReturnValue:
        """Give a case back to its queue."""
        record = self._givable(id)
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

    def _selected(self, name: str, present: int | None) -> int | None:
        """The person or queue that the form has chosen: what was sent, or where it names none, what stands there."""
        sent = request.form.get(name)
        return urls.number(sent) or present if sent else (present if sent is None else None)

    def _givable(self, id: int) -> Record:
        """A case that the reader may give to somebody."""
        record = self._editable(id)
        if not self.type.is_case:
            abort(404)
        if not self.town.records.may_give(self.actor, record):
            raise Forbidden(KEPT)
        return record

    def _take(self, record: Record) -> dict[str, str]:
        """Take a case that nobody has; what is wrong, if somebody was faster."""
        try:
            holding.claim(self.town, self.actor, record.identity, record.id)
        except refusals.REFUSED as refused:
            return refusals.problems(refused)
        flash("It is yours now.", "ok")
        return {}

    def _given(self, record: Record) -> tuple[dict[str, Any], dict[str, str]]:
        """What was sent, and what is wrong with it, by field. Whether somebody can have it is not asked here."""
        sent = request.form
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        if "assignee" in sent:
            values["assignee"] = self.actor.id if sent["assignee"] == "me" else sent["assignee"]
        if "queue" in sent:
            id = urls.number(sent["queue"])
            values["queue"] = id or None
            # Of a queue that they may not know nobody learns by trying whether it is there.
            if sent["queue"] and id != record.queue and id not in known_queues(self.town, self.actor):
                problems["queue"] = QUEUE_GONE
        if "due_day" not in sent:
            return values, problems
        if not sent["due_day"].strip():
            return ({**values, "due": None} if record.due is not None else values), problems
        try:
            day = date.fromisoformat(sent["due_day"].strip())
            clock = time.fromisoformat(sent.get("due_time", "").strip() or "17:00")
        except ValueError:
            return values, {**problems, "due": "Enter the day like 2026-11-24 and the time like 16:00."}
        due = datetime.combine(day, clock, tzinfo=self.town.zone)
        stood = self.desk.presenter.local(record.due).replace(second=0, microsecond=0) if record.due else None
        if due != stood:  # a date that nobody touched stays its clocks' own
            values["due"] = due
        return values, problems

    def _give(self, record: Record) -> dict[str, str]:
        """Save who has it; what is wrong, if that was refused."""
        values, problems = self._given(record)
        if problems:
            return problems
        version = urls.number(request.form.get("version"), record.version)
        note = request.form.get("note", "").strip()[:1000]
        try:
            saved = self.town.records.update(self.actor, record.identity, record.id, values, version=version, note=note)
        except refusals.REFUSED as refused:
            return refusals.problems(refused)
        mine = "assignee" in values and saved.assignee == self.actor.id
        flash("It is yours now." if mine else "Saved.", "ok")
        return {}

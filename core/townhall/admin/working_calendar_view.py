"""The pages of working calendars: besides those of every record, one where days off come in and are confirmed."""

from __future__ import annotations

from datetime import date

from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue

from townhall.admin import refusals
from townhall.admin.details import details
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import Said
from townhall.admin.record_view import RecordView
from townhall.cases import holidays
from townhall.errors import Rejected
from townhall.presentation import plural
from townhall.records.types import Record

#: What each button of the page does.
_DEEDS = ("upload", "suggest", "confirm", "remove")


class WorkingCalendarView(RecordView):
    """The pages of working calendars."""

    def own_page(self, record: Record, said: Said | None = None) -> ResponseReturnValue:
        """The hours, and how many days off wait to be confirmed."""
        shown = details(self.desk, self.actor, record, request.args)
        waiting = len(holidays.waiting(record))
        html = self.render("admin/working_calendar.html", **shown, waiting=waiting, said=said)
        return html, 422 if said is not None else 200

    @page("record", "holidays", methods=FORM)
    def holidays(self, id: int) -> ResponseReturnValue:
        """Bring in days off from a calendar file or as suggestions, and confirm those that wait."""
        record = self._editable(id)
        sent = request.form
        error: tuple[str, str] | None = None
        if request.method == "POST" and sent.get("do") in _DEEDS:
            try:
                flash(*self._do(record, sent["do"]))
            except refusals.REFUSED as refused:
                error = (refused.field if isinstance(refused, Rejected) else "", refusals.sentence(refused))
            else:
                return redirect(self._url(record, "holidays"), 303)
        settings = self.town.settings
        html = self.render(
            "admin/holidays.html",
            type=self.type,
            record=record,
            back=self._url(record),
            waiting=holidays.waiting(record),
            error=error,
            can_suggest=holidays.can_suggest(),
            country=sent.get("country", settings.country),
            region=sent.get("region", settings.region),
        )
        return html, 422 if error else 200

    def _do(self, record: Record, deed: str) -> tuple[str, str]:
        """Do what a button says; the sentence that tells of it, and its tone."""
        today, sent = self.town.today(), request.form
        if deed == "upload":
            file = request.files.get("file")
            if file is None or not file.filename:
                raise Rejected("Choose a calendar file first.", field="file")
            found = holidays.read_icalendar(file.read(holidays.LARGEST_FILE + 1), today)
            new = holidays.add(self.town, self.actor, record, found.days, "icalendar")
            said = self._added(new)
            if found.left_out:
                entries = plural(found.left_out, "entry", "entries")
                said = f"{said} {entries} could not be used: a day off repeats yearly or not at all."
            if found.cut:
                said = f"{said} {plural(found.cut, 'day')} could not be used: of one entry a year is taken at most."
            return said, "ok"
        if deed == "suggest":
            days = holidays.suggested(sent.get("country", ""), sent.get("region", ""), today)
            return self._added(holidays.add(self.town, self.actor, record, days, "suggested")), "ok"
        chosen = self._chosen()
        if not chosen:
            raise Rejected("Tick the days that you mean first.")
        if deed == "confirm":
            count = holidays.confirm(self.town, self.actor, record, chosen)
            return f"{plural(count, 'day off counts', 'days off count')} now.", "ok"
        count = holidays.remove(self.town, self.actor, record, chosen)
        return f"{plural(count, 'day was', 'days were')} taken away.", "ok"

    @staticmethod
    def _added(new: int) -> str:
        if not new:
            return "All of these days are in the calendar already."
        return f"{plural(new, 'day is', 'days are')} new. Look at them below and confirm those that are right."

    @staticmethod
    def _chosen() -> set[date]:
        chosen: set[date] = set()
        for text in request.form.getlist("day"):
            try:
                chosen.add(date.fromisoformat(text))
            except ValueError:
                continue
        return chosen

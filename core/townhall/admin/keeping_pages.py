"""Notes and messages, and the archive."""

from __future__ import annotations

from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue

from townhall.admin import once
from townhall.admin import refusals
from townhall.admin import talking
from townhall.admin import urls
from townhall.admin.details import contact_of
from townhall.admin.details import may_say
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.admin.record_base import Said
from townhall.records.types import Record


def _went(told: Record) -> str:
    """How a message goes to the citizen, in a sentence."""
    ways = {
        "email": "The message is on its way by e-mail.",
        "letter": "A letter waits to be printed.",
    }
    return ways.get(told["channel"] or "", "The message can be read on the citizen's status page now. It was not sent.")


class KeepingPages(RecordPages):
    """Notes and the archive."""

    @page("record", "say", methods=("POST",))
    def say(self, id: int) -> ResponseReturnValue:
        """Keep a note, or send a message to the citizen."""
        self._changeable()
        record = self._record(id)
        if not may_say(self.desk, self.actor, record):
            abort(403)
        text = request.form.get("text", "")
        form_id = request.form.get("form_id", "")
        way = request.form.get("send", "")
        contact = contact_of(self.desk, self.actor, record)
        if not once.first_time(self.town, form_id):
            return redirect(f"{self._url(record)}#happened")
        try:
            if way:
                flash(_went(talking.message(self.town, self.actor, record, text, way)), "ok")
            else:
                talking.note(self.town, self.actor, record, text, contact[0] if contact is not None else None)
                flash("The note is saved.", "ok")
        except refusals.REFUSED as refused:
            return self.own_page(record, Said(text, way, refusals.sentence(refused)))
        once.saved()
        return redirect(f"{self._url(record)}#happened")

    @page("record", "archive", methods=FORM)
    def archive(self, id: int) -> ResponseReturnValue:
        """Take a record out of the lists. Nothing is deleted."""
        return self._put_away(id, restore=False)

    @page("record", "restore", methods=FORM)
    def restore(self, id: int) -> ResponseReturnValue:
        """Bring an archived record back."""
        return self._put_away(id, restore=True)

    def _put_away(self, id: int, *, restore: bool) -> ResponseReturnValue:
        self._changeable()
        record = self._record(id)
        if not self.town.records.reaches(self.actor, "archive", record) or self.type.append_only:
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
            except refusals.REFUSED as refused:
                flash(refusals.sentence(refused), "bad")
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

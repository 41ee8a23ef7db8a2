"""Giving somebody a link to their own requests: asked first, shown once and ready to print, written to history."""

from __future__ import annotations

from flask import abort
from flask import flash
from flask import make_response
from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from townhall.admin import urls
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.citizens import links
from townhall.errors import Rejected
from townhall.messages import recipients
from townhall.records import link_codes
from townhall.records.types import Record


class OwnRequestsPages(RecordPages):
    """What a contact sees under “Your requests”: who may give them a link does it here."""

    @page("record", "own-requests", methods=FORM)
    def own_requests(self, id: int) -> ResponseReturnValue:
        """Say what a link does, then make one, or sign the contact out everywhere."""
        record = self._record(id)
        if not self.gives_links(record):
            abort(403)
        if request.method == "POST" and request.form.get("deed") == "revoke":
            links.revoke(self.town, self.actor, record.id)
            flash(f"{record.title} is signed out everywhere, and no link given before works any more.", "ok")
            return redirect(self._url(record))
        if request.method == "POST":
            try:
                return self._handed_over(record)
            except Rejected as error:
                flash(str(error), "bad")
                return redirect(self._url(record))
        return self.render(
            "admin/own_requests.html",
            type=self.type,
            record=record,
            shared=links.shared_with(self.town, record),
            days=self.town.settings.citizen_code_days,
            back=self._url(record),
            trail=self._own_trail(record),
        )

    def gives_links(self, record: Record) -> bool:
        """Whether the reader may give this contact a link to their requests."""
        return self.actor.may(links.PERMISSION) and record.archived is None

    def _handed_over(self, record: Record) -> ResponseReturnValue:
        token, until = links.give(self.town, self.actor, record.id)
        response = make_response(
            self.render(
                "admin/own_requests_link.html",
                type=self.type,
                record=record,
                address=recipients.post_address(self.town, record).splitlines(),
                link=url_for("portal.follow", token=token, _external=True),
                code=link_codes.readable(token),
                by_hand=url_for("portal.requests", _external=True),
                until=until,
                back=self._url(record),
                trail=self._own_trail(record),
            )
        )
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _own_trail(self, record: Record) -> list[tuple[str, str]]:
        return [
            (self.type.label_plural, urls.list_url(self.type.identity)),
            (record.title, self._url(record)),
            ("A link to their requests", ""),
        ]

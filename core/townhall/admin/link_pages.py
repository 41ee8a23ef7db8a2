"""A new secret link for somebody who lost theirs: asked first, shown once, and written to the record's history."""

from __future__ import annotations

from flask import abort
from flask import make_response
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from townhall.admin import urls
from townhall.admin.details import contact_of
from townhall.admin.pages import page
from townhall.admin.reaching import has_status_page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.records import link_codes
from townhall.records.types import Record

#: Purpose of the links that open a request's status page.
STATUS = "status"


class LinkPages(RecordPages):
    """The secret link of a record."""

    @page("record", "link", methods=FORM)
    def link(self, id: int) -> ResponseReturnValue:
        """Ask, then make a new link and show it with its code. Older links stop working."""
        record = self._editable(id)
        if not has_status_page(record):
            abort(404)
        if request.method == "POST":
            return self._new_link(record)
        return self.render(
            "admin/confirm.html",
            heading=f"Give a new secret link for {record.number}?",
            text="The link and its code are shown once, to read out or to print. Links that were given before stop "
            "working. Make sure that you speak with the person who sent this: whoever has the link can read it.",
            button="Make a new link",
            bad=False,
            back=self._url(record),
            trail=[
                (self.type.label_plural, urls.list_url(self.type.identity)),
                (record.number, self._url(record)),
                ("New secret link", ""),
            ],
        )

    def _new_link(self, record: Record) -> ResponseReturnValue:
        token = self.town.records.renew_link(self.actor, record.identity, record.id, STATUS)
        contact = contact_of(self.desk, self.actor, record)
        response = make_response(
            self.render(
                "admin/link.html",
                type=self.type,
                record=record,
                contact=contact[1] if contact is not None else "",
                link=url_for("portal.exchange", number=record.number, token=token, _external=True),
                code=link_codes.readable(token),
                by_hand=url_for("portal.requests", _external=True),
                back=self._url(record),
            )
        )
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

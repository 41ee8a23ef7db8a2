"""Undoing what was done to many records at once, as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue

from townhall.admin import undoing
from townhall.admin import urls
from townhall.admin.pages import page
from townhall.admin.record_base import FORM
from townhall.admin.record_base import RecordPages
from townhall.errors import Rejected
from townhall.presentation import plural

if TYPE_CHECKING:
    from townhall.admin.listing import Lister


class UndoPages(RecordPages):
    """What was done to many records of the type, and the way back."""

    lister: Lister

    @page("list", "undo")
    def undo_list(self) -> ResponseReturnValue:
        """What the person did to many records lately."""
        found = undoing.recent(self.town, self.actor, self.type.identity)
        return self.render(
            "admin/undo_list.html", type=self.type, found=found, base=self.lister.base, hours=undoing.HOURS
        )

    @page("list", "undo", more=True, methods=FORM)
    def undo(self, asked: str) -> ResponseReturnValue:
        """Ask, undo, and say which records were left as they are."""
        self._changeable()
        done = undoing.find(self.town, self.actor, self.type.identity, urls.number(asked))
        outcome = None
        if request.method == "POST" and done.undone is None:
            try:
                outcome = undoing.undo(self.town, self.actor, done)
            except Rejected as rejected:
                flash(str(rejected), "bad")
                return redirect(self.lister.base)
            if outcome.done:
                many = (
                    f"{outcome.done} of {plural(done.records, 'record')}"
                    if outcome.left
                    else plural(outcome.done, "record")
                )
                flash(f"{done.label}: undone for {many}.", "ok")
            if not outcome.left:
                return redirect(self.lister.base)
        return self.render(
            "admin/undo.html",
            type=self.type,
            done=done,
            outcome=outcome,
            told=undoing.told(self.town, done) if outcome is None and done.undone is None else 0,
            late=undoing.is_late(self.town, done),
            hours=undoing.HOURS,
            base=self.lister.base,
        )

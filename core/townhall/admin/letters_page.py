"""Letters on screen: those that wait, the pages to print, and that they were posted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import flash
from flask import make_response
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import taking
from townhall.admin import urls
from townhall.admin.staff import StaffView
from townhall.messages import letters
from townhall.messages.outbox import Message
from townhall.presentation import plural

if TYPE_CHECKING:
    from townhall.admin.desk import Desk


class LettersView(StaffView):
    """The pages of letters."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, name="Letters", endpoint="admin_letters", url=urls.LETTERS.rstrip("/"))

    def is_accessible(self) -> bool:
        """Whoever may write to citizens."""
        return self.actor.kind == "staff" and letters.may_send(self.town, self.actor)

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """What waits to be printed, the oldest first."""
        waiting = self._mine()
        return self.render(
            "admin/letters.html",
            waiting=[self._line(message) for message in waiting],
            more=self._more(waiting),
        )

    @expose("/print")
    def print_view(self) -> ResponseReturnValue:
        """The chosen letters, or the oldest that wait, each on a sheet of its own."""
        mine = {message.id: message for message in self._mine()}
        asked = [urls.number(text) for text in request.args.getlist("id")]
        ids = [id for id in asked if id in mine] if asked else [*mine]
        if asked and not ids:
            flash("None of the letters that you chose waits any more. Choose others.", "bad")
            return redirect(urls.LETTERS)
        for identity, many in Counter(mine[id].identity for id in ids).items():
            taking.write_down(self.town, self.actor, identity, "print", many, ["Letters"])
        response = make_response(
            self.render(
                "admin/print_letters.html",
                letters=letters.printed(self.town, self.actor, ids),
                ids=ids,
                more=0 if asked else self._more(ids),
                back=urls.LETTERS,
            )
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    @expose("/posted", methods=("POST",))
    def posted(self) -> ResponseReturnValue:
        """Mark the chosen letters as posted, or drop them."""
        ids = [urls.number(text) for text in request.form.getlist("id")]
        if not ids:
            flash("Choose the letters first.", "bad")
        elif request.form.get("deed") == "print":
            return redirect(urls.with_query(f"{urls.LETTERS}print", [("id", id) for id in ids]))
        elif request.form.get("deed") == "drop":
            flash(f"{plural(letters.drop(self.town, self.actor, ids), 'letter')} taken off the pile.", "ok")
        else:
            flash(f"{plural(letters.post(self.town, self.actor, ids), 'letter')} marked as posted.", "ok")
        return redirect(urls.LETTERS)

    def _mine(self) -> list[Message]:
        """Letters of which the reader may know, as many as are printed at once."""
        return letters.waiting(self.town, self.actor)

    def _more(self, shown: Sequence[object]) -> int:
        """How many wait besides those that are shown."""
        if len(shown) < letters.MOST:
            return 0
        return max(letters.number(self.town, self.actor) - len(shown), 0)

    def _line(self, message: Message) -> tuple[Message, str, str]:
        label = self.town.schemas[message.identity].label
        return message, f"{label} {message.number}".strip(), urls.record_url(message.identity, message.record_id)

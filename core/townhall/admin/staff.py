"""What all staff pages have in common: who may see them, and how errors of records become pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

from flask import abort
from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue
from flask_admin import BaseView

from townhall.access.actors import Actor
from townhall.accounts import current_actor
from townhall.errors import Forbidden
from townhall.errors import NotFound
from townhall.security import offer_to_send_again

if TYPE_CHECKING:
    from townhall.admin.desk import Desk


class StaffView(BaseView):
    """A page, or a group of pages, for people who are signed in.

    ``permission`` names what they must hold besides; empty means that any of them may come in.
    """

    permission = ""

    in_menu_by_itself = True

    def __init__(self, desk: Desk, *, name: str, endpoint: str, url: str, **options: Any) -> None:
        self.desk = desk
        self.town = desk.town
        super().__init__(name=name, endpoint=endpoint, url=url, **options)

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return current_actor()

    def is_accessible(self) -> bool:
        """Whether the person may come in at all."""
        actor = self.actor
        return actor.kind == "staff" and (not self.permission or actor.may(self.permission))

    def inaccessible_callback(self, name: str, **kwargs: Any) -> ResponseReturnValue:
        """Ask a stranger to sign in, and tell a colleague that this is not theirs."""
        return turn_away(self.actor)

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a page. Flask-Admin's own way hides every TypeError behind a second call."""
        return run_page(self, fn, *args, **kwargs)


def turn_away(actor: Actor) -> ResponseReturnValue:
    """The answer for somebody who may not see a page."""
    if actor.kind == "staff":
        abort(403)
    if request.method == "POST":
        return offer_to_send_again(
            401, signed_out=True
        )  # whoever was signed out over a long form keeps what they typed
    return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")))


def run_page(view: object, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a page's function; what records refuse becomes the page for it."""
    try:
        return fn(view, *args, **kwargs)
    except NotFound:
        abort(404)
    except Forbidden as error:
        abort(403, description=str(error))

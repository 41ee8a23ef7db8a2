"""The public site: services, forms without an account, the status of a request, and public lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint
from flask import Flask
from flask import Response
from flask import make_response
from flask import render_template
from flask import request

if TYPE_CHECKING:
    from townhall.town import Town

__all__ = ["error_page", "install"]

#: Pages that say the same to everybody, as long as nobody is signed in and nothing is sent; all others are private.
PUBLIC = frozenset(
    f"portal.{name}"
    for name in ("home", "search", "accessibility", "privacy", "listing", "entry", "file", "start", "paper")
)


def install(app: Flask, town: Town) -> None:
    """Put the public site on an application."""
    from townhall.portal import applying
    from townhall.portal import details
    from townhall.portal import entering
    from townhall.portal import listings
    from townhall.portal import pages
    from townhall.portal import previewing
    from townhall.portal import requests
    from townhall.portal.form_pages import summary
    from townhall.portal.visitor import keep_private
    from townhall.portal.visitor import session_token

    blueprint = Blueprint("portal", __name__)
    for module in (pages, listings, applying, previewing, entering, details, requests):
        module.routes(blueprint)

    @blueprint.after_request
    def guard(response: Response) -> Response:
        looked_at = request.endpoint in PUBLIC and request.method in {"GET", "HEAD"}
        return response if looked_at and not session_token() else keep_private(response)

    app.jinja_env.filters.update(please_look=please_look, telephone=telephone, summary=summary)
    app.register_blueprint(blueprint)


def error_page(code: int, title: str, message: str) -> Response:
    """An error in the public look, in plain words."""
    return make_response(render_template("portal/error.html", code=code, title=title, message=message), code)


def please_look(count: int) -> str:
    """The heading of an error summary."""
    words = ("nothing", "one thing", "two things", "three things", "four things", "five things")
    return f"Please look at {words[count] if count < len(words) else f'{count} things'}"


def telephone(text: str) -> str:
    """A telephone number as a ``tel:`` address takes it."""
    return "".join(letter for letter in text if letter.isdigit() or letter == "+")

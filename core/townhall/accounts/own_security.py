"""One's own code app, recovery codes and sessions."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint
from flask import Response
from flask import flash
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from flask_security import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from townhall import limiting
from townhall.accounts import passwords
from townhall.accounts import people
from townhall.accounts import require_staff
from townhall.accounts import second_factor
from townhall.accounts import sessions
from townhall.current import current_town
from townhall.errors import NotFound
from townhall.errors import ValidationFailed

#: How often the present password may be wrong in a window, for somebody who is signed in.
WRONG_PASSWORDS = 5
WINDOW = timedelta(minutes=15)
_NONCE = "second_factor_nonce"


def routes(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of accounts."""
    both = ["GET", "POST"]
    blueprint.add_url_rule("/account/second-factor", "second_factor", own_factor, methods=both)
    blueprint.add_url_rule("/account/recovery-codes.txt", "recovery_codes", recovery_codes, methods=["POST"])
    blueprint.add_url_rule("/account/sessions", "own_sessions", end_sessions, methods=["POST"])


def own_factor() -> AnyResponse:
    """Set the code app up, make new recovery codes, or switch it off; each asks for the password."""
    actor = require_staff()
    town, id = current_town(), current_user.id
    person = people.by_id(town, id)
    factor = second_factor.of(town, id)
    errors: dict[str, str] = {}
    if request.method == "POST":
        what = request.form.get("change", "")
        if problem := wrong_password(request.form.get("password", "")):
            errors["password"] = problem
        elif what == "set_up" and factor is None:
            try:
                nonce = session.get(_NONCE) or second_factor.new_nonce()
                codes = second_factor.set_up(town, actor, id, nonce, request.form.get("code", ""))
            except ValidationFailed as error:
                errors = error.errors
            else:
                session.pop(_NONCE, None)
                return _codes(codes)
        elif what == "codes" and factor is not None:
            return _codes(second_factor.renew_codes(town, actor, id))
        elif what == "off" and factor is not None and not second_factor.is_required(town, person):
            second_factor.remove(town, actor, id)
            flash("You sign in with your password alone now.", "ok")
            return redirect(url_for("accounts.account"))
        else:
            errors[""] = "That is not possible any more. Look at the page again."
    if factor is None and _NONCE not in session:
        session[_NONCE] = second_factor.new_nonce()
    nonce = session.get(_NONCE, "")
    html = render_template(
        "accounts/second_factor.html",
        factor=factor,
        required=second_factor.is_required(town, person),
        picture="" if factor else Markup(second_factor.picture(town, id, person.email, nonce)),  # noqa: S704
        key="" if factor else second_factor.key_text(town, id, nonce),
        errors=errors,
    )
    return make_response(html, 422 if errors else 200)


def recovery_codes() -> AnyResponse:
    """The recovery codes that a page has just shown, as a file; only ones that work come back."""
    require_staff()
    town = current_town()
    codes = request.form.get("codes", "").split()[: second_factor.RECOVERY_CODES]
    if not second_factor.are_current(town, current_user.id, codes):
        raise NotFound("Those recovery codes work no more. Make new ones below your name.")
    head = f"Recovery codes for {town.settings.name}, {current_user.email}. Each works once."
    response = Response("\r\n".join([head, "", *codes, ""]), mimetype="text/plain")
    response.headers["Content-Disposition"] = "attachment; filename=townhall-recovery-codes.txt"
    response.headers["Cache-Control"] = "no-store"
    return response


def end_sessions() -> AnyResponse:
    """End one of one's own sessions, or all but this one."""
    actor = require_staff()
    town, here = current_town(), current_user.session_id
    chosen = request.form.get("session", "")
    if chosen == "others":
        ended = sessions.end_all(town, actor, current_user.id, but=here)
        flash(f"Signed out of {ended} other {'device' if ended == 1 else 'devices'}.", "ok")
    elif chosen.isascii() and chosen.isdecimal() and len(chosen) < 18:
        sessions.end(town, actor, current_user.id, int(chosen))
        flash("That device is signed out.", "ok")
    else:
        raise NotFound("There is no such session.")
    return redirect(url_for("accounts.account"))


def wrong_password(password: str) -> str:
    """Why what somebody who is signed in typed is not their password; empty if it is. Guesses are counted."""
    town, subject = current_town(), f"{current_user.id}"
    if not limiting.allow(town, "own-password", subject, limit=WRONG_PASSWORDS, per=WINDOW):
        minutes = limiting.minutes_left(town, WINDOW)
        return f"That was wrong too often. Wait {'a minute' if minutes == 1 else f'{minutes} minutes'} and try again."
    if not passwords.matches(password[: passwords.MAX_LENGTH], current_user.password):
        return "That is not your present password. Type it as you do when you sign in."
    limiting.forget(town, "own-password", subject)
    return ""


def _codes(codes: list[str]) -> Response:
    return make_response(render_template("accounts/recovery_codes.html", codes=codes))

"""The second step of signing in: a code from the app, a recovery code, or setting the app up where the town wants it.

Between the steps nobody is signed in: the browser's cookie only holds whose password was right, for ten minutes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint
from flask import Response
from flask import make_response
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from townhall.accounts import entering
from townhall.accounts import lockout
from townhall.accounts import second_factor
from townhall.accounts.guarding import START
from townhall.accounts.guarding import address_waits
from townhall.accounts.guarding import note_failure
from townhall.accounts.guarding import too_often
from townhall.current import current_town
from townhall.errors import ValidationFailed
from townhall.own_paths import own_path
from townhall.records.instants import to_microseconds

#: How long the first step counts.
PATIENCE = timedelta(minutes=10)
_KEY = "second_step"


def routes(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of accounts."""
    blueprint.add_url_rule("/sign-in/code", "second_step", second_step, methods=["GET", "POST"])
    blueprint.add_url_rule("/sign-in/set-up", "set_up_second_factor", set_up, methods=["GET", "POST"])


def expect(user: Any, target: str) -> None:
    """Remember whose password was right, and where they wanted to go. They are not in yet."""
    session.clear()
    session.permanent = True
    now = to_microseconds(current_town().clock.now())
    session[_KEY] = {"user": user.id, "mark": user.fs_uniquifier[:16], "at": now, "next": target}


def second_step() -> AnyResponse:
    """Ask for a code, or take one."""
    user = _expected()
    town = current_town()
    if user is None or second_factor.of(town, user.id) is None:
        return _start_over()
    recovery = request.values.get("with") == "recovery"
    if request.method != "POST":
        return _page(recovery=recovery)
    code = request.form.get("code", "").strip()[:40]
    if not code:
        return _page("Type the code.", 422, recovery)
    if waiting := address_waits():
        return _page(waiting, 429, recovery)
    attempt = lockout.begin(town, user.email)
    if not attempt.allowed:
        return _page(too_often(lockout.wait_words(town, attempt.until)), 429, recovery)
    check = second_factor.accept_recovery_code if recovery else second_factor.accept
    if not check(town, user.id, code):
        note_failure(attempt, "code_failed", user.id)
        wrong = "That is none of your recovery codes, or it was used already." if recovery else second_factor.WRONG
        return _page(wrong, 422, recovery)
    target = _target()
    entering.enter(user, how="recovery code" if recovery else "code")
    response = redirect(target)
    if request.form.get("trust"):
        entering.trust(response, user)
    return response


def set_up() -> AnyResponse:
    """Set up a code app before anything else, and then be in."""
    user = _expected()
    town = current_town()
    if user is None or second_factor.of(town, user.id) is not None:
        return _start_over()
    kept = session[_KEY]
    if "nonce" not in kept:
        session[_KEY] = kept = {**kept, "nonce": second_factor.new_nonce()}
    problem = ""
    if request.method == "POST":
        try:
            codes = second_factor.set_up(
                town, entering.actor_of(user), user.id, kept["nonce"], request.form.get("code", "")
            )
        except ValidationFailed as error:
            problem = error.errors["code"]
        else:
            target = _target()
            entering.enter(user, how="code")
            return make_response(render_template("accounts/recovery_codes_first.html", codes=codes, target=target))
    html = render_template(
        "accounts/set_up.html",
        problem=problem,
        picture=Markup(second_factor.picture(town, user.id, user.email, kept["nonce"])),  # noqa: S704  # drawn here
        key=second_factor.key_text(town, user.id, kept["nonce"]),
    )
    return make_response(html, 422 if problem else 200)


def _expected() -> Any:
    """Whose code is waited for: the password was right a moment ago, and nothing about the account changed since."""
    kept = session.get(_KEY)
    if not isinstance(kept, dict):
        return None
    age = to_microseconds(current_town().clock.now()) - kept["at"]
    user = entering.user_by_id(kept["user"]) if 0 <= age < PATIENCE // timedelta(microseconds=1) else None
    if user is None or not user.active or user.fs_uniquifier[:16] != kept["mark"]:
        return None
    return user


def _target() -> str:
    target = str(session[_KEY]["next"])
    return own_path(target, START)


def _start_over() -> AnyResponse:
    session.pop(_KEY, None)
    return redirect(url_for("accounts.sign_in"))


def _page(problem: str = "", code: int = 200, recovery: bool = False) -> Response:
    return make_response(render_template("accounts/second_step.html", problem=problem, recovery=recovery), code)

"""The pages on which roles are made: the list, the matrix of one role, and what one type has besides."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from flask import Blueprint
from flask import abort
from flask import flash
from flask import redirect
from flask import render_template
from flask import request
from flask import url_for
from werkzeug.wrappers import Response

from townhall.access.actors import Actor
from townhall.access.permissions import SCOPE_LABELS
from townhall.access.permissions import SCOPE_MEANINGS
from townhall.access.permissions import SCOPED
from townhall.access.permissions import VERB_LABELS
from townhall.access.permissions import VERBS
from townhall.accounts import people
from townhall.accounts import require_staff
from townhall.accounts import role_matrix
from townhall.accounts import roles
from townhall.accounts.managing import require_manager
from townhall.accounts.role_matrix import Cell
from townhall.accounts.roles import Role
from townhall.current import current_town
from townhall.errors import NotFound
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall_forms.schema import RecordType

#: What stands before the name of a permission in the name of its control.
PREFIX = "p:"

Shown = str | tuple[str, int] | Response


def routes(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of accounts."""
    blueprint.add_url_rule("/roles/", "roles", overview, methods=["GET", "POST"])
    blueprint.add_url_rule("/roles/<name>/", "role", matrix, methods=["GET", "POST"])
    blueprint.add_url_rule("/roles/<name>/about", "role_about", about, methods=["POST"])
    blueprint.add_url_rule("/roles/<name>/delete", "delete_role", delete, methods=["GET", "POST"])
    blueprint.add_url_rule("/roles/<name>/<identity>/", "role_type", of_type, methods=["GET", "POST"])


def overview() -> Shown:
    """All roles, and a form to make one, empty or like another."""
    actor, town = _manager(), current_town()
    errors: dict[str, str] = {}
    if request.method == "POST":
        form = request.form
        try:
            made = roles.create(
                town, actor, form.get("label", ""), description=form.get("description", ""), like=form.get("like", "")
            )
        except ValidationFailed as failed:
            errors = dict(failed.errors)
        except NotFound:
            errors = {"like": "Choose one of these roles."}
        else:
            flash(f"The role {made.label} is made. Say here what it allows, then give it to people.", "ok")
            return redirect(url_for("accounts.role", name=made.name))
    html = render_template(
        "accounts/roles.html", roles=roles.everything(town), errors=errors, typed=request.form or request.args
    )
    return (html, 422) if errors else html


def matrix(name: str) -> Shown:
    """What a role allows, type by type; saving counts from everybody's next request."""
    actor = _manager()
    role, town = _role(name), current_town()
    if request.method != "POST":
        return _matrix(role, role)
    shown = _shown(role)
    groups = role_matrix.groups(town, shown)
    cells = [cell for group in groups for line in group.lines for cell in line.cells]
    cells += role_matrix.town_cells(town, shown)
    lost = set(role_matrix.patterns(town, shown)) - set(request.form.getlist("others"))
    chosen, errors = _save(actor, shown, cells, lost)
    return (_matrix(role, chosen, errors), 422) if errors else redirect(url_for("accounts.role", name=name))


def _matrix(role: Role, chosen: Role, errors: Mapping[str, str] = MappingProxyType({}), **typed: str) -> str:
    """The page of a role, with what is chosen and typed instead of what it allows and is called."""
    town = current_town()
    return render_template(
        "accounts/role.html",
        role=role,
        about={"label": role.label, "description": role.description} | typed,
        seen=_written(_role(role.name)),
        groups=role_matrix.groups(town, chosen),
        town_cells=role_matrix.town_cells(town, chosen),
        others=role_matrix.patterns(town, chosen),
        verbs=[VERB_LABELS[verb] for verb in VERBS],
        ticks=[VERB_LABELS[verb] for verb in VERBS if verb not in SCOPED],
        people=[each for each in people.everybody(town) if role.name in each.roles],
        errors=errors,
        prefix=PREFIX,
        meanings=[(SCOPE_LABELS[scope], SCOPE_MEANINGS[scope]) for scope in SCOPE_LABELS],
    )


def about(name: str) -> Shown:
    """Take a new name and description."""
    actor, role = _manager(), _role(name)
    typed = {each: request.form.get(each, "") for each in ("label", "description")}
    try:
        roles.rename(current_town(), actor, role.name, **typed)
    except ValidationFailed as failed:
        return _matrix(role, role, failed.errors, **typed), 422
    flash("The name and the description are changed.", "ok")
    return redirect(url_for("accounts.role", name=name))


def of_type(name: str, identity: str) -> Shown:
    """The moves of one type that a role may make, and the internal fields that it reads by name."""
    actor, role, record_type = _manager(), _role(name), _type(identity)
    errors: dict[str, str] = {}
    chosen = role
    if request.method == "POST":
        shown = _shown(role)
        moves, fields = role_matrix.details(shown, record_type)
        cells = [*moves, *(() if shown.actor.may(f"{identity}.see_internal") else fields)]  # what the page showed
        chosen, errors = _save(actor, shown, cells)
        if not errors:
            return redirect(url_for("accounts.role_type", name=name, identity=identity))
    moves, fields = role_matrix.details(chosen, record_type)
    sees_all_fields = chosen.actor.may(f"{identity}.see_internal")
    html = render_template(
        "accounts/role_type.html",
        role=role,
        seen=_written(_role(name)),
        type=record_type,
        moves=moves,
        fields=fields,
        sees_internal=sees_all_fields,
        errors=errors,
        prefix=PREFIX,
    )
    return (html, 422) if errors else html


def delete(name: str) -> Shown:
    """Ask whether a role is to be deleted, and do it."""
    actor, role = _manager(), _role(name)
    try:
        if request.method != "POST":
            roles.refuse_held(role)
        else:
            roles.delete(current_town(), actor, role.name)
            flash(f"The role {role.label} is deleted.", "ok")
            return redirect(url_for("accounts.roles"))
    except Rejected as refused:
        flash(str(refused), "bad")
        return redirect(url_for("accounts.role", name=name))
    return render_template(
        "admin/confirm.html",
        heading=f"Delete the role {role.label}?",
        text="Nobody has it. What it allowed is gone with it.",
        button="Delete",
        back=url_for("accounts.role", name=name),
        trail=[("Roles", url_for("accounts.roles")), (role.label, url_for("accounts.role", name=name)), ("Delete", "")],
    )


def _save(actor: Actor, role: Role, cells: Sequence[Cell], lost: Collection[str] = ()) -> tuple[Role, dict[str, str]]:
    """Let the role, as the page showed it, allow what its cells were sent with, without what is ``lost``; else what to
    show instead, and what is wrong.
    """
    town = current_town()
    held, refused = role_matrix.with_answers(role, cells, _answers(cells))
    wanted = held - frozenset(lost)
    if refused:
        names = ", ".join(role_matrix.in_words(town, role, [cell.permission for cell in refused]))
        problem = f"Nothing was saved: what was sent for {names} is none of the choices. Look at them, then save again."
        return replace(role, permissions=wanted), {"": problem}
    try:
        saved = roles.set_permissions(town, actor, role.name, wanted, seen=role.permissions)
    except ValidationFailed as failed:
        return replace(role, permissions=wanted), {"": " ".join(failed.errors.values())}
    except roles.RoleChanged as changed:
        now = changed.role.permissions
        # Both changes: what the colleague changed stays, except where this form says otherwise.
        both = (now | (wanted - role.permissions)) - (role.permissions - wanted)
        said = [str(changed)]
        for words, difference in (
            ("It allows besides now", now - role.permissions),
            ("No more", role.permissions - now),
        ):
            if difference:
                said.append(f"{words}: {', '.join(role_matrix.in_words(town, role, difference))}.")
        said.append("Your choices stand below together with that. Look at them, then save again.")
        return replace(role, permissions=both), {"": " ".join(said)}
    flash(f"Saved. It counts from the next page that anybody with the role {role.label} opens.", "ok")
    return saved, {}


def _shown(role: Role) -> Role:
    """The role as it was on the page that was sent, which knows what it showed."""
    sent = request.form.get("seen")
    return role if sent is None else replace(role, permissions=frozenset(sent.split()))


def _written(role: Role) -> str:
    """What a page keeps of what it showed."""
    return " ".join(sorted(role.permissions))


def _answers(cells: Sequence[Cell]) -> Mapping[str, str]:
    return {cell.permission: request.form.get(f"{PREFIX}{cell.permission}", "") for cell in cells}


def _role(name: str) -> Role:
    try:
        return roles.by_name(current_town(), name)
    except NotFound:
        abort(404)


def _type(identity: str) -> RecordType:
    found = current_town().schemas.get(identity)
    if found is None:
        abort(404)
    return found


def _manager() -> Actor:
    actor = require_staff()
    require_manager(actor)
    return actor

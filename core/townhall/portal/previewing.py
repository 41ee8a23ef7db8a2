"""A public form as the town's draft layer makes it, for administrators. Nothing can be sent in it."""

from __future__ import annotations

from flask import Blueprint
from flask import Response
from flask import abort
from flask import make_response
from flask import render_template

from townhall.accounts import current_actor
from townhall.current import current_town
from townhall.lifecycle import town_layer
from townhall.portal import services
from townhall.portal.drafts import Draft
from townhall.portal.filling import Filling


def preview(plugin: str, name: str, form: str) -> Response:
    """All pages of a form below each other, drawn by what draws them for the public."""
    town = current_town()
    if not current_actor().may(town_layer.PERMISSION):
        abort(404)
    layer = town_layer.standing(town.system).layer
    found = services.form_of(town.try_layer(layer).schemas, plugin, name, form)
    if found is None:
        abort(404)
    record_type, declared = found
    filling = Filling(town, record_type, declared, Draft(record_type.identity, declared.name))
    steps = [(step, filling.open(step)) for step in filling.steps]
    page = render_template("portal/preview.html", private=True, filling=filling, steps=steps, type=record_type)
    return make_response(page)


def routes(blueprint: Blueprint) -> None:
    """Add the page."""
    blueprint.add_url_rule("/apply/<plugin>/<name>/<form>/preview", "preview", preview)

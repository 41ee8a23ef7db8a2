"""The pages of the town's layer as a whole: which types are changed, what a draft will do, versions, files."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import urls
from townhall.admin.layer_base import LayerBase
from townhall.admin.places import CORE
from townhall.admin.places import plugin_label
from townhall.admin.places import plugin_place
from townhall.errors import LayerChanged
from townhall.errors import Rejected
from townhall.lifecycle import layer_review
from townhall.lifecycle import town_layer
from townhall.presentation import plural
from townhall_forms import layer_editing
from townhall_forms.errors import SchemaErrors
from townhall_forms.layer import Layer
from townhall_forms.layer import read_layer
from townhall_forms.layer import write_layer
from townhall_forms.schema import RecordType

_LARGEST_FILE = 1_000_000
_FORM = ("GET", "POST")


@dataclass(frozen=True, slots=True)
class Line:
    """A type in the list of types, with what the town changed in it."""

    type: RecordType
    url: str
    told: str


class LayerPages(LayerBase):
    """The layer as a whole."""

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """All types, what the town changed, and what waits to be decided."""
        now = self.standing()
        tried = self.tried(now.layer)
        groups: dict[str, list[Line]] = {}
        for type_ in sorted(tried.schemas.values(), key=lambda one: (*plugin_place(self.town, one.plugin), one.order)):
            line = Line(type_, urls.type_url(type_.identity), told_of(now.layer, type_))
            label = plugin_label(self.town, type_.plugin) if type_.plugin != CORE else "Townhall itself"
            groups.setdefault(label, []).append(line)
        settled = town_layer.waiting(self.town.system)
        return self.show(
            "admin/types.html",
            now,
            groups=groups,
            conflicts=[(conflict, conflict.key in settled) for conflict in self.town.layer_conflicts],
            urgent=len(town_layer.urgent(self.town)),
        )

    @expose("/conflict", methods=("POST",))
    def conflict(self) -> ResponseReturnValue:
        """Wait with a part that doesn't fit, or take it out of the draft."""
        key, remove = request.form.get("key", ""), request.form.get("do") == "remove"
        found = next((each for each in self.town.layer_conflicts if each.key == key), None)
        if found is None:
            flash("That has been settled already.", "info")
        elif not remove:
            town_layer.wait(self.town, self.actor, key)
            flash("It is kept, and waits until it fits again.", "ok")
        elif self.keep(lambda layer: layer_editing.remove(layer, found.identity, found.path), f"Removed {key}"):
            flash("It is taken out of the draft. Publish the draft to make that count.", "ok")
        return redirect(urls.TYPES)

    # -- the draft --------------------------------------------------------------------------------------------

    @expose("/changes", methods=_FORM)
    def changes(self) -> ResponseReturnValue:
        """What the draft will change; and making it so."""
        now = self.standing()
        if now.draft is None:
            flash("There are no changes that wait to be published.", "info")
            return redirect(urls.TYPES)
        if request.method == "POST":
            note = request.form.get("note", "").strip()
            try:
                number = layer_review.publish(self.town, self.actor, now.layer, follows=self.seen(now), note=note)
            except LayerChanged:
                flash("A colleague changed the draft a moment ago. Look at what it does now, then publish.", "soon")
                return redirect(f"{urls.TYPES}changes")
            except Rejected as error:
                flash(str(error).replace("\n", " "), "bad")
                return redirect(f"{urls.TYPES}changes")
            flash(f"Published as version {number}. It counts from now on, everywhere.", "ok")
            return redirect(urls.TYPES)
        review = layer_review.review(self.town, now.layer)
        return self.show("admin/layer_changes.html", now, review=review, note=request.form.get("note", ""))

    @expose("/discard", methods=_FORM)
    def discard(self) -> ResponseReturnValue:
        """Ask, then go back to what is published."""
        now = self.standing()
        if request.method == "POST":
            try:
                town_layer.discard(self.town, self.actor, follows=self.seen(now))
                flash("The draft is discarded. What was published counts as before.", "ok")
            except LayerChanged:
                flash("A colleague changed the draft a moment ago. Look at it again, then decide.", "soon")
            return redirect(urls.TYPES)
        return self.show(
            "admin/layer_confirm.html",
            now,
            heading="Discard the draft?",
            text="All changes that are not published yet go, those of your colleagues too. What is published stays.",
            button="Discard the draft",
            back=urls.TYPES,
        )

    # -- versions ---------------------------------------------------------------------------------------------

    @expose("/history")
    def history(self) -> ResponseReturnValue:
        """Every version that was published."""
        return self.show("admin/layer_history.html", self.standing(), steps=town_layer.history(self.town.system))

    @expose("/history/<int:number>", methods=_FORM)
    def restore(self, number: int) -> ResponseReturnValue:
        """What restoring a version would change; and doing it."""
        now = self.standing()
        layer = town_layer.version(self.town.system, number)
        if request.method == "POST":
            try:
                new = layer_review.restore(self.town, self.actor, number, follows=self.seen(now))
                what = f"Version {number} counts" if number else "Everything is as shipped"
                flash(f"{what} again, as version {new}.", "ok")
            except LayerChanged:
                flash("A colleague changed something a moment ago. Look at it again, then decide.", "soon")
            except Rejected as error:
                flash(str(error), "bad")
            return redirect(f"{urls.TYPES}history")
        steps = town_layer.history(self.town.system)
        step = next((each for each in steps if each.version == number), None)
        review = layer_review.review(self.town, layer)
        return self.show("admin/layer_restore.html", now, number=number, step=step, review=review)

    # -- files ------------------------------------------------------------------------------------------------

    @expose("/layer.toml")
    def download(self) -> ResponseReturnValue:
        """What is published as a file; with ``?version=3`` an earlier version."""
        number = urls.number(request.args.get("version"), self.standing().version)
        headers = {"Content-Disposition": 'attachment; filename="layer.toml"'}
        text = write_layer(town_layer.version(self.town.system, number))
        return Response(text, mimetype="application/toml", headers=headers)

    @expose("/upload", methods=_FORM)
    def upload(self) -> ResponseReturnValue:
        """Take a file as the draft; what it will change is shown before it is published."""
        now = self.standing()
        problems: list[tuple[str, str]] = []
        if request.method == "POST":
            problems = [("file", sentence) for sentence in self._take(now.head)]
            if not problems:
                flash("The file is the draft now. Nothing is published yet.", "ok")
                return redirect(f"{urls.TYPES}changes")
        return self.show("admin/layer_upload.html", self.standing(), problems=problems), 422 if problems else 200

    def _take(self, head: int) -> list[str]:
        """Keep the uploaded file as the draft; what is wrong with it otherwise."""
        sent = request.files.get("file")
        data = sent.read(_LARGEST_FILE + 1) if sent is not None else b""
        if sent is None or not data:
            return ["Choose a file that was exported from a town’s layer."]
        if len(data) > _LARGEST_FILE:
            return ["The file is larger than 1 MB. That is no layer of a town."]
        try:
            layer = read_layer(data.decode("utf-8-sig"), sent.filename or "the file")
            town_layer.save_draft(
                self.town, self.actor, layer, follows=urls.number(request.form.get("head"), head), note="From a file"
            )
        except UnicodeDecodeError:
            return ["The file is no text in UTF-8."]
        except SchemaErrors as errors:
            return [str(mistake) for mistake in errors.mistakes]
        except (LayerChanged, Rejected) as error:
            return [str(error)]
        if self.standing().draft is None:
            return ["The file says just what is published already. There is nothing to change."]
        return []


def told_of(layer: Layer, record_type: RecordType) -> str:
    """What a layer changes in a type, in a few words."""
    told = layer.of(record_type.identity)
    own = len(layer.own_fields(record_type.identity))
    changed = len(told.get("fields", {})) - own
    parts = [plural(own, "field of your own", "fields of your own")] if own else []
    parts += [plural(changed, "field changed", "fields changed")] if changed else []
    parts += ["another name"] if "label" in told or "label_plural" in told else []
    parts += ["sections"] if "sections" in told else []
    parts += ["names of states"] if "states" in told else []
    return ", ".join(parts)

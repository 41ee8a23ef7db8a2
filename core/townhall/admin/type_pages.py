"""The pages of the town's layer about one type: its fields in order, and a form for each thing that can be changed."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort
from flask import flash
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from flask_admin import expose

from townhall.admin import layer_forms
from townhall.admin import layer_values
from townhall.admin import talking
from townhall.admin import urls
from townhall.admin.editing import Editor
from townhall.admin.layer_base import LayerBase
from townhall.admin.layer_values import Typed
from townhall.errors import LayerChanged
from townhall.errors import Rejected
from townhall.lifecycle import town_layer
from townhall_forms import layer_editing
from townhall_forms.errors import Invalid
from townhall_forms.field_building import humanise
from townhall_forms.forms import RecordForm
from townhall_forms.forms import build_form
from townhall_forms.layer import Layer
from townhall_forms.layer import is_own
from townhall_forms.schema import RecordType

_FORM = ("GET", "POST")
#: Turns accepted answers into the changed layer.
Change = Callable[[Mapping[str, Any]], Layer]


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field in the list of a type's fields."""

    name: str
    label: str
    what: str
    own: bool
    marks: tuple[str, ...]
    url: str


class TypePages(LayerBase):
    """One type."""

    @expose("/<identity>/")
    def one(self, identity: str) -> ResponseReturnValue:
        """A type's fields in order, its states, and the ways to change them."""
        now = self.standing()
        typed = self.typed(identity, now)
        sections = [(section, [_line(typed, name) for name in section.fields]) for section in typed.type.sections]
        mine = [conflict for conflict in self.tried(now.layer).conflicts if conflict.identity == identity]
        return self.show("admin/type.html", now, typed=typed, sections=sections, conflicts=mine, own=is_own)

    @expose("/<identity>/preview")
    def preview(self, identity: str) -> ResponseReturnValue:
        """The clerks' form as the draft makes it. Nothing can be saved in it."""
        now = self.standing()
        typed = self.typed(identity, now)
        editor = Editor(self.desk, self.actor, typed.type, request)
        return self.show("admin/type_preview.html", now, typed=typed, editor=editor, form=editor.form)

    @expose("/<identity>/move", methods=("POST",))
    def move(self, identity: str) -> ResponseReturnValue:
        """Move a field up or down."""
        typed, name = self.typed(identity), request.form.get("name", "")
        if name not in typed.type.fields:
            abort(404)
        down = request.form.get("down") == "1"
        label = typed.type.fields[name].label
        if self.keep(lambda layer: layer_editing.move(layer, typed.type, name, down), f"Moved {label}"):
            flash(f"“{label}” stands one place {'lower' if down else 'higher'} in the draft.", "ok")
        return redirect(f"{urls.type_url(identity)}#field-{name}")

    # -- forms ------------------------------------------------------------------------------------------------

    @expose("/<identity>/name", methods=_FORM)
    def rename(self, identity: str) -> ResponseReturnValue:
        """What the type is called."""
        typed = self.typed(identity)
        shipped = typed.shipped
        values = {"label": typed.type.label, "label_plural": typed.type.label_plural}

        def change(given: Mapping[str, Any]) -> Layer:
            told = {key: layer_values.changed(given[key], getattr(shipped, key)) for key in values}
            return layer_editing.put(typed.layer, identity, (), told)

        return self._ask(typed, "What it is called", layer_forms.name_questions(), values, change)

    @expose("/<identity>/state/<key>", methods=_FORM)
    def state(self, identity: str, key: str) -> ResponseReturnValue:
        """What a state is called."""
        typed = self.typed(identity)
        flows = (typed.type.workflow, typed.shipped.workflow)
        if any(flow is None or key not in flow.states for flow in flows):
            abort(404)
        state, shipped = (flow.states[key] for flow in flows if flow is not None)
        words = ("label", "public_label", "help", "public_help")

        def change(given: Mapping[str, Any]) -> Layer:
            told = {word: layer_values.changed(given.get(word), getattr(shipped, word)) for word in words}
            if told["public_label"] is None and told["label"] is not None and shipped.public_label == shipped.label:
                told["public_label"] = shipped.public_label  # else the public would read the new label too
            return layer_editing.put(typed.layer, identity, ("states", key), told)

        values = {word: getattr(state, word) for word in words}
        return self._ask(typed, f"The state “{state.label}”", layer_forms.state_questions(), values, change)

    @expose("/<identity>/section/<key>", methods=_FORM)
    def section(self, identity: str, key: str) -> ResponseReturnValue:
        """The words of a section; ``new`` makes one of the town's own."""
        typed = self.typed(identity)
        found = next((each for each in typed.type.sections if each.name == key), None)
        if found is None and key != "new":
            abort(404)
        shipped = next((each for each in typed.shipped.sections if each.name == key), None)

        def change(given: Mapping[str, Any]) -> Layer:
            at, told = key, {"label": given["label"], "help": given.get("help") or None}
            if shipped is not None:
                told = {word: layer_values.changed(given.get(word), getattr(shipped, word)) for word in told}
            if key == "new":
                known = {each.name for each in typed.type.sections}
                at = layer_values.free_name(given["label"], known)
            return layer_editing.put(typed.layer, identity, ("sections", at), told)

        values = {"label": found.label, "help": found.help} if found is not None else {}
        heading = f"The section “{found.label}”" if found is not None else "A section of your own"
        return self._ask(typed, heading, layer_forms.section_questions(found is None), values, change)

    @expose("/<identity>/field/<key>", methods=_FORM)
    def field(self, identity: str, key: str) -> ResponseReturnValue:
        """What the town says about a field."""
        typed = self.typed(identity)
        if key not in typed.type.fields:
            abort(404)
        if is_own(key):
            return self._own(typed, key)
        shipped = typed.shipped.fields[key]
        typed_by_people = not (shipped.read_only or shipped.is_computed)
        hidden = layer_editing.put(typed.layer, identity, ("fields", key), {"hide": ["form"]})
        needed = self.problems_of(hidden, typed.layer) if typed_by_people else []
        questions = layer_forms.shipped_questions(
            shipped,
            typed.type,
            may_require=typed_by_people and not shipped.required,
            may_hide=typed_by_people and not needed,
        )
        return self._ask(
            typed,
            f"The field “{typed.type.fields[key].label}”",
            questions,
            layer_values.shipped_values(typed, key),
            lambda given: layer_values.with_shipped(typed, key, given),
            text=needed[0] if needed else "",
        )

    @expose("/<identity>/new", methods=_FORM)
    def add(self, identity: str) -> ResponseReturnValue:
        """A new field of the town's own."""
        return self._own(self.typed(identity), "")

    def _own(self, typed: Typed, name: str) -> ResponseReturnValue:
        known = town_layer.known_types(self.town.system)
        fixed = known.get((typed.identity, name), ("", ""))[0]
        taken = {*typed.type.fields, *(other for identity, other in known if identity == typed.identity)}
        before = typed.layer.table(typed.identity, "fields", name).get("show_if")
        kept = "what the imported layer says" if layer_values.condition_name(typed.type, before) == "kept" else ""
        schemas = self.tried(typed.layer).schemas
        beside = layer_forms.own_questions(typed.type, schemas, name, fixed, kept)
        context = self.town.context(self.actor)
        text = f"It holds: {layer_forms.TYPE_WORDS[fixed].lower()}. In files it is called {name}." if fixed else ""
        return self._ask(
            typed,
            f"The field “{typed.type.fields[name].label}”" if name else "A field of your own",
            beside,
            layer_values.own_values(typed, name),
            lambda given: layer_values.with_own(typed, name, given, context, fixed, taken),
            text=text,
            remove=urls.type_url(typed.identity, f"remove/{name}") if name else "",
        )

    @expose("/<identity>/remove/<key>", methods=_FORM)
    def remove(self, identity: str, key: str) -> ResponseReturnValue:
        """Ask, then take an own field out of the draft."""
        now = self.standing()
        typed = self.typed(identity, now)
        field = typed.type.fields.get(key)
        if field is None or not is_own(key):
            abort(404)
        back = urls.type_url(identity)
        if request.method == "POST":
            removed = self.keep(
                lambda layer: layer_editing.remove(layer, identity, ("fields", key)), f"Removed {field.label}"
            )
            if removed:
                flash(f"“{field.label}” is taken out of the draft.", "ok")
            return redirect(back)
        return self.show(
            "admin/layer_confirm.html",
            now,
            heading=f"Remove the field “{field.label}”?",
            text="It goes from all pages once the draft is published. Its values are kept, in the records and in their "
            "history, and come back when an earlier version is restored.",
            button="Remove the field",
            back=back,
        )

    def _ask(
        self,
        typed: Typed,
        heading: str,
        questions: RecordType,
        values: Mapping[str, Any],
        change: Change,
        *,
        text: str = "",
        remove: str = "",
    ) -> ResponseReturnValue:
        """Show a form; what it says goes into the draft."""
        now = self.standing()
        posted = request.method == "POST"
        form = build_form(
            questions,
            list(questions.fields),
            self.town.context(self.actor),
            values={name: values.get(name) for name in questions.fields if name in values},
            formdata=request.form if posted else None,
            files=request.files if posted else None,
        )
        if posted and not form.redraw and self._saved(form, change, typed, heading, now.head):
            flash("Kept in the draft. Nothing is published yet.", "ok")
            return redirect(urls.type_url(typed.identity))
        html = self.show(
            "admin/type_form.html",
            self.standing(),
            typed=typed,
            heading=heading,
            text=text,
            form=form,
            problems=[(id, talking.about(label, message)) for id, label, message in form.error_list],
            back=urls.type_url(typed.identity),
            remove=remove,
        )
        return html, 422 if form.errors else 200

    def _saved(self, form: RecordForm, change: Change, typed: Typed, heading: str, head: int) -> bool:
        """Keep what a form says in the draft; otherwise its errors say why not."""
        if not form.validate():
            return False
        try:
            layer = change(form.values)
            problems = self.problems_of(layer, typed.layer)
            if problems:
                raise Rejected(" ".join(problems))
            follows = urls.number(request.form.get("head"), head)
            note = f"{typed.type.label}: {heading}"
            town_layer.save_draft(self.town, self.actor, layer, follows=follows, note=note)
        except Invalid as error:
            form.add_errors(error.parts or {"": error.message})
        except (LayerChanged, Rejected) as error:
            form.add_errors({"": str(error)})
        return not form.errors


def _line(typed: Typed, name: str) -> FieldLine:
    field, shipped = typed.type.fields[name], typed.shipped.fields.get(name)
    told = typed.layer.table(typed.identity, "fields", name)
    marks = ["Required"] if field.required else []
    marks += ["Worked out"] if field.is_computed else ["Set by rules"] if field.read_only else []
    marks += [words for place, words in _HIDDEN if place in told.get("hide", ()) or place in field.hide]
    marks += [f"Shipped as “{shipped.label}”"] if shipped is not None and shipped.label != field.label else []
    what = layer_forms.TYPE_WORDS.get(field.type_name, humanise(field.type_name))
    return FieldLine(
        name, field.label, what, is_own(name), tuple(marks), urls.type_url(typed.identity, f"field/{name}")
    )


_HIDDEN = (("form", "Not in the form"), ("list", "Not in the list"), ("public_form", "Not in public forms"))

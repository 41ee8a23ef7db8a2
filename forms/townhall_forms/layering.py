"""What the town's own layer makes of a schema file: :func:`apply`.

The layer works on the tables of a file before a type is built of them, so nothing that comes after knows that there is
a layer. A part of it that no longer fits what the plugin ships is left out and told; all others count.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from townhall_forms.conditions import GROUPS
from townhall_forms.field_building import humanise
from townhall_forms.kinds import did_you_mean
from townhall_forms.layer import is_own
from townhall_forms.layer_keys import TOWN_PREFIX
from townhall_forms.layer_parts import Conflict
from townhall_forms.layer_parts import Part
from townhall_forms.laying_out import sections_of

Document = dict[str, Any]


# -- applying -------------------------------------------------------------------------------------------------------


def apply(document: Mapping[str, Any], parts: Iterable[Part]) -> tuple[Document, list[Conflict]]:
    """The tables of a schema file with these parts of a layer over them, and the parts that don't fit any more.

    ``document`` is what :func:`townhall_forms.documents.read_document` gives; it is not changed.
    """
    made = _Applying(deepcopy(dict(document)))
    listings: dict[str, Part] = {}
    for part in parts:
        if part.path[0] == "sections" and part.path[2] == "fields":
            listings[part.path[1]] = part
        else:
            made.take(part)
    made.order(listings)
    return made.document, made.conflicts


class _Applying:
    """One document on its way."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.fields: dict[str, Document] = document.setdefault("fields", {})
        self.conflicts: list[Conflict] = []
        self.laid_out = False

    def take(self, part: Part) -> None:
        """Apply one part, or note why it can't be."""
        if len(part.path) == 1:
            self.document["type"][part.path[0]] = part.value
            return
        group, name, *rest = part.path
        if group == "fields":
            problem = self.field(name, rest, part.value)
        elif group == "states":
            problem = self.state(name, rest[0], part.value)
        else:
            problem = self.section(name, rest[0], part.value)
        if problem:
            self.conflict(part, problem)

    def conflict(self, part: Part, problem: str, *more: str) -> None:
        """Note that a part, or something in its list, was left out."""
        sentence = problem[:1].upper() + problem[1:]
        whole = sentence if sentence.endswith((".", "?")) else f"{sentence}."
        self.conflicts.append(Conflict(part.identity, (*part.path, *more), whole))

    # -- fields -----------------------------------------------------------------------------------------------

    def field(self, name: str, rest: list[str], value: Any) -> str:
        """What is said about one field."""
        if is_own(name):
            return self.own(name, rest, value)
        field = self.fields.get(name)
        if field is None:
            return f"there is no field “{name}” any more{did_you_mean(name, self.fields)}"
        key = rest[0]
        if key in ("label", "help"):
            field[key] = value
            return ""
        if key == "required":
            return self.require(name, field)
        if key == "hide":
            return self.hide(name, field, rest[1])
        return self.choice(name, field, key, rest[1], rest[2] if len(rest) > 2 else "", value)

    def require(self, name: str, field: Document) -> str:
        """Make a shipped field required."""
        if field.get("type") == "computed" or field.get("read_only"):
            return f"nobody types “{name}”, so it can't be required"
        field["required"] = True
        return ""

    def choice(self, name: str, field: Document, key: str, value: str, said: str, told: Any) -> str:
        """Add a choice, or say something about one that is shipped."""
        if field.get("type") not in ("choice", "choices"):
            return f"“{name}” has no choices any more"
        known = [dict(one) if isinstance(one, Mapping) else {"value": one} for one in field.get("choices", ())]
        field["choices"] = known
        values = [one["value"] for one in known]
        if key == "add_choices":
            if value in values:
                return f"the choice “{value}” of “{name}” is shipped now; the one that is shipped counts"
            known.append(dict(told))
            return ""
        if value not in values:
            return f"“{name}” has no choice “{value}” any more{did_you_mean(value, values)}"
        one = known[values.index(value)]
        if said == "retired" and told:
            default = field.get("default")
            if value == default or (isinstance(default, list) and value in default):
                return f"“{value}” is what a new record starts with, so it can't be retired"
            if all(other.get("retired") for other in known if other is not one):
                return f"“{value}” is the last choice of “{name}”, so it can't be retired"
        one[said] = told
        return ""

    def hide(self, name: str, field: Document, where: str) -> str:
        """Leave a shipped field out of a form or the list."""
        label = field.get("label") or humanise(name)
        needed = self.needed(name, field) if where != "list" else ""
        if needed:
            return f"“{label}” can't be hidden here: {needed}"
        if where == "public_form":
            return self.take_off_forms(name, label)
        field["hide"] = [*field.get("hide", ()), where]
        if where == "list":
            told = self.document.get("list", {})
            for table in (told, *told.get("views", ())):
                for key in ("columns", "filters"):
                    if key in table:
                        table[key] = [each for each in table[key] if each.partition(".")[0] != name]
        return ""

    def needed(self, name: str, field: Document) -> str:
        """Why people must be able to fill in a field; empty if they need not."""
        if field.get("required") and "default" not in field:
            return "it is required, and has no default"
        if "require_if" in field:
            return "it is required of some records"
        workflow = self.document.get("workflow", {})
        for move in workflow.get("transitions", ()):
            if name in move.get("require", ()):
                return f"the move “{move.get('label') or humanise(move.get('name', ''))}” needs it"
        for check in self.document.get("checks", ()):
            if name in _first_names(check.get("require", {})):
                return f"a rule is about it: “{check.get('message', '')}”"
        return ""

    def take_off_forms(self, name: str, label: str) -> str:
        """Take a field off the public forms."""
        asked = False
        for form_name, form in self.document.get("forms", {}).items():
            steps = form.get("steps") or [form]
            if not any(name in step.get("fields", ()) for step in steps):
                continue
            asked = True
            if sum(len(step.get("fields", ())) for step in steps) == 1:
                return f"“{label}” is all that the form “{form.get('label') or form_name}” asks"
            for step in steps:
                step["fields"] = [each for each in step.get("fields", ()) if each != name]
        return "" if asked else f"no public form asks for “{label}” any more"

    def own(self, name: str, rest: list[str], value: Any) -> str:
        """The town's own field: itself, or something more about it."""
        if not rest:
            self.fields[name] = {"label": humanise(name.removeprefix(TOWN_PREFIX)), **value}
            return ""
        field = self.fields.get(name)
        if field is None:
            return ""  # it is told already why there is no such field
        if rest[0] in ("show_if", "required"):
            field.update(value)
        elif rest[0] == "filter":
            self.document.setdefault("list", {}).setdefault("_filters", []).append(name)
        elif rest[0] == "column":
            self.document.setdefault("list", {}).setdefault("_columns", []).append(name)
        else:
            form = self.document.get("forms", {}).get(rest[1])
            if form is None:
                return f"there is no public form “{rest[1]}” any more"
            last = form["steps"][-1] if form.get("steps") else form
            last["fields"] = [*last.get("fields", ()), name]
        return ""

    # -- states and sections ------------------------------------------------------------------------------------

    def state(self, name: str, key: str, value: Any) -> str:
        """The words of one state."""
        states = self.document.get("workflow", {}).get("states", {})
        if name not in states:
            return f"there is no state “{name}” any more{did_you_mean(name, states)}"
        states[name][key] = value
        return ""

    def lay_out(self) -> list[Document]:
        """The sections of the document, each with its shipped fields, told from now on."""
        if not self.laid_out:
            shipped = {
                name: field.get("label") or humanise(name) for name, field in self.fields.items() if not is_own(name)
            }
            self.document["sections"] = sections_of(self.document, shipped)
            self.laid_out = True
        sections: list[Document] = self.document["sections"]
        return sections

    def find_section(self, name: str) -> Document | None:
        """A section; one of the town's own is made if it is not there yet."""
        sections = self.lay_out()
        found = next((section for section in sections if section.get("name") == name), None)
        if found is None and is_own(name):
            found = {"name": name, "label": humanise(name.removeprefix(TOWN_PREFIX)), "fields": []}
            sections.append(found)
        return found

    def section_gone(self, name: str) -> str:
        """That a section is not there."""
        names = [section.get("name", "") for section in self.lay_out()]
        return f"there is no section “{name}” any more{did_you_mean(name, names)}"

    def section(self, name: str, key: str, value: Any) -> str:
        """The words of one section."""
        found = self.find_section(name)
        if found is None:
            return self.section_gone(name)
        found[key] = value
        return ""

    def order(self, listings: Mapping[str, Part]) -> None:
        """Put fields where the town wants them; one that it doesn't mention keeps its place."""
        wanted: dict[str, list[str]] = {}
        for name, part in listings.items():
            if self.find_section(name) is None:
                self.conflict(part, f"{self.section_gone(name).rstrip('?')}; its fields stand where they are shipped")
                continue
            wanted[name] = [field for field in part.value if field in self.fields]
            for gone in part.value:
                if gone not in self.fields and not is_own(gone):
                    self.conflict(part, f"there is no field “{gone}” any more; the others are in order", gone)
        if not self.laid_out:
            return
        placed = {field for names in wanted.values() for field in names}
        sections = self.lay_out()
        for section in sections:
            section["fields"] = _merged(wanted.get(section.get("name", ""), []), section.get("fields", []), placed)
        homeless = [name for name in self.fields if is_own(name) and name not in placed]
        last = next((each for each in reversed(sections) if not is_own(each.get("name", ""))), sections[-1])
        last["fields"] = [*last["fields"], *homeless]


def _merged(wanted: list[str], shipped: list[str], placed: set[str]) -> list[str]:
    """The wanted fields in order, and those that nobody placed behind the one that they are shipped behind."""
    made = list(wanted)
    before = -1
    for name in shipped:
        if name in made:
            before = made.index(name)
        elif name not in placed:
            before += 1
            made.insert(before, name)
    return made


def _first_names(condition: Any) -> set[str]:
    """Names of the fields that a condition, as it is written in a file, is about."""
    if isinstance(condition, list):
        return {name for entry in condition for name in _first_names(entry)}
    if not isinstance(condition, Mapping):
        return set()
    found: set[str] = set()
    for key, value in condition.items():
        found |= _first_names(value) if key in GROUPS else {key.partition(".")[0]}
    return found

"""Taking in a submitted form: what was typed and uploaded, and what a helper button asks for.

Buttons called ``_add``, ``_remove``, ``_find``, ``_clear`` and ``_refresh`` send a form to be drawn again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any

from townhall_forms.context import StoredFile
from townhall_forms.errors import Invalid
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.base import Field
from townhall_forms.fields.files import FileInput
from townhall_forms.fields.questions import QuestionsField
from townhall_forms.fields.rows import Rows
from townhall_forms.text import whole_number

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from townhall_forms.forms import Input
    from townhall_forms.forms import RecordForm

#: Names of the buttons that ask for the form again instead of sending it.
HELPERS = ("_add", "_remove", "_find", "_clear", "_refresh")


def take_in(form: RecordForm, data: MultiDict[str, str], files: MultiDict[str, Any]) -> None:
    """Take in what was sent: links before the answers to their questions, then what a helper button asks for."""
    late = [field for field in form if isinstance(field.typed, AnswersField)]
    for field in [*(field for field in form if field not in late), *late]:
        if field.path in form.locked:
            continue
        typed = form.bound(field.path) if field in late else field.typed
        form.put(field.path, _whole(form, field, typed.extract(data, files, field.name, form.context)))
        _read(form, field, typed)
        form.forget()
    _help(form, data)


def _whole(form: RecordForm, field: Input, raw: Any) -> Any:
    """Raw input in which kept files are files again: those of the record by their own tokens, others by staging."""
    if not isinstance(raw, FileInput):
        return raw
    value = form.initial.get(field.path)
    held = {file.token: file for file in (value if isinstance(value, tuple) else (value,)) if file is not None}
    unknown = [token for token in raw.kept if isinstance(token, str) and token not in held]
    held |= form.context.stored(unknown) if unknown else {}
    kept = [held.get(token, token) if isinstance(token, str) else token for token in raw.kept]
    return FileInput(list(dict.fromkeys(kept)), raw.problems)


def _read(form: RecordForm, field: Input, typed: Field) -> None:
    """Parse one input. What was not touched keeps its exact value."""
    before = form.initial.get(field.path)
    untouched = field.raw == typed.raw(before, form.context)
    try:
        if untouched and (before is not None or form.stored is not None):
            field.value = before
        else:
            raw = _as_unanswered(form, typed, before, field.raw) if isinstance(typed, AnswersField) else field.raw
            field.value = typed.parse(raw, form.context)
    except Invalid as error:
        field.value = before
        form.errors[field.path] = error.message
        form.errors.update({f"{field.path}.{part}": message for part, message in error.parts.items()})


def _as_unanswered(form: RecordForm, typed: AnswersField, before: Any, raw: dict[str, Any]) -> dict[str, Any]:
    """Answers without those that nobody gave: a box of a kept record that was not ticked before, nor is now, says
    nothing. Where other questions are asked than before, it says no.
    """
    link = typed.link_name
    if form.stored is None or before is None or (link in form and form[link].value != form.initial.get(link)):
        return raw
    boxes = {code: field for code, field in typed.fields().items() if field.type_name == "boolean"}
    said = {
        code: given
        for code, given in raw.items()
        if code in before.values or code not in boxes or given != boxes[code].raw(None, form.context)
    }
    return said or raw


def _help(form: RecordForm, data: MultiDict[str, str]) -> None:
    """Do what a helper button asks for."""
    for key, text in data.items(multi=True):
        if key.startswith(form.prefix) and key.endswith("-search") and text.strip():
            form.searches[key.removesuffix("-search")] = text.strip()
    # Enter in a search box sends the form; who has chosen nothing yet wants to see what was found.
    form.redraw = any(field.name in form.searches and not form.answered(field.path) for field in form)
    for name in HELPERS:
        if name in data:
            form.redraw = True
            _change(form, name, data[name].removeprefix(form.prefix))
    if form.redraw:
        form.errors.clear()


def _change(form: RecordForm, action: str, target: str) -> None:
    name, _, rest = target.partition("-")
    if name not in form or name in form.locked:
        return
    field: Input = form[name]
    typed = field.typed
    if isinstance(typed, Rows | QuestionsField):
        lines = [dict(line) for line in field.raw]
        if action == "_add":
            lines = [*(lines or [typed.blank(form.context)]), typed.blank(form.context)]
        elif action == "_remove":
            lines = [line for index, line in enumerate(lines) if index != whole_number(rest)]
        elif action == "_clear":
            _clear_cell(lines, rest)
        form.put(name, lines)
    elif action == "_remove" and isinstance(field.raw, FileInput):
        kept = [file for file in field.raw.kept if not (isinstance(file, StoredFile) and file.token == rest)]
        form.put(name, FileInput(kept, field.raw.problems))
    elif action == "_clear" and not rest:
        form.put(name, typed.raw(None, form.context))
        field.value = None
    form.forget()


def _clear_cell(lines: list[dict[str, Any]], place: str) -> None:
    digits, _, column = place.partition("-")
    index = whole_number(digits)
    if index is not None and index < len(lines) and column in lines[index]:
        lines[index][column] = ""


# -- what only a form knows to be wrong ---------------------------------------------------------------------------


def drop_blank_lines(form: RecordForm) -> None:
    """Forget rows in which nothing stands, so that the positions of errors are those on screen."""
    for field in form:
        if isinstance(field.typed, Rows) and isinstance(field.raw, list):
            kept = [index for index, line in enumerate(field.raw) if not _is_blank(form, field.typed, line)]
            if len(kept) < len(field.raw):
                form.put(field.path, [field.raw[index] for index in kept])
                _renumber(form.errors, field.path, kept)


def _is_blank(form: RecordForm, typed: Rows, line: Mapping[str, Any]) -> bool:
    try:
        return typed.row(line, form.context) is None
    except Invalid:
        return False


def _renumber(errors: dict[str, str], name: str, kept: list[int]) -> None:
    new = {str(old): str(index) for index, old in enumerate(kept)}
    moved = {}
    for path in [path for path in errors if path.startswith(f"{name}.")]:
        parts = path.split(".")
        parts[1] = new.get(parts[1], parts[1])
        moved[".".join(parts)] = errors.pop(path)
    errors.update(moved)


def check_offers(form: RecordForm, names: list[str]) -> None:
    """Refuse choices that are not offered any more, and links to records that this actor may not know of."""
    wanted: dict[str, set[int]] = {}
    references: dict[str, list[tuple[str, int]]] = {}
    for name in names:
        field: Input = form[name]
        if field.value is None or field.value == form.initial.get(name):
            continue
        retired = {choice.value: choice.label for choice in field.typed.choices if choice.retired}
        for one in (field.value,) if isinstance(field.value, str) else field.value if retired else ():
            if one in retired and one not in form.kept_choices(name):
                form.errors.setdefault(name, f"“{retired[one]}” is not offered any more. Choose another.")
        if field.typed.target:
            standing = form.standing(name)
            references[name] = [point for point in field.typed.references(field.value) if point not in standing]
            for identity, id in references[name]:
                wanted.setdefault(identity, set()).add(id)
    titles = {identity: form.context.titles(identity, ids) for identity, ids in wanted.items()}
    for name, found in references.items():
        if any(id not in titles[identity] for identity, id in found):
            form.errors.setdefault(name, "Choose one from the list.")

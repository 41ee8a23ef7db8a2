"""What would be different under another layer, in sentences: :func:`changes`. Two built types are compared."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterator
from typing import TYPE_CHECKING

from townhall_forms.schema import RecordType

if TYPE_CHECKING:
    from townhall_forms.fields.base import Field

_PLACES = {"form": "the clerks’ form", "list": "the list"}


def changes(old: RecordType, new: RecordType, columns: Collection[str]) -> list[str]:
    """What becomes different from ``old`` to ``new``. ``columns`` are those that the type's table has."""
    return [
        *_names(old, new),
        *(sentence for name in new.fields for sentence in _field(old, new, name, columns)),
        *_removed(old, new),
        *_sections(old, new),
        *_states(old, new),
        *_list(old, new),
        *_forms(old, new),
    ]


def _names(old: RecordType, new: RecordType) -> Iterator[str]:
    if old.label != new.label:
        yield f"“{old.label}” is called “{new.label}”."
    if old.label_plural != new.label_plural:
        yield f"Several of them, “{old.label_plural}”, are called “{new.label_plural}”."


def _field(old: RecordType, new: RecordType, name: str, columns: Collection[str]) -> Iterator[str]:
    after, before = new.fields[name], old.fields.get(name)
    if before is None:
        yield _added(new, after, columns)
        return
    title = f"“{after.label}”"
    if before.label != after.label:
        yield f"The field “{before.label}” is called {title}."
    if before.help != after.help:
        yield f"{title} has another help text." if after.help else f"{title} has no help text any more."
    if before.required != after.required:
        yield f"{title} {'must be filled in from now on' if after.required else 'need not be filled in any more'}."
    if before.privacy != after.privacy:
        yield f"{title} was {before.privacy} and is {after.privacy}."
    if before.default != after.default:
        start = f"as “{_words(after)}”" if after.default not in (None, "") else "empty"
        yield f"{title} starts {start} in new records."
    if (before.show_if and before.show_if.to_json()) != (after.show_if and after.show_if.to_json()):
        yield f"{title} is asked {'under another condition' if after.show_if else 'always'}."
    if before.search != after.search:
        yield f"The search box {'finds records by' if after.search else 'looks no more at'} {title}."
    for place, words in _PLACES.items():
        if (place in before.hide) != (place in after.hide):
            what = "hidden from" if place in after.hide else "shown again in"
            yield f"{title} is {what} {words}. Its values are kept."
    yield from _choices(before, after, title)


def _added(record_type: RecordType, field: Field, columns: Collection[str]) -> str:
    names = [column.name for column in field.columns()] if not field.outside else []
    kept = bool(names) and set(names) <= set(columns)
    told = " and ".join(f"“{name}”" for name in names)
    what = f"The field “{field.label}” is added"
    if kept:
        return f"{what}. Its column is there from before, and its values come back."
    where = f"the table “{record_type.table}” gets the column{'s' if len(names) > 1 else ''} {told}"
    return (
        f"{what}: {where}." if names else f"{what}. No column is added for it: its values are kept beside the record."
    )


def _removed(old: RecordType, new: RecordType) -> Iterator[str]:
    for name, field in old.fields.items():
        if name not in new.fields:
            yield (
                f"The field “{field.label}” is removed from all pages. Its values are kept, and come back if a field "
                f"“{name}” is added again."
            )


def _choices(before: Field, after: Field, title: str) -> Iterator[str]:
    known = {choice.value: choice for choice in before.choices}
    for choice in after.choices:
        was = known.pop(choice.value, None)
        if was is None:
            yield f"{title} gets the choice “{choice.label}”."
            continue
        if was.label != choice.label:
            yield f"The choice “{was.label}” of {title} is called “{choice.label}”."
        if was.help != choice.help:
            yield f"The choice “{choice.label}” of {title} has another help text."
        if was.retired != choice.retired:
            what = "offered no more; records that have it keep it" if choice.retired else "offered again"
            yield f"The choice “{choice.label}” of {title} is {what}."
    for gone in known.values():
        yield f"{title} has no choice “{gone.label}” any more."


def _sections(old: RecordType, new: RecordType) -> Iterator[str]:
    before = {section.name: section for section in old.sections}
    for section in new.sections:
        was = before.get(section.name)
        if was is None:
            yield f"The form gets a section “{section.label}”."
            continue
        if was.label != section.label:
            yield f"The section “{was.label}” is called “{section.label}”."
        if was.help != section.help:
            yield f"The section “{section.label}” has another help text."
        rest = [name for name in was.fields if name in section.fields]
        if rest != [name for name in section.fields if name in was.fields]:
            yield f"The fields of the section “{section.label}” stand in another order."
    home = {name: section.name for section in old.sections for name in section.fields}
    for section in new.sections:
        for name in section.fields:
            if home.get(name, section.name) != section.name:
                yield f"“{new.fields[name].label}” moves to the section “{section.label}”."


def _states(old: RecordType, new: RecordType) -> Iterator[str]:
    if old.workflow is None or new.workflow is None:
        return
    for name, state in new.workflow.states.items():
        was = old.workflow.states.get(name)
        if was is None:
            continue
        if was.label != state.label:
            yield f"The state “{was.label}” is called “{state.label}”."
        if was.public_label != state.public_label:
            yield f"The public reads “{state.public_label}” instead of “{was.public_label}”."
        if (was.help, was.public_help) != (state.help, state.public_help):
            yield f"The state “{state.label}” has another help text."


def _list(old: RecordType, new: RecordType) -> Iterator[str]:
    for what, before, after in (
        ("a column of the list", old.list.columns, new.list.columns),
        ("a filter of the list", old.list.filters, new.list.filters),
    ):
        for name in after:
            if name not in before:
                yield f"“{new.all_fields[name].label}” is {what}."
        for name in before:
            field = new.all_fields.get(name)
            if name not in after and field is not None and "list" not in field.hide:
                yield f"“{field.label}” is not {what} any more."


def _forms(old: RecordType, new: RecordType) -> Iterator[str]:
    for name, form in new.forms.items():
        was = old.forms.get(name)
        before = was.fields if was is not None else ()
        for asked in form.fields:
            if asked not in before:
                yield f"The public form “{form.label}” asks “{new.fields[asked].label}”."
        for asked in before:
            if asked not in form.fields and asked in new.fields:
                yield f"The public form “{form.label}” does not ask “{new.fields[asked].label}” any more."


def _words(field: Field) -> str:
    given = field.default if isinstance(field.default, list | tuple) else (field.default,)
    labels = {choice.value: choice.label for choice in field.choices}
    words = {True: "yes", False: "no"}
    return ", ".join(
        labels.get(each, words.get(each, str(each)) if isinstance(each, bool) else str(each)) for each in given
    )

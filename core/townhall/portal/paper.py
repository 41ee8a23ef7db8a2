"""A public form on paper: the same questions as on screen, with room to write."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from townhall.portal import contact
from townhall_forms.fields.answers import AnswersField
from townhall_forms.fields.base import Field

if TYPE_CHECKING:
    from townhall.portal.filling import Filling

#: Most options that are printed as boxes to tick; a longer list is asked for in writing.
MOST_BOXES = 40
ROWS = 5
#: What can be answered on a screen only.
SCREEN_ONLY = frozenset({"place"})


@dataclass(frozen=True, slots=True)
class Question:
    """One question on paper: ``boxes`` to tick, ``columns`` of an empty table, or ``lines`` to write on."""

    label: str
    help: str
    optional: bool
    conditional: bool
    several: bool = False
    boxes: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: int = 0
    lines: int = 1
    enclose: bool = False


def paper(filling: Filling) -> list[tuple[str, str, list[Question]]]:
    """Title, help and questions of every page of a form."""
    chapters = []
    for step in filling.steps:
        if step.name == contact.STEP:
            fields: Iterable[Field] = contact.contact_type(filling.contact_wanted).fields.values()
        else:
            asked = (filling.offering.fields[name] for name in step.fields)
            fields = (field for field in asked if filling.asks(field) and field.type_name not in SCREEN_ONLY)
        questions = [question for field in fields for question in _questions(filling, field)]
        chapters.append((step.label, step.help, questions))
    return chapters


def _questions(filling: Filling, field: Field) -> list[Question]:
    bound = field.bind(filling.values, filling.context)
    if isinstance(bound, AnswersField):
        return [_question(filling, one) for one in bound.fields().values()]
    return [_question(filling, field)]


def _question(filling: Filling, field: Field) -> Question:
    boxes = _boxes(filling, field)
    return Question(
        label=field.label,
        help=field.help,
        optional=not field.required and field.require_if is None,
        conditional=not filling.settled(field),
        several=field.type_name in ("choices", "links"),
        boxes=boxes,
        columns=[column.label for column in field.row_fields.values() if not column.is_computed],
        rows=ROWS,
        lines=_lines(field),
        enclose=field.type_name in ("file", "files"),
    )


def _boxes(filling: Filling, field: Field) -> list[str]:
    if field.type_name == "boolean":
        return ["Yes", "No"]
    if field.choices:
        return [choice.label for choice in field.choices if not choice.retired]
    if field.target:
        options = filling.context.options(field.target, field.where, "", MOST_BOXES + 1)
        return [option.title for option in options] if len(options) <= MOST_BOXES else []
    return []


def _lines(field: Field) -> int:
    return {"longtext": 6, "address": 4}.get(field.type_name, 1)

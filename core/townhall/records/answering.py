"""Privacy of answers: each question says by itself who may read what was answered to it."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

from townhall.access import policy
from townhall.access.actors import Actor
from townhall.records.plans import TypePlan
from townhall.records.plans import plan as plan_of
from townhall.records.types import ID
from townhall_forms.fields.asking import question_fields
from townhall_forms.fields.base import Field
from townhall_forms.schema import RecordType
from townhall_forms.values import Answers
from townhall_forms.values import Questions

if TYPE_CHECKING:
    from townhall.town import Town


def visible_answers(
    town: Town, actor: Actor, plan: TypePlan, field: Field, values: Mapping[int, dict[str, Any]]
) -> dict[int, frozenset[str]]:
    """Take out of the answers of all records in ``values`` those that the actor may not read; by record, the paths of
    those that are confidential.

    An answer to a question that is nowhere to be found any more is for nobody but the town itself.
    """
    secret: dict[int, frozenset[str]] = {}
    answered = {id: mine[field.name] for id, mine in values.items() if isinstance(mine.get(field.name), Answers)}
    if not answered:
        return secret
    levels = {"public", "internal"} if policy.sees_internal(actor, plan.record_type) else {"public"}
    questions = asked(town, plan, field, list(answered))
    for id, answers in answered.items():
        found = questions.get(id)
        given = found.at(answers.version) or found.questions if found is not None else ()
        readable = {question.code for question in given if question.privacy in levels}
        kept_back = {question.code for question in given if question.privacy == "confidential"} & answers.values.keys()
        if kept_back:
            secret[id] = frozenset(f"{field.name}.{code}" for code in kept_back)
        if not readable.issuperset(answers.values):
            kept = {code: value for code, value in answers.values.items() if code in readable}
            values[id][field.name] = replace(answers, values=kept)
    return secret


def asked(town: Town, plan: TypePlan, field: Field, ids: list[int]) -> dict[int, Questions]:
    """The questions that each record answers: its own, or those of the record that a link of it points at."""
    first, _, rest = field.source.partition(".")
    if not rest:
        return _column(plan, first, town, ids)
    link = plan.record_type.fields[first]
    chosen = {id: target for id, target in _column(plan, first, town, ids).items() if target is not None}
    if not chosen or link.target not in town.schemas:
        return {}
    lists = _column(plan_of(town, link.target), rest, town, sorted(set(chosen.values())))
    return {id: lists[target] for id, target in chosen.items() if isinstance(lists.get(target), Questions)}


def _column(plan: TypePlan, name: str, town: Town, ids: list[int]) -> dict[int, Any]:
    """One field of several records, whoever asks."""
    reader = plan.reader(frozenset({name}))
    return {row[ID]: reader.maker.make(row)[name] for row in reader.fetch(town.database, ids)}


def fields_called(town: Town, record_type: RecordType, field: Field, code: str) -> Iterator[Field]:
    """What every list of questions, present and earlier, that ``field`` may answer understands by ``code``."""
    for questions in _lists(town, record_type, field.source):
        for version in (questions.version, *questions.earlier):
            if (found := question_fields(questions, version).get(code)) is not None:
                yield found


def field_called(town: Town, record_type: RecordType, field: Field, code: str) -> Field | None:
    """What the questions of today understand by ``code``; ``None`` if nobody is asked that."""
    return next(fields_called(town, record_type, field, code), None)


def _lists(town: Town, record_type: RecordType, source: str) -> Iterator[Questions]:
    """All lists of questions of the records that ``source`` names."""
    link, _, name = source.partition(".")
    holder, field = record_type, record_type.field(link)
    if name and field is not None:
        holder = town.schemas[field.target]
        field = holder.field(name)
    if field is None:
        return
    plan = plan_of(town, holder.identity)
    columns = [column.name for column in field.columns()]
    for row in plan.model.select(*(plan.column(column) for column in columns)).tuples():
        value = field.from_columns(dict(zip(columns, row, strict=True)))
        if isinstance(value, Questions):
            yield value

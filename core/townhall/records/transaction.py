"""The transaction of a write to one type's records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import peewee

from townhall.db.transactions import immediate
from townhall.errors import Forbidden
from townhall.errors import Rejected
from townhall.errors import ValidationFailed
from townhall.records.outdating import require_current
from townhall.records.write_plans import WritePlan

if TYPE_CHECKING:
    from townhall.town import Town

_SQLITE = re.compile(r"UNIQUE constraint failed: (.+)")
_POSTGRESQL = re.compile(r"Key \(([^)]+)\)=")


@contextmanager
def write_transaction(town: Town, plan: WritePlan) -> Iterator[None]:
    """Everything in it is written, or nothing; of a type that is frozen or can only be read just now, nothing.

    Values that must be unique were looked for before; where somebody else was faster in the meantime the engine
    refuses the second one, and that is told in the same words. Raises :class:`~townhall.errors.Rejected` if frozen.
    """
    refuse_frozen(plan)
    if reason := town.plugins.read_only(plan.record_type.identity):
        raise Rejected(reason)
    try:
        with immediate(town.database):
            require_current(town)
            try:
                yield
            finally:
                town.wrote()
    except peewee.IntegrityError as violation:
        raise _in_words(plan, str(violation)) or violation from violation


def refuse_frozen(plan: WritePlan) -> None:
    """Raise :class:`~townhall.errors.Forbidden`, saying why, if no record of the type can be changed at present."""
    if plan.record_type.frozen:
        raise Forbidden(plan.record_type.frozen)


def _in_words(plan: WritePlan, said: str) -> ValidationFailed | None:
    """The plain sentence for a value that turned out not to be unique."""
    found = _SQLITE.search(said) or _POSTGRESQL.search(said)
    if found is None:
        return None
    columns = {name.strip().rpartition(".")[2].strip('"') for name in found.group(1).split(",")}
    for unique in plan.uniques:
        if set(plan.comparable_columns(unique.fields)) == columns:
            return ValidationFailed({unique.fields[0]: unique.message})
    if columns <= {"number", "external_key"}:
        (name,) = columns
        label = plan.record_type.label.lower()
        return ValidationFailed({name: f"Another {label} with the same {name.replace('_', ' ')} was made just now."})
    return None

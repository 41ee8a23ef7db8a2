"""Computed fields are worked out from other values, in an order that follows what they need."""

from __future__ import annotations

from datetime import UTC
from datetime import date
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from plain_context import PlainContext

from townhall_forms.computing import compute
from townhall_forms.computing import dependencies
from townhall_forms.computing import in_order
from townhall_forms.fields.base import Field
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas
from townhall_forms.schema import RecordType
from townhall_forms.values import Answers
from townhall_forms.values import Money
from townhall_forms.values import Question
from townhall_forms.values import Questions

HEAD = """
[type]
name = "bid"
title = "Bid"
[fields.programme]
type = "link"
to = "programme"
[fields.starts]
type = "date"
[fields.sent]
type = "datetime"
[fields.asked]
type = "questions"
[fields.scores]
type = "answers"
from = "asked"
[fields.photos]
type = "files"
[fields.lines]
type = "rows"
[fields.lines.fields.what]
type = "text"
[fields.lines.fields.cost]
type = "money"
[fields.lines.fields.hours]
type = "decimal"
[fields.lines.fields.on]
type = "date"
"""
PROGRAMME = "[type]\nname = 'programme'\ntitle = 'P'\n[fields.limit]\ntype = 'money'\ncurrency = 'USD'\n"


def computed(*fields: str) -> RecordType:
    """A type with computed fields ``a``, ``b``, ... that have these lines."""
    tables = (f"[fields.{name}]\ntype = 'computed'\n{lines}\n" for name, lines in zip("abcd", fields, strict=False))
    text = HEAD + "".join(tables)
    sources = [Source("grants", Path("programme.toml"), PROGRAMME), Source("grants", Path("bid.toml"), text)]
    return load_schemas(sources)["grants.bid"]


def row(what: str | None = None, cost: int | None = None, hours: str | None = None, on: date | None = None) -> Any:
    money = None if cost is None else Money(cost, "USD")
    return {"what": what, "cost": money, "hours": None if hours is None else Decimal(hours), "on": on}


ROWS = (row("Paint", 1050, "1.5", date(2026, 5, 2)), row("Work", 20000, "8.25", date(2026, 4, 1)), row("Free"))


@pytest.mark.parametrize(
    ("way", "values", "expected"),
    [
        ("{ sum = 'lines.cost' }", {"lines": ROWS}, Money(21050, "USD")),
        ("{ sum = 'lines.hours' }", {"lines": ROWS}, Decimal("9.75")),
        ("{ sum = 'lines.cost' }", {}, None),
        ("{ sum = 'lines.cost' }", {"lines": (row("Free"),)}, None),
        ("{ sum = 'lines.cost' }", {"lines": (row(cost=1), {**row(), "cost": Money(1, "EUR")})}, None),
        ("{ count = 'lines' }", {"lines": ROWS}, 3),
        ("{ count = 'lines' }", {}, 0),
        ("{ count = 'lines.cost' }", {"lines": ROWS}, 2),
        ("{ min = 'lines.cost' }", {"lines": ROWS}, Money(1050, "USD")),
        ("{ max = 'lines.cost' }", {"lines": ROWS}, Money(20000, "USD")),
        ("{ min = 'lines.on' }", {"lines": ROWS}, date(2026, 4, 1)),
        ("{ max = 'lines.on' }", {}, None),
        ("{ average = 'lines.hours' }", {"lines": ROWS}, Decimal("4.88")),
        ("{ average = 'lines.cost' }", {"lines": ROWS}, Decimal("105.25")),
        ("{ average = 'lines.hours' }", {}, None),
        (
            "{ days_between = ['starts', 'sent'] }",
            {"starts": date(2026, 5, 1), "sent": datetime(2026, 5, 4, 3, tzinfo=UTC)},
            2,
        ),
        ("{ days_between = ['starts', 'sent'] }", {"starts": date(2026, 5, 1)}, None),
        (
            "{ days_between = ['sent', 'starts'] }",
            {"starts": date(2026, 5, 1), "sent": datetime(2026, 5, 4, 12, tzinfo=UTC)},
            -3,
        ),
        ("{ copy = 'starts' }", {"starts": date(2026, 5, 1)}, date(2026, 5, 1)),
        ("{ copy = 'programme.limit' }", {"programme": 4}, Money(500000, "USD")),
        ("{ copy = 'programme.limit' }", {"programme": 5}, None),
        ("{ copy = 'programme.limit' }", {}, None),
    ],
)
def test_each_way_to_compute(way: str, values: dict[str, Any], expected: Any) -> None:
    """Missing parts don't count, and nothing at all gives nothing."""
    record_type = computed(f"compute = {way}")
    context = PlainContext(records={"grants.programme": {4: {"limit": Money(500000, "USD")}}})
    assert compute(record_type, values, context) == {"a": expected}


def test_an_average_of_answers_is_weighted() -> None:
    """Each mark counts as often as its question's weight; what was not answered, or weighs nothing, does not."""
    questions = Questions(
        1,
        (
            Question("need", "Need", "integer", weight=3),
            Question("plan", "Plan", "integer"),
            Question("idea", "Idea", "integer", weight=5),
            Question("luck", "Luck", "integer", weight=0),
            Question("note", "Note", "text"),
        ),
    )
    record_type = computed("compute = { average = 'scores' }")
    answers = Answers(1, {"need": 5, "plan": 2, "luck": 1, "note": "fine"})
    values = {"asked": questions, "scores": answers}
    assert compute(record_type, values, PlainContext()) == {"a": Decimal("4.25")}
    assert compute(record_type, {"asked": questions}, PlainContext()) == {"a": None}


def test_decimals_are_rounded_to_what_the_field_keeps() -> None:
    """Half to even, as a field with so many decimals stores it."""
    record_type = computed("compute = { average = 'lines.hours' }\ndecimals = 1")
    rows = (row(hours="0.25"), row(hours="0.25"))
    assert compute(record_type, {"lines": rows}, PlainContext()) == {"a": Decimal("0.2")}


def test_computed_fields_follow_each_other() -> None:
    """A field that needs another is worked out after it, whatever their order in the file."""
    record_type = computed("compute = { copy = 'b' }", "compute = { copy = 'c' }", "compute = { count = 'lines' }")
    assert [field.name for field in in_order(record_type)] == ["c", "b", "a"]
    assert compute(record_type, {"lines": ROWS}, PlainContext()) == {"a": 3, "b": 3, "c": 3}


def test_dependencies_are_known() -> None:
    """Who changes a value can tell what follows from it."""
    record_type = computed("compute = { sum = 'lines.cost' }", "compute = { days_between = ['starts', 'sent'] }")
    assert dependencies(record_type) == {"a": {"lines.cost"}, "b": {"starts", "sent"}}


def test_a_hook_computes_last_and_fits_its_field() -> None:
    """A plugin's function sees what was computed; a result that doesn't fit is none."""
    record_type = computed(
        "compute = { hook = 'score' }\nstores = 'integer'",
        "compute = { count = 'lines' }",
        "compute = { hook = 'bad' }\nstores = 'date'",
    )
    seen: dict[str, Any] = {}

    def hook(field: Field, values: Any) -> Any:
        seen[field.name] = values["b"]
        return values["b"] * 10 if field.compute == {"hook": "score"} else "not a day"

    assert compute(record_type, {"lines": ROWS}, PlainContext(), hook) == {"b": 3, "a": 30, "c": None}
    assert seen == {"a": 3, "c": 3}


def test_without_hooks_what_they_computed_stays() -> None:
    """When a plugin's code is gone, its last result is still there."""
    record_type = computed("compute = { hook = 'score' }\nstores = 'integer'")
    assert compute(record_type, {"a": 7}, PlainContext()) == {"a": 7}

"""One table of cases, three evaluators: a condition means the same in Python, in SQL and in the browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from collections.abc import Iterator
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import peewee
import pytest

import townhall_forms
from townhall_forms.condition_sql import SqlOperand
from townhall_forms.conditions import Condition
from townhall_forms.conditions import InvalidCondition
from townhall_forms.conditions import parse_condition
from townhall_forms.kinds import Kind
from townhall_forms.kinds import PathInfo
from townhall_forms.operands import Environment
from townhall_forms.text import normalise

CASES: list[list[Any]] = json.loads((Path(__file__).parent / "condition_cases.json").read_text(encoding="utf-8"))
ZONE = ZoneInfo("America/New_York")
ENVIRONMENT = Environment(datetime(2026, 5, 14, 15, 30, tzinfo=UTC), date(2026, 5, 14), 7, ZONE)

FIELDS: dict[str, Kind] = {
    "id": "link",
    "summary": "text",
    "city": "text",
    "status": "code",
    "other_status": "code",
    "tags": "codes",
    "count": "number",
    "least": "number",
    "most": "number",
    "amount": "number",
    "limit": "number",
    "urgent": "boolean",
    "public": "boolean",
    "starts": "date",
    "ends": "date",
    "seen": "datetime",
    "closed": "datetime",
    "opens": "time",
    "shuts": "time",
    "parent": "link",
    "category": "link",
    "assignee": "staff",
    "author": "staff",
    "about": "reference",
    "photo": "presence",
    "followers": "links",
}
SCALES = {"amount": 2, "limit": 3}
CATEGORY: dict[str, Kind] = {"code": "code", "label": "text", "days": "number"}
COLUMNS: dict[str, Kind] = {"label": "text", "amount": "number", "kind": "code", "on": "date"}
CATEGORIES = {
    1: {"code": "roads", "label": "Roads & paths", "days": 10},
    2: {"code": "water", "label": "", "days": None},
}


class Paths:
    """What the paths of the cases reach, as a schema would tell."""

    def __call__(self, path: str) -> PathInfo | None:
        first, _, rest = path.partition(".")
        if first == "category" and rest:
            return PathInfo(CATEGORY[rest]) if rest in CATEGORY else None
        if first == "lines":
            return PathInfo(COLUMNS[rest], many=True) if rest in COLUMNS else None
        return PathInfo(FIELDS[path]) if path in FIELDS else None

    def missing(self, path: str) -> str:
        return f"there is no field “{path}”"


def read(data: Any) -> Condition:
    return parse_condition(data, resolve=Paths())  # type: ignore[arg-type]


# -- Python ---------------------------------------------------------------------------------------------------------


def python_value(value: Any, kind: Kind) -> Any:
    """A value of a case as records have it."""
    if value is None:
        return None
    if kind == "number":
        return Decimal(value) if isinstance(value, str) else value
    if kind == "date":
        return date.fromisoformat(value)
    if kind == "datetime":
        return datetime.fromisoformat(value)
    if kind == "time":
        return time.fromisoformat(value)
    return tuple(value) if isinstance(value, list) else value


def getter(values: dict[str, Any]) -> Callable[[str], Any]:
    def get(path: str) -> Any:
        first, _, rest = path.partition(".")
        if first == "lines":
            return tuple(python_value(row.get(rest), COLUMNS[rest]) for row in values.get("lines", ()))
        if rest:
            return CATEGORIES[values["category"]][rest] if "category" in values else None
        return python_value(values.get(path), FIELDS[path])

    return get


@pytest.mark.parametrize(("name", "condition", "values", "expected"), CASES, ids=[case[0] for case in CASES])
def test_case_in_python(name: str, condition: Any, values: dict[str, Any], expected: bool) -> None:
    """Each case of the table is decided in Python as it says."""
    assert read(condition).evaluate(getter(values), ENVIRONMENT) is expected


# -- SQL ------------------------------------------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMN_TYPES = {
    "text": peewee.TextField,
    "code": peewee.TextField,
    "codes": peewee.TextField,
    "boolean": peewee.BooleanField,
}


def stored(value: Any, kind: Kind, scale: int = 0) -> Any:
    """A value of a case as columns hold it."""
    value = python_value(value, kind)
    if value is None or value == ():
        return None
    if kind == "text":
        return normalise(value) or None
    if kind == "codes":
        return json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))
    if kind == "number":
        return int(Decimal(value).scaleb(scale))
    if kind == "date":
        return value.toordinal()
    if kind == "datetime":
        return int((value - _EPOCH).total_seconds() * 1_000_000)
    if kind == "time":
        return value.hour * 60 + value.minute
    if kind == "presence":
        return 1
    return value


class Store:
    """Tables of the shape that schemas get, with one record for each case."""

    def __init__(self, database: peewee.Database) -> None:
        self.database = database
        self.record = self.model("record", {**FIELDS, "followers": "presence"}, about_type=peewee.TextField(null=True))
        self.category = self.model("category", {"id": "link", **CATEGORY})
        self.line = self.model("line", COLUMNS, parent=peewee.BigIntegerField())
        self.follower = self.model("follower", {}, parent=peewee.BigIntegerField(), target=peewee.BigIntegerField())
        database.create_tables([self.record, self.category, self.line, self.follower])
        for id, category in CATEGORIES.items():
            kept = {f"{name}_": stored(category[name], kind) for name, kind in CATEGORY.items()}
            self.category.create(case=id, id_=id, **kept)
        for case, (_, _, values, _) in enumerate(CASES):
            self.keep(case, values)

    def model(self, table: str, kinds: dict[str, Kind], **more: peewee.Field) -> Any:
        columns = {
            f"{name}_": _COLUMN_TYPES.get(kind, peewee.BigIntegerField)(null=True) for name, kind in kinds.items()
        }
        meta = type("Meta", (), {"database": self.database, "table_name": f"case_{table}"})
        number = peewee.BigIntegerField(default=0)
        return type(table, (peewee.Model,), {**columns, **more, "case": number, "Meta": meta})

    def keep(self, case: int, values: dict[str, Any]) -> None:
        row = {f"{name}_": stored(values.get(name), kind, SCALES.get(name, 0)) for name, kind in FIELDS.items()}
        row["followers_"] = None
        if values.get("about"):
            row["about_type"], _, number = values["about"].rpartition(":")
            row["about_"] = int(number)
        self.record.create(case=case, **row)
        for line in values.get("lines", ()):
            kept = {f"{name}_": stored(line.get(name), kind, SCALES.get(name, 0)) for name, kind in COLUMNS.items()}
            self.line.create(parent=case, **kept)
        for target in values.get("followers", ()):
            self.follower.create(parent=case, target=target)

    def operand(self, path: str) -> SqlOperand:
        first, _, rest = path.partition(".")
        if first == "followers":
            return self.elsewhere("links", self.follower, "target", 0, self.record.case, "parent")
        if first == "lines":
            return self.elsewhere(COLUMNS[rest], self.line, f"{rest}_", SCALES.get(rest, 0), self.record.case, "parent")
        if rest:
            return self.elsewhere(CATEGORY[rest], self.category, f"{rest}_", 0, self.record.category_, "id_")
        type_column = self.record.about_type if path == "about" else None
        column = getattr(self.record, f"{path}_")
        return SqlOperand(FIELDS[path], column, SCALES.get(path, 0), type_column=type_column)

    def elsewhere(self, kind: Kind, model: Any, column: str, scale: int, here: Any, there: str) -> SqlOperand:
        table = model.alias()

        def exists(test: Any) -> Any:
            return peewee.fn.EXISTS(table.select(peewee.SQL("1")).where((getattr(table, there) == here) & test))

        return SqlOperand(kind, getattr(table, column), scale, exists)

    def holds(self, case: int, condition: Any) -> bool:
        test = read(condition).to_sql(self.operand, ENVIRONMENT)
        mine = self.record.case == case
        found = self.record.select().where(mine & test).count()
        refused = self.record.select().where(mine & ~test).count()
        assert found + refused == 1, "a test is TRUE or FALSE, never NULL"
        return bool(found)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """The cases' records on each engine."""
    if request.param == "sqlite":
        database: peewee.Database = peewee.SqliteDatabase(":memory:")
        yield Store(database)
        database.close()
        return
    server = request.getfixturevalue("postgresql_server")
    database = peewee.PostgresqlDatabase(server.url(server.create()), prefer_psycopg3=True)
    yield Store(database)
    database.close()


@pytest.mark.parametrize("case", range(len(CASES)), ids=[case[0] for case in CASES])
def test_case_in_sql(store: Store, case: int) -> None:
    """Each case of the table is decided by the database as it says, and never with NULL."""
    assert store.holds(case, CASES[case][1]) is CASES[case][3]


# -- JavaScript -----------------------------------------------------------------------------------------------------

TEXTS = [
    "  Main   STREET ",
    "École",
    "Straße",
    "Øystein Ærø",
    "O’Brien – “x”",
    "ΟΔΟΣ",
    "İstanbul",
    "ﬁre",
    "łódź",
    "Ⅷ",
    "𝔘",
]


def browser_value(value: Any) -> Any:
    """A value of a case as an input of a form has it: text, and booleans of boxes."""
    if isinstance(value, list):
        return [browser_value(part) for part in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def browser_values(values: dict[str, Any]) -> dict[str, Any]:
    told = {name: browser_value(value) for name, value in values.items() if name != "lines"}
    for column in COLUMNS if "lines" in values else ():
        told[f"lines.{column}"] = [browser_value(row.get(column)) for row in values["lines"]]
    for name in CATEGORY if "category" in values else ():
        told[f"category.{name}"] = browser_value(CATEGORIES[values["category"]][name])
    return told


@pytest.fixture(scope="module")
def browser() -> dict[str, Any]:
    """What the browser's evaluator says of all cases, in one run."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, so conditions.js can't be run here")
    module = Path(townhall_forms.__file__).parent / "static" / "conditions.js"
    told = {
        "cases": [{"condition": read(case[1]).to_json(), "values": browser_values(case[2])} for case in CASES],
        "environment": {"now": "2026-05-14T15:30:00Z", "today": "2026-05-14", "zone": str(ZONE), "actor": 7},
        "texts": TEXTS,
    }
    runner = Path(__file__).with_name("condition_cases.mjs")
    done = subprocess.run(
        [node, str(runner), str(module)], input=json.dumps(told), capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("case", range(len(CASES)), ids=[case[0] for case in CASES])
def test_case_in_the_browser(browser: dict[str, Any], case: int) -> None:
    """Each case of the table is decided by conditions.js as it says, from what inputs hold."""
    assert browser["answers"][case] is CASES[case][3]


def test_the_browser_knows_what_a_condition_reads(browser: dict[str, Any]) -> None:
    """A form can tell which inputs to watch."""
    assert browser["paths"] == [sorted(read(case[1]).paths()) for case in CASES]


def test_text_is_normalised_alike(browser: dict[str, Any]) -> None:
    """Python and the browser fold case, accents and look-alikes in the same way."""
    assert browser["texts"] == [normalise(text) for text in TEXTS]


# -- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "key", "words"),
    [
        ("status", "", "is a table"),
        ({"status": {}}, "status", "says nothing"),
        ({"stauts": "open"}, "stauts", "no field"),
        ({"status": {"equals": "open"}}, "status.equals", "not an operator"),
        ({"status": {"startswith": "o"}}, "status.startswith", "did you mean “starts_with”"),
        ({"status": {"gt": "open"}}, "status", "means nothing"),
        ({"summary": {"lt": "a"}}, "summary", "means nothing"),
        ({"summary": 5}, "summary", "needs a text"),
        ({"summary": {"contains": " "}}, "summary", "something to look for"),
        ({"count": "many"}, "count", "needs a number"),
        ({"urgent": "maybe"}, "urgent", "true or false"),
        ({"starts": "2026-02-30"}, "starts", "needs a day"),
        ({"starts": "now-4h"}, "starts", "hours"),
        ({"seen": "soon"}, "seen", "needs a day or time"),
        ({"opens": "9 o'clock"}, "opens", "needs a time"),
        ({"assignee": "Erin"}, "assignee", "whoever is asking"),
        ({"parent": "roads"}, "parent", "category.code"),
        ({"photo": "x.png"}, "photo", "means nothing"),
        ({"status": {"empty": "yes"}}, "status", "true or false"),
        ({"count": {"between": [1]}}, "count", "list of two"),
        ({"count": {"in": 3}}, "count", "list of values"),
        ({"all": {"status": "open"}}, "all", "takes a list"),
        ({"any": [{"status": "open"}, {"cuont": 1}]}, "any.1.cuont", "no field"),
        ({"count": {"lt": {"field": "mots"}}}, "count", "no field"),
        ({"count": {"lt": {"field": "starts"}}}, "count", "not a number"),
        ({"count": {"lt": {"field": "lines.amount"}}}, "count", "several values"),
        ({"count": {"lt": {"other": "most"}}}, "count", "{ field ="),
        ({"a b": 1}, "a b", "not a path"),
    ],
)
def test_a_condition_that_can_not_be_says_why(data: Any, key: str, words: str) -> None:
    """Whatever is wrong with a condition is told with the key inside it and a sentence."""
    with pytest.raises(InvalidCondition) as caught:
        read(data)
    assert [problem for problem in caught.value.problems if problem[0] == key and words in problem[1]], caught.value


def test_all_problems_are_told_at_once() -> None:
    """An author sees every mistake in a condition in one go."""
    with pytest.raises(InvalidCondition) as caught:
        read({"stauts": "open", "count": {"lt": "x"}, "any": []})
    assert len(caught.value.problems) == 3


def test_without_a_schema_values_decide() -> None:
    """A condition can be used before it is known what its paths reach; values of other sorts never fit."""
    condition = parse_condition({"answers.size": {"gte": 3}, "answers.kind": "Big"})
    values = {"answers.size": Decimal(4), "answers.kind": "big"}
    assert condition.evaluate(values.get, ENVIRONMENT)
    assert not condition.evaluate({**values, "answers.size": "four"}.get, ENVIRONMENT)
    assert not condition.evaluate({**values, "answers.size": True}.get, ENVIRONMENT)


def test_conditions_combine() -> None:
    """Doors narrow a search by joining conditions; none at all always holds."""
    status, urgent = read({"status": "open"}), read({"urgent": True})
    get = {"status": "open"}.get
    assert not Condition.all_of([status, urgent]).evaluate(get, ENVIRONMENT)
    assert Condition.any_of([status, urgent]).evaluate(get, ENVIRONMENT)
    assert not status.negate().evaluate(get, ENVIRONMENT)
    assert Condition.all_of([]).evaluate(get, ENVIRONMENT)
    assert not Condition.any_of([]).evaluate(get, ENVIRONMENT)
    assert Condition.all_of([status, urgent]).paths() == {"status", "urgent"}

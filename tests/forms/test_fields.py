"""Every field type, through its public faces."""

from __future__ import annotations

import json
import random
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from plain_context import PlainContext

from townhall_forms.context import StoredFile
from townhall_forms.errors import FormsError
from townhall_forms.errors import Invalid
from townhall_forms.fields import FIELD_TYPES
from townhall_forms.fields import build_field
from townhall_forms.fields import is_built_in
from townhall_forms.fields import register
from townhall_forms.fields.base import Field
from townhall_forms.fields.text import Text
from townhall_forms.kinds import OPERATORS
from townhall_forms.kinds import kind_of
from townhall_forms.schema import Choice
from townhall_forms.values import Address
from townhall_forms.values import Money
from townhall_forms.values import Place
from townhall_forms.values import Reference

COLOURS = (Choice("red", "Red"), Choice("blue", "Deep blue"), Choice("old", "Old; gold", retired=True))
LETTERS = "abc XYZ-'éßøŁ中文😀;,\"{}[]1"


def make(type_name: str, **attributes: Any) -> Field:
    """A field called ``thing``."""
    if type_name in ("choice", "choices"):
        attributes.setdefault("choices", COLOURS)
    if type_name in ("link", "links"):
        attributes.setdefault("to", "core.contact")
    if type_name == "rows":
        columns = {
            "what": build_field("text", name="what", label="What", required=True),
            "cost": build_field("money", name="cost", label="Cost"),
            "who": build_field("link", name="who", label="Who", to="core.contact"),
            "paid": build_field("boolean", name="paid", label="Paid"),
        }
        attributes.setdefault("row_fields", columns)
    return build_field(type_name, **{"name": "thing", "label": "Thing", **attributes})


def some_text(chance: random.Random) -> str:
    return "".join(chance.choice(LETTERS) for _ in range(chance.randint(1, 30))).strip() or "x"


def some_moment(chance: random.Random) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=chance.randint(-(10**15), 4 * 10**15))


def some_money(chance: random.Random) -> Money:
    return Money(chance.randint(-(10**12), 10**12), "USD")


def some_place(chance: random.Random) -> Place:
    return Place(
        Decimal(chance.randint(-90_000_000, 90_000_000)).scaleb(-6),
        Decimal(chance.randint(-180_000_000, 180_000_000)).scaleb(-6),
    )


MAKERS: dict[str, Any] = {
    "text": lambda chance: make("text").parse(some_text(chance), PlainContext()),
    "longtext": lambda chance: make("longtext").parse(f"{some_text(chance)}\n{some_text(chance)}", PlainContext()),
    "integer": lambda chance: chance.randint(-(2**63) + 1, 2**63 - 1),
    "year": lambda chance: chance.randint(1000, 2999),
    "decimal": lambda chance: Decimal(chance.randint(-(10**15), 10**15)).scaleb(-2),
    "percent": lambda chance: Decimal(chance.randint(-10000, 10000)).scaleb(-2),
    "money": some_money,
    "boolean": lambda chance: chance.random() < 0.5,
    "date": lambda chance: date.fromordinal(chance.randint(1, date.max.toordinal())),
    "datetime": some_moment,
    "time": lambda chance: time(chance.randint(0, 23), chance.randint(0, 59)),
    "choice": lambda chance: chance.choice(COLOURS).value,
    "choices": lambda chance: tuple(choice.value for choice in COLOURS if chance.random() < 0.6) or ("red",),
    "email": lambda chance: f"User.{chance.randint(1, 999)}@example.com",
    "phone": lambda chance: f"+1555{chance.randint(1000000, 9999999)}" + chance.choice(["", ";ext=12"]),
    "url": lambda chance: f"https://www.example.com/{chance.randint(1, 999)}?q=a;b",
    "language": lambda chance: chance.choice(["en", "pl", "zh", "es"]),
    "country": lambda chance: chance.choice(["US", "PL", "CI"]),
    "address": lambda chance: Address(
        *(make("text").parse(some_text(chance), PlainContext()) or "" for _ in range(5)),
        chance.choice(["US", "PL", ""]),
    ),
    "place": some_place,
    "link": lambda chance: chance.randint(1, 2**63 - 1),
    "links": lambda chance: tuple(chance.sample(range(1, 10**6), chance.randint(1, 5))),
    "reference": lambda chance: Reference("complaints.service_request", chance.randint(1, 10**9)),
    "staff": lambda chance: chance.choice([7, 8, 9, 44]),
    "rows": lambda chance: tuple(
        {
            "what": make("text").parse(some_text(chance), PlainContext()),
            "cost": some_money(chance) if chance.random() < 0.7 else None,
            "who": chance.choice([None, 5]),
            "paid": chance.choice([True, False, None]),
        }
        for _ in range(chance.randint(1, 4))
    ),
}
PLAIN_TYPES = sorted(MAKERS)
_NASTY = '"quoted" \\ back/slash\x01\u2028 ł €'
NASTY_VALUES: dict[str, tuple[Any, ...]] = {
    "text": (_NASTY,),
    "address": (Address(), Address(line1=_NASTY, country="PL"), Address(city="Łódź", postal_code='"')),
    "rows": ((), ({},), ({"what": _NASTY, "cost": None, "who": None, "paid": False}, {"what": ""})),
}


def samples(type_name: str, count: int = 60) -> list[Any]:
    """Values of a type, the same in every run."""
    chance = random.Random(f"townhall {type_name}")
    return [MAKERS[type_name](chance) for _ in range(count)]


class TestEveryType:
    """What every type promises."""

    def test_every_type_has_samples(self) -> None:
        """No type escapes the tests below; files, questions and answers have tests of their own."""
        known = {name for name, kind in FIELD_TYPES.items() if is_built_in(kind)}
        assert set(MAKERS) == known - {"file", "files", "questions", "answers", "computed"}

    @pytest.mark.parametrize("type_name", PLAIN_TYPES)
    def test_values_survive_every_face(self, type_name: str) -> None:
        """A value comes back the same from its columns, a form, CSV, JSON, and from being parsed itself."""
        field, context = make(type_name), PlainContext()
        for value in samples(type_name):
            assert field.parse(value, context) == value
            if not field.outside:
                row = dict(field.to_columns(value))
                assert list(row) == [column.name for column in field.columns()]
                assert field.from_columns(row) == value
            assert field.parse(field.to_csv(value, context), context) == value
            assert field.parse(json.loads(json.dumps(field.to_json(value))), context) == _comparable(value, type_name)

    @pytest.mark.parametrize("type_name", PLAIN_TYPES)
    def test_many_values_are_stored_as_one_by_one(self, type_name: str) -> None:
        """Column by column, as an import writes them, values become what each becomes by itself, empty ones too."""
        field = make(type_name)
        if field.outside:
            return
        values = [value for each in samples(type_name) for value in (each, None)]
        one_by_one = [tuple(field.to_columns(value).values()) for value in values]
        assert list(zip(*field.cells(values), strict=True)) == one_by_one

    @pytest.mark.parametrize("type_name", PLAIN_TYPES)
    def test_json_as_text_is_compact_and_sorted(self, type_name: str) -> None:
        """The text that history keeps and digests is exactly the JSON of the value, however a type makes it."""
        field = make(type_name)
        for value in [*samples(type_name), *NASTY_VALUES.get(type_name, ())]:
            plain = json.dumps(field.to_json(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            assert field.json_text(value) == plain

    @pytest.mark.parametrize("type_name", PLAIN_TYPES)
    def test_forms_show_what_they_read(self, type_name: str) -> None:
        """What fills a form's input is parsed to the same value."""
        field, context = make(type_name), PlainContext()
        for value in samples(type_name):
            assert field.parse(field.raw(value, context), context) == _comparable(value, type_name, "no")

    @pytest.mark.parametrize("type_name", sorted(FIELD_TYPES.keys() - {"computed"}))
    def test_nothing_is_none(self, type_name: str) -> None:
        """Nothing entered is ``None`` from every door, and every face takes it."""
        field, context = make(type_name), PlainContext()
        for nothing in (None, "", "   ") if type_name not in ("file", "files") else (None, "", ()):
            assert field.parse(nothing, context) is None
        assert field.is_empty(None)
        assert all(held is None for held in field.to_columns(None).values())
        assert field.from_columns(dict.fromkeys((column.name for column in field.columns()), None)) is None
        assert field.display(None, context) == ""
        assert field.to_csv(None, context) == ""
        assert field.search_text(None, context) == ""
        assert not field.references(None)
        if type_name != "boolean":
            assert field.parse(field.raw(None, context), context) is None

    @pytest.mark.parametrize("type_name", sorted(FIELD_TYPES.keys() - {"computed"}))
    def test_operators_are_those_of_its_kind(self, type_name: str) -> None:
        """A type offers exactly the operators that conditions know for the way it compares."""
        field = make(type_name)
        assert field.operators == OPERATORS[kind_of(field)]

    @pytest.mark.parametrize("type_name", sorted(FIELD_TYPES.keys() - {"computed"}))
    @pytest.mark.parametrize(
        "nonsense", [object(), b"bytes", 3.5j, ["x", {}], {"no": "such"}, -1, True, "\x00", "☃" * 400]
    )
    def test_nonsense_is_refused_in_words(self, type_name: str, nonsense: Any) -> None:
        """Whatever is given, the answer is a value or one sentence; never another error."""
        field, context = make(type_name), PlainContext()
        sentence = ""
        try:
            value = field.parse(nonsense, context)
            field.to_columns(value)
            field.display(value, context)
        except Invalid as refused:
            sentence = refused.message
        assert not sentence or (sentence.endswith((".", "?")) and sentence[0] in "“ABCDEFGHIJKLMNOPQRSTUVWXYZ")

    @pytest.mark.parametrize("type_name", sorted(FIELD_TYPES.keys() - {"computed"}))
    def test_json_schema_is_json(self, type_name: str) -> None:
        """Every type has a JSON Schema."""
        assert json.loads(json.dumps(make(type_name).json_schema()))["type"]


def _comparable(value: Any, type_name: str, unticked: str = "") -> Any:
    """Rows leave out what is empty; a box in a form that is not ticked says no, and its moments have whole seconds."""
    if type_name == "datetime" and unticked:
        return value.replace(microsecond=0)
    if type_name == "rows" and unticked:
        return tuple({**row, "paid": bool(row["paid"])} for row in value)
    return value


MESSAGES = [
    ("text", {"max_length": 5}, "abcdef", "Use at most 5 characters; these are 6."),
    ("text", {"min_length": 3}, "ab", "Use at least 3 characters."),
    ("text", {"pattern": "[A-Z]{2}", "pattern_message": "Enter two capitals."}, "ab", "Enter two capitals."),
    ("integer", {}, "about 2", "Enter a whole number, like 12."),
    ("integer", {}, "1,5", "Enter a whole number, like 12."),
    ("integer", {}, "1.5", "Enter a whole number, like 12."),
    ("integer", {}, str(2**63), "This number is too large."),
    ("integer", {"min": 1, "max": 5000}, "0", "Enter a number from 1 to 5,000."),
    ("integer", {"min": 1}, "0", "Enter 1 or more."),
    ("year", {}, "26", "Enter a year, like 2026."),
    ("decimal", {}, "1.234", "Use at most 2 decimals."),
    ("decimal", {"max": "9.5"}, "9.6", "Enter 9.5 or less."),
    ("decimal", {}, "NaN", "Enter a number, like 12.5."),
    ("decimal", {}, float("inf"), "Enter a number, like 12.5."),
    ("money", {}, "about 200", "Enter an amount, like 250."),
    ("money", {}, "1.005", "Use at most 2 decimals."),
    ("money", {"currency": "JPY"}, "1.5", "Enter an amount without decimals."),
    ("money", {}, "€5", "Enter the amount in USD."),
    ("money", {}, "5 EUR", "Enter the amount in USD."),
    ("money", {"min": 1, "max": 500}, "501", "Enter an amount from $1.00 to $500.00."),
    ("boolean", {}, "maybe", "Answer yes or no."),
    ("date", {}, "23/11/2026", "Enter a date as year, month and day, like 2026-11-23."),
    ("date", {}, "2026-02-30", "There is no such day. Enter a date, like 2026-11-23."),
    ("date", {"min": "today"}, "2026-11-22", "Enter a date that is 2026-11-23 or later."),
    ("date", {"max": "today+1w"}, "2026-12-01", "Enter a date that is 2026-11-30 or earlier."),
    ("datetime", {}, "tomorrow", "Enter a date and a time, like 2026-11-23 16:00."),
    ("time", {}, "25:00", "Enter a time, like 16:00."),
    ("time", {}, "7", "Enter a time, like 16:00."),
    ("choice", {}, "green", "“green” is not one of the choices. Choose one from the list."),
    ("choices", {"max": 1}, "red; blue", "Choose at most 1."),
    ("email", {}, "ann(at)example.com", "Enter an e-mail address, like name@example.com."),
    ("phone", {}, "call me", "Enter a phone number, with its area code."),
    ("phone", {}, "12", "Enter a phone number with all its digits, area code included."),
    ("url", {}, "javascript:alert(1)", "Enter a web address, like https://www.example.com."),
    ("url", {}, "ftp://example.com", "Enter a web address, like https://www.example.com."),
    ("url", {}, "http://[", "Enter a web address, like https://www.example.com."),
    ("language", {}, "Klingon", "Choose a language, or enter its two-letter code, like en."),
    ("country", {}, "Narnia", "Choose a country, or enter its two-letter code, like US."),
    ("place", {}, "here", "Enter a point as latitude and longitude, like 40.7128, -74.0060."),
    ("place", {}, "91, 0", "Enter a point as latitude and longitude, like 40.7128, -74.0060."),
    ("link", {}, "Ann", "Choose one from the list."),
    ("reference", {}, "SR-1", "Enter the number of a record, as it stands on its page."),
    ("staff", {}, "Nobody", "Nobody called “Nobody” works here. Choose somebody from the list."),
    ("staff", {}, "jan novak", "Nobody called “jan novak” works here. Choose somebody from the list."),
    ("address", {}, {"street": "x"}, "An address has no part called “street”."),
    ("rows", {}, [{"what": "a", "cost": "about 200"}], "Enter an amount, like 250."),
    ("rows", {}, [{"nothing": 1}], "There is no column called “nothing” here."),
    ("rows", {"min": 2}, [{"what": "a"}], "Enter at least 2 lines."),
    ("rows", {}, "{", "These lines can't be read. Write them as a JSON list of objects."),
]


@pytest.mark.parametrize(("type_name", "keys", "raw", "message"), MESSAGES)
def test_messages_say_what_to_do(type_name: str, keys: dict[str, Any], raw: Any, message: str) -> None:
    """What can't be accepted is refused with a sentence that says what can."""
    with pytest.raises(Invalid) as refused:
        make(type_name, **keys).parse(raw, PlainContext())
    assert refused.value.message == message


ACCEPTED = [
    ("text", {}, "  a\tb\r\nc\x00 ", "a b c"),
    ("text", {}, "e\u0301", "é"),
    ("text", {}, 12, "12"),
    ("text", {}, "abc\u202edef\ud800", "abcdef"),
    ("longtext", {}, " a\r\nb\u2028c \x07", "a\nb\nc"),
    ("integer", {}, " 1,234 ", 1234),
    ("integer", {}, "\u221212", -12),
    ("integer", {}, Decimal("5.00"), 5),
    ("decimal", {"decimals": 3}, ".5", Decimal("0.500")),
    ("decimal", {}, 0.1, Decimal("0.10")),
    ("percent", {}, "12.5 %", Decimal("12.50")),
    ("money", {}, "1,180.50", Money(118050, "USD")),
    ("money", {}, "$1,180", Money(118000, "USD")),
    ("money", {}, "-$5", Money(-500, "USD")),
    ("money", {}, "USD 5", Money(500, "USD")),
    ("money", {}, "5 usd", Money(500, "USD")),
    ("money", {"currency": "KWD"}, "1.234", Money(1234, "KWD")),
    ("money", {}, {"amount": "5", "currency": "USD"}, Money(500, "USD")),
    ("money", {}, Money(5, "EUR"), Money(5, "EUR")),
    ("boolean", {}, "Y", True),
    ("boolean", {}, 0, False),
    ("choice", {}, "deep BLUE", "blue"),
    ("choice", {}, "old", "old"),
    ("choices", {}, ["blue", "red", "blue"], ("red", "blue")),
    ("date", {}, datetime(2026, 1, 2, 3, tzinfo=UTC), date(2026, 1, 1)),
    ("datetime", {}, "2026-01-02 09:30", datetime(2026, 1, 2, 14, 30, tzinfo=UTC)),
    ("datetime", {}, "2026-01-02T09:30:00Z", datetime(2026, 1, 2, 9, 30, tzinfo=UTC)),
    ("datetime", {}, "2026-01-02", datetime(2026, 1, 2, 5, tzinfo=UTC)),
    ("time", {}, "4 pm", time(16)),
    ("time", {}, "12:05am", time(0, 5)),
    ("time", {}, "9:30", time(9, 30)),
    ("email", {}, " Ann@EXAMPLE.com ", "Ann@example.com"),
    ("phone", {}, "(555) 014-2000 ext 12", "+15550142000;ext=12"),
    ("phone", {}, "+44 20 7946 0958", "+442079460958"),
    ("url", {}, "www.example.com", "https://www.example.com"),
    ("language", {}, "en-US", "en"),
    ("language", {}, "polish", "pl"),
    ("country", {}, "cote d'ivoire", "CI"),
    ("address", {}, "12 Mill Lane", Address("12 Mill Lane")),
    ("address", {}, {"country": "US"}, None),
    ("place", {}, (40.71284999, -74), Place(Decimal("40.712850"), Decimal("-74.000000"))),
    ("place", {}, "(-0.0000001; 5)", Place(Decimal("0.000000"), Decimal("5.000000"))),
    ("link", {}, {"id": 5}, 5),
    ("links", {}, "5; 3; 5", (5, 3)),
    ("reference", {}, "SR-2026-000012", Reference("complaints.service_request", 12)),
    ("staff", {}, "ruth okafor", 7),
    ("rows", {}, [{"what": ""}, {"what": "a"}], ({"what": "a", "cost": None, "who": None, "paid": None},)),
]


@pytest.mark.parametrize(("type_name", "keys", "raw", "value"), ACCEPTED)
def test_people_may_write_as_they_do(type_name: str, keys: dict[str, Any], raw: Any, value: Any) -> None:
    """Usual ways to write a value are understood, exactly."""
    assert make(type_name, **keys).parse(raw, PlainContext()) == value


def test_clocks_that_change() -> None:
    """An hour that comes twice means the first one; an hour that is skipped is an hour later by the new clock."""
    field, context = make("datetime"), PlainContext(zone="America/New_York")
    assert field.parse("2026-11-01 01:30", context) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert field.parse("2026-03-08 02:30", context) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    second = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert field.raw(second, context) == "2026-11-01T01:30", "a browser shows nothing with an offset"
    assert field.raw(datetime(2026, 11, 1, 5, 30, tzinfo=UTC), context) == "2026-11-01T01:30"


DISPLAYED = [
    ("integer", {"unit": "sq ft"}, 1200, "1,200 sq ft"),
    ("year", {}, 2026, "2026"),
    ("decimal", {}, Decimal("1200.50"), "1,200.5"),
    ("percent", {}, Decimal("12.00"), "12%"),
    ("money", {}, Money(-118050, "USD"), "-$1,180.50"),
    ("money", {}, Money(5, "CHF"), "CHF 0.05"),
    ("boolean", {}, False, "No"),
    ("choices", {}, ("red", "blue"), "Red, Deep blue"),
    ("date", {}, date(2026, 11, 23), "Mon 23 Nov"),
    ("date", {}, date(2027, 1, 1), "Fri 1 Jan 2027"),
    ("datetime", {}, datetime(2026, 11, 23, 21, 0, tzinfo=UTC), "Mon 23 Nov, 16:00"),
    ("phone", {}, "+15550142000;ext=12", "(555) 014-2000 ext. 12"),
    ("phone", {}, "+442079460958", "+44 20 7946 0958"),
    ("language", {}, "pl", "Polish"),
    ("address", {}, Address("2 Mill St", "", "Millbrook", "NY", "12545", "US"), "2 Mill St, Millbrook, NY 12545"),
    ("address", {}, Address("Rynek 1", "", "Kraków", "", "31-042", "PL"), "Rynek 1, Kraków, 31-042, Poland"),
    ("staff", {}, 7, "Ruth Okafor"),
    ("staff", {}, 99, "Somebody who has left"),
    ("link", {}, 5, "Ann"),
    ("link", {}, 6, ""),
    ("links", {}, (5, 6), "Ann"),
]


@pytest.mark.parametrize(("type_name", "keys", "value", "text"), DISPLAYED)
def test_values_are_shown_in_plain_words(type_name: str, keys: dict[str, Any], value: Any, text: str) -> None:
    """Each type shows its values as people write them here."""
    context = PlainContext(records={"core.contact": {5: {"title": "Ann"}}})
    assert make(type_name, **keys).display(value, context) == text


def test_text_is_compared_by_its_key() -> None:
    """Text is stored with its normalised form, which is what lists sort by."""
    field = make("text")
    assert field.to_columns("ÉCOLE  Rue") == {"thing": "ÉCOLE  Rue", "thing_key": "ecole rue"}
    assert field.sort_column == "thing_key"
    assert make("money").sort_column == "thing"
    assert make("longtext").sort_column == ""


def test_phones_are_found_by_their_digits() -> None:
    """The search text of a phone is its digits, without the extension."""
    assert make("phone").search_text("+15550142000;ext=12", PlainContext()) == "15550142000"


def test_links_say_what_they_point_at() -> None:
    """Records can check every link of a value, rows included, without knowing the type."""
    assert make("link").references(5) == (("core.contact", 5),)
    assert make("links").references((5, 6)) == (("core.contact", 5), ("core.contact", 6))
    assert make("reference").references(Reference("a.b", 3)) == (("a.b", 3),)
    assert make("rows").references(({"what": "x", "who": 9}, {"what": "y", "who": None})) == (("core.contact", 9),)


def test_rows_report_each_part() -> None:
    """A row's mistakes are told by line and column, counted as they were given."""
    with pytest.raises(Invalid) as refused:
        make("rows").parse([{"what": ""}, {"what": "a", "cost": "x"}, {"what": "b", "who": "y"}], PlainContext())
    assert refused.value.parts == {
        "1.cost": "Enter an amount, like 250.",
        "2.who": "Choose one from the list.",
    }
    assert refused.value.message == "2 entries need your attention."


def test_a_line_that_only_has_defaults_is_no_line() -> None:
    """An added line that nobody typed into is not kept because of its defaults."""
    columns = {
        "what": build_field("text", name="what", label="What"),
        "kind": build_field("choice", name="kind", label="Kind", choices=COLOURS, default="red"),
    }
    field, context = make("rows", row_fields=columns), PlainContext()
    assert field.parse([{"what": "", "kind": "red"}], context) is None
    assert field.parse([{"what": "", "kind": "blue"}], context) == ({"what": None, "kind": "blue"},)


class TestFiles:
    """Attachments."""

    def test_files_come_back_by_their_tokens(self) -> None:
        """A file is taken by itself, its token or its JSON; one that is gone is asked for again."""
        field, context = make("files"), PlainContext()
        kept = context.files["one"] = StoredFile(1, "one", "a.pdf", "application/pdf", 10, "0")
        for raw in ([kept], ["one"], "one", field.to_json((kept,)), field.to_csv((kept,), context)):
            assert field.parse(raw, context) == (kept,)
        with pytest.raises(Invalid, match=r"A file is no longer here\. Choose it again\."):
            field.parse(["two"], context)

    def test_how_many(self) -> None:
        """``max`` limits the number of files; a field of one file takes one."""
        context = PlainContext()
        files = [StoredFile(n, f"t{n}", f"{n}.pdf", "application/pdf", 10, "0") for n in range(3)]
        with pytest.raises(Invalid, match="Choose at most 2 files; remove 1"):
            make("files", max=2).parse(files, context)
        with pytest.raises(Invalid, match="Choose one file"):
            make("file").parse(files, context)
        assert make("file").parse(files[:1], context) == files[0]

    def test_groups_stand_for_extensions(self) -> None:
        """``accept`` takes extensions and the groups image and document."""
        assert make("file", accept=("PDF", ".md", "image")).extensions[:3] == ("pdf", "md", "jpg")  # type: ignore[attr-defined]


class TestBuilding:
    """How fields are made."""

    def test_computed_is_a_field_of_what_it_stores(self) -> None:
        """A computed field behaves as the type that it stores, and nobody can type it."""
        field = build_field("computed", name="total", label="Total", compute={"sum": "lines.cost"}, stores="money")
        assert (field.type_name, field.read_only, field.is_computed) == ("money", True, True)
        counted = build_field("computed", name="total", label="Total", compute={"count": "lines"})
        assert counted.type_name == "integer"

    def test_unknown_types_are_refused(self) -> None:
        """A type that nobody knows can't be built."""
        with pytest.raises(FormsError, match="There is no field type called 'colour'"):
            build_field("colour", name="x", label="X")

    def test_a_vendors_type_stays_readable(self) -> None:
        """A registered type is built by its name; without its code, values are read as what it stores."""

        class Plate(Text):
            type_name = "test_plate"

        assert register(Plate) is Plate
        assert isinstance(build_field("test_plate", name="x", label="X", stores="text"), Plate)
        assert type(build_field("gone_plate", name="x", label="X", stores="text")) is Text
        with pytest.raises(FormsError, match="already"):
            register(type("Other", (Text,), {"type_name": "text"}))

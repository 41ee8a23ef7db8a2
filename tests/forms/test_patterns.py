"""Patterns that a schema may declare can't be made to run for hours, and ordinary ones may be declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from plain_context import PlainContext

from townhall_forms import patterns
from townhall_forms.errors import Invalid
from townhall_forms.errors import SchemaErrors
from townhall_forms.fields.text import LongText
from townhall_forms.loading import Source
from townhall_forms.loading import load_schemas

DANGEROUS = [
    "(a+)+", "(a+)+$", "(a*)*", "(a|a)*", "(a|ab)*c", "(a?){50}a{50}", "(.*a){20}", "([a-z]+)*!", "(x+x+)+y",
    "(a|b|ab)*c", "^(([a-z])+.)+[A-Z]([a-z])+$", r"(\w+\s?)*$", "(?i)(a+A+)+b", "a*a*a*a*b",
    ".*.*.*x", "a?" * 30 + "a" * 30,
    r"(a)\1*", "((ab)*)*", "(-a*a*)*", "(?=(a+)+)b", "(a{1,30}){1,30}b", r"(\d+|\d+x)*", "(|a)*b",
    "(?:(-*)?b){0,500}", "((b{0,500})?a)*[ab]?", "((a?)?b)*", "(([0-9]*)?-)+",
    "((?=[a-z]*1)[a-z])+", "(?i)(ab|Ab)*c",
]  # fmt: skip
ORDINARY = [
    "[0-9]{2,6}", "[A-Z0-9-]+", r"[0-9]{2}\.[0-9A-Z]{3}", "[A-Za-z0-9]{12}", r"[^@\s]+@[^@\s]+\.[a-z]+",
    r"\d{5}(-\d{4})?",
    r"[A-Z]{2}-\d{4}(-\d{2})?", r"[a-z]+( [a-z]+)*", r"\d+(,\d+)*", r"(\d{3} )+", "(cat|dog)s?", "(ab|cd)*",
    r"(?i)[a-z]{3}",
    r"^(?:https?:/*)?([^\s/]+\.\S+)$", r"^0?(\d[\d ]{8,})", ".{1,200}",
    r"\(\d{3}\) \d{3}-\d{4}", r"(?=.*\d)[A-Za-z\d]{8,}",
]  # fmt: skip
WRONG = ["(", "[a", "a{2,1}", "*a", "(?P<n>a)(?P<n>b)"]


@pytest.mark.parametrize("pattern", DANGEROUS)
def test_patterns_that_run_for_hours_are_refused(pattern: str) -> None:
    """Repeats within repeats without a mark, choices that begin alike, and many parts of any length in a row."""
    assert "run for hours" in patterns.problem(pattern)


@pytest.mark.parametrize("pattern", ORDINARY)
def test_ordinary_patterns_may_be_declared(pattern: str) -> None:
    """Codes, numbers, lists with separators, addresses: what forms ask for."""
    assert patterns.problem(pattern) == ""


@pytest.mark.parametrize("pattern", WRONG)
def test_what_is_no_pattern_is_a_sentence(pattern: str) -> None:
    """It is told where it is declared, and not when somebody first fills in the form."""
    assert "is no regular expression" in patterns.problem(pattern)


def test_no_shipped_pattern_is_refused() -> None:
    """Those of the modules and of the mappings for imports."""
    root = Path(__file__).parents[2]
    found = [
        match[1] or match[2].encode().decode("unicode_escape")
        for folder in ("core", "plugins", "examples", "tests/fixtures")
        for path in (root / folder).rglob("*.toml")
        for match in re.finditer(r"""^pattern = (?:'(.*)'|"(.*)")""", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(found) > 10
    assert [pattern for pattern in found if patterns.problem(pattern)] == []


def test_a_schema_is_told_its_pattern_and_long_texts_are_not_tried(tmp_path: Path) -> None:
    """The mistake names its place; a text that is too long for a pattern is refused before it is looked at."""
    text = (
        '[type]\nname = "thing"\nlabel = "Thing"\ntitle = "{code}"\n\n[fields.code]\ntype = "text"\npattern = "(a+)+"\n'
    )
    with pytest.raises(SchemaErrors, match=r"fields\.code\.pattern.*run for hours"):
        load_schemas([Source("x", tmp_path / "thing.toml", text, frozenset())])
    field = LongText("story", "Story", pattern="(?:a|a)*b")
    with pytest.raises(Invalid, match="at most 1,000"):
        field.parse("a" * 5000, PlainContext())

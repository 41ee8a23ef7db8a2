"""Titles and numbers are filled in without logic, and tidily."""

from __future__ import annotations

import random
from itertools import product

import pytest

from townhall_forms.placeholders import InvalidTemplate
from townhall_forms.placeholders import NumberPattern
from townhall_forms.placeholders import Template
from townhall_forms.text import _normalised
from townhall_forms.text import normalise
from townhall_forms.text import tokens


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("{category}: {summary}", {"category": "Pothole", "summary": "Deep"}, "Pothole: Deep"),
        ("{category}: {summary}", {"summary": "Deep"}, "Deep"),
        ("{category}: {summary}", {"category": "Pothole"}, "Pothole"),
        ("{category}: {summary}", {}, ""),
        ("{a} {b} {c}", {"a": "Ada", "c": "Lovelace"}, "Ada Lovelace"),
        ("{a}, {b}, {c}", {"a": "1", "c": "3"}, "1, 3"),
        ("{a} ({b})", {"a": "Main Street"}, "Main Street"),
        ("{a} ({b}, {c})", {"a": "Main Street", "c": "rear"}, "Main Street (rear)"),
        ("{a} [{b}] – {c}", {"a": "x", "c": "z"}, "x – z"),
        ("Visit to {a} on {b}", {"a": "Acme", "b": "3 May"}, "Visit to Acme on 3 May"),
        ("{number} {link.name}", {"number": "7", "link.name": "{number}"}, "7 {number}"),
        ("{a}: 100 % of {b}", {"a": "x", "b": "50 %s"}, "x: 100 % of 50 %s"),
        ("{a} - {b}", {"b": "- keeps its own dash -"}, "- keeps its own dash -"),
    ],
)
def test_empty_parts_vanish_with_their_punctuation(text: str, values: dict[str, str], expected: str) -> None:
    """A title never shows a separator with nothing on one side, and never alters a value."""
    assert Template(text).render(lambda path: values.get(path, "")) == expected


@pytest.mark.parametrize("text", ["{a", "a}", "{}", "{a.b.c}", "{a!r}", "{a:>10}", "{A}", "{a.__class__}"])
def test_a_template_is_paths_only(text: str) -> None:
    """Nothing of Python's format language is understood, so a schema can't reach into objects."""
    with pytest.raises(InvalidTemplate):
        Template(text)


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    """A name that looks like a placeholder stays a name."""
    assert Template("{a}: {b}").fill(["{b}", "{a.__class__}"]) == "{b}: {a.__class__}"
    # Nor is anything but a placeholder filled in, whatever else may stand for something elsewhere.
    assert Template("%s {a} 100 % %(b)s $a").fill(["%d {{a}}"]) == "%s %d {{a}} 100 % %(b)s $a"
    assert Template("%s {a} 100 %").fill([""]) == "%s 100 %"


def test_paths_are_known_before_rendering() -> None:
    """What a title depends on can be asked without a record."""
    assert Template("{number}: {category.label} {summary}").paths == ("number", "category.label", "summary")


def test_numbers_count_by_year_and_with_leading_zeros() -> None:
    """A pattern says its digits and whether each year starts at one."""
    pattern = NumberPattern("SR-{year}-{seq:06}")
    assert pattern.yearly
    assert pattern.render(2026, 123) == "SR-2026-000123"
    assert not NumberPattern("P-{seq}").yearly
    assert NumberPattern("P-{seq}").render(2026, 5) == "P-5"


@pytest.mark.parametrize("text", ["SR", "{seq}{seq}", "{sequence}", "{month}-{seq}", "{seq:6}", "{seq"])
def test_a_number_needs_exactly_one_sequence(text: str) -> None:
    """A pattern that could repeat a number is refused."""
    with pytest.raises(InvalidTemplate):
        NumberPattern(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Main   STREET ", "main street"),
        ("École Élémentaire", "ecole elementaire"),
        ("Straße", "strasse"),
        ("Øystein Ærø", "oystein aero"),
        ("O’Brien", "o'brien"),
        ("ΟΔΟΣ", "οδοσ"),
        ("İstanbul", "istanbul"),
        ("ﬁre", "fire"),
    ],
)
def test_text_is_compared_without_case_and_accents(text: str, expected: str) -> None:
    """People find a name however they type it."""
    assert normalise(text) == expected


def test_words_of_a_text() -> None:
    """An apostrophe does not split a name."""
    assert tokens("O'Brien, Zoë-Ann 12b") == ["obrien", "zoe", "ann", "12b"]


def test_a_template_keeps_nothing_of_what_it_said_before() -> None:
    """Filling one template again and again, with other parts empty each time, gives what a new one gives."""
    text = "{a} ({b}), {c}"
    template = Template(text)
    ways = [dict(zip("abc", way, strict=True)) for way in product(("", "x", " y "), repeat=3)]
    for values in [*ways, *reversed(ways)]:
        assert template.render(values.__getitem__) == Template(text).render(values.__getitem__), values


def test_words_of_plain_text_are_those_of_any_text() -> None:
    """ASCII is taken apart by a table and all else by a pattern; both give the same words, text by text or in one."""
    texts = ["".join(chr(code) for code in range(start, 128, 3)) for start in range(3)]
    texts += [f"a{chr(code)}b'{chr(code)}C" for code in range(128)]
    texts += ["O'Brien, Zoë", "ŁÓDŹ 12/3", "ΟΔΟΣ", "Straße_7", "x\u0301y", "５th", "_under_score_", "", " ", "l’été"]
    for text in texts:
        slow = tokens(f"{text} ж")
        assert [*tokens(text), "ж"] == slow, text
    assert tokens(" ".join(texts)) == [word for text in texts for word in tokens(text)]


def test_words_are_normalised_as_the_text_that_they_stand_in() -> None:
    """Word by word, each remembered, gives what all of a text gives in one, whatever stands in it."""
    chance = random.Random(1887)
    marks = (
        [chr(code) for code in range(1, 0x3100)]
        + list("aAΣσς ßİıǅŉﬁ½¨´'’-–가" * 80)
        + ["\u0301", "\u00a0", "\x1c"] * 80
    )
    for _ in range(20_000):
        text = "".join(chance.choices(marks, k=chance.randrange(14)))
        assert normalise(text) == _normalised.__wrapped__(text), ascii(text)


def test_long_and_short_texts_are_normalised_alike() -> None:
    """Names are remembered once they are normalised, and longer texts are not; nothing else is different."""
    for text in ("  ÉCOLE  Rue", "Łódź", "ΟΔΟΣ", "ﬁn de siècle"):
        for _ in range(2):
            assert normalise(f"{text} " * 50) == " ".join([normalise(text)] * 50)
